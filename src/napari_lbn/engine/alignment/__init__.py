"""Alignments of tilt series: one internal form, and images aligned while they are read."""

from .images import AlignedImages
from .model import Alignment

__all__ = ["AlignedImages", "Alignment"]
