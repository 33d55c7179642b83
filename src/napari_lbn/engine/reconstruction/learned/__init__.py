"""Optimal back-projection: the filter of weighted back-projection, learned."""

from __future__ import annotations

from .apply import filtered_source
from .config import FilterConfig, InitialFilter, Variant
from .examples import Example, project_density, simulate_density, simulated_examples
from .files import load_filter, save_filter
from .learner import FilterTraining
from .losses import LossSettings
from .model import LearnedFilter
from .profile import plane_response, radial_profile
from .self_supervision import hold_out_examples
from .trainer import FilterStep, train_filter
from .transfer import transfer

__all__ = [
    "Example",
    "FilterConfig",
    "FilterStep",
    "FilterTraining",
    "InitialFilter",
    "LearnedFilter",
    "LossSettings",
    "Variant",
    "filtered_source",
    "hold_out_examples",
    "load_filter",
    "plane_response",
    "project_density",
    "radial_profile",
    "save_filter",
    "simulate_density",
    "simulated_examples",
    "train_filter",
    "transfer",
]
