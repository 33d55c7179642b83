"""Simulated specimens and tilt series: `dataset` simulates, `sample` is the embedded one."""

from .sample import sample_series

__all__ = ["sample_series"]
