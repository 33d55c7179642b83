"""Weights files: what is in them, where they come from, and the card that they carry."""
