"""Weights adapted to one tilt series, quickly and without any truth."""

from .check import FEWEST
from .result import Adaptation, AdaptationScored
from .run import adapt
from .settings import AdaptationSettings

__all__ = ["FEWEST", "Adaptation", "AdaptationScored", "AdaptationSettings", "adapt"]
