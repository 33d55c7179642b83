"""Simulated specimens and tilt series: see `dataset` for the entry points."""
