"""How far syntheses from subsets of the tilts lie apart, and what that says of errors."""
