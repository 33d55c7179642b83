"""Projection A and back-projection A.T of single-axis tilt series."""

from __future__ import annotations

from .backends import BackendName, needs_matrix
from .geometry import Footprint, ProjectionGeometry
from .projector import BackProjector, Projector

__all__ = [
    "BackProjector",
    "BackendName",
    "Footprint",
    "ProjectionGeometry",
    "Projector",
    "needs_matrix",
]
