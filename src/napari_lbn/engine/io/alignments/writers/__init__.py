"""One module a package: from the one form of `napari_lbn.engine.alignment` to its files."""

from .aretomo import write_aretomo
from .imod import write_imod
from .portal import write_portal
from .relion import write_relion
from .warp import write_warp

__all__ = [
    "write_aretomo",
    "write_imod",
    "write_portal",
    "write_relion",
    "write_warp",
]
