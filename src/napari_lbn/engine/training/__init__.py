"""Masked-tilt training."""
