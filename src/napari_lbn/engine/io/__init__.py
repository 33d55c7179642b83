"""Files in and out. Importing this loads neither torch nor a file library."""

from .angles.read import AngleTable, MissingAnglesError, find_angle_file, read_angles
from .files.atomic import atomic_path, check_free_space, ensure_folder
from .files.text_output import write_provenance, write_tilt_angles
from .mrc.stack import write_stack
from .pointing import is_tilt_series
from .series import open_tilt_series
from .tomograms.volume_writer import VolumeWriter
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
