"""Tomograms from tilt series."""

from __future__ import annotations

from .filters import filter_tilts
from .iterative import Residual, reconstruct_iteratively
from .iterative_settings import SIRTSettings, TVSettings
from .methods import MethodSettings, augment, reconstruct_source
from .plan import SlabPlan, plan_slabs
from .responses import FilterName, ramp_response
from .settings import WBPSettings
from .source import TiltSource
from .wbp import back_project_slab, reconstruct

__all__ = [
    "FilterName",
    "MethodSettings",
    "Residual",
    "SIRTSettings",
    "SlabPlan",
    "TVSettings",
    "TiltSource",
    "WBPSettings",
    "augment",
    "back_project_slab",
    "filter_tilts",
    "plan_slabs",
    "ramp_response",
    "reconstruct",
    "reconstruct_iteratively",
    "reconstruct_source",
]
