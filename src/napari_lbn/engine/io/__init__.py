"""Files in and out. Importing this loads neither torch nor a file library."""

from .angles.read import AngleTable, MissingAnglesError, find_angle_file, read_angles
from .output import (
    VolumeWriter,
    atomic_path,
    check_free_space,
    ensure_folder,
    write_provenance,
    write_stack,
    write_tilt_angles,
)
from .pointing import is_tilt_series
from .series import open_tilt_series
from .volume import open_volume

__all__ = [
    "AngleTable",
    "MissingAnglesError",
    "VolumeWriter",
    "atomic_path",
    "check_free_space",
    "ensure_folder",
    "find_angle_file",
    "is_tilt_series",
    "open_tilt_series",
    "open_volume",
    "read_angles",
    "write_provenance",
    "write_stack",
    "write_tilt_angles",
]
