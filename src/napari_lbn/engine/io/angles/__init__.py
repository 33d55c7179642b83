"""Tilt angles: in files, typed, and which of them a stack gets."""
