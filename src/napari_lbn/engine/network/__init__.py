"""The Latent Back-projection Network."""

from .config import LBNConfig
from .layers import in_bands
from .lbn import LBN

__all__ = ["LBN", "LBNConfig", "in_bands"]
