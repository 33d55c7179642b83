"""Tomograms from tilt series."""

from __future__ import annotations

from .filters import FilterName, filter_tilts, ramp_response
from .plan import SlabPlan, plan_slabs
from .settings import WBPSettings
from .wbp import back_project_slab, reconstruct

__all__ = [
    "FilterName",
    "SlabPlan",
    "WBPSettings",
    "back_project_slab",
    "filter_tilts",
    "plan_slabs",
    "ramp_response",
    "reconstruct",
]
