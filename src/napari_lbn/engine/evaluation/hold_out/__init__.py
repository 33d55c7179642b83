"""Hold-outs: which tilts are hidden together, what is measured on them, and what it means."""
