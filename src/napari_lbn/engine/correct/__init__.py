"""The main job: a tilt series in, synthesized wedge tilts and two tomograms out."""

from .alteration import Alteration
from .job import correct
from .plan import CorrectionPlan, plan, working_pixel_size
from .result import CorrectionResult
from .rows import measure_intensities
from .settings import CorrectionSettings
from .tomogram import reconstruct_measured

__all__ = [
    "Alteration",
    "CorrectionPlan",
    "CorrectionResult",
    "CorrectionSettings",
    "correct",
    "measure_intensities",
    "plan",
    "reconstruct_measured",
    "working_pixel_size",
]
