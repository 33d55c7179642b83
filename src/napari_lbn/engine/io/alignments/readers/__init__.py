"""One module a package: from its files to the one form of `napari_lbn.engine.alignment`."""

from .aretomo import read_aretomo
from .imod import read_imod
from .portal import read_portal
from .relion import listed_series, read_relion
from .warp import read_warp

__all__ = [
    "listed_series",
    "read_aretomo",
    "read_imod",
    "read_portal",
    "read_relion",
    "read_warp",
]
