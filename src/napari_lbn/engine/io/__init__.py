"""Files in and out. Importing this loads neither torch nor a file library."""

from .angles import AngleTable, MissingAnglesError, find_angle_file, read_angles
from .series import is_tilt_series, open_tilt_series
from .volume import open_volume

__all__ = [
    "AngleTable",
    "MissingAnglesError",
    "find_angle_file",
    "is_tilt_series",
    "open_tilt_series",
    "open_volume",
    "read_angles",
]
