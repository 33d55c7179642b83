"""Evidence: how well tilts that were hidden are predicted."""
