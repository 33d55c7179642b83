"""Missing-wedge correction of cryo-ET tilt series with a Latent Back-projection Network."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("napari-lbn")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"

__all__ = ["__version__"]
