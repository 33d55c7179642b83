"""Figures of merit of one predicted tilt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def correlation(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Pearson correlation of two images; 0 where one is constant."""
    x = np.asarray(a, dtype=np.float64).ravel()
    y = np.asarray(b, dtype=np.float64).ravel()
    x, y = x - x.mean(), y - y.mean()
    norm = np.sqrt((x @ x) * (y @ y))
    return float(x @ y / norm) if norm > 0 else 0.0


def mean_squared_error(predicted: NDArray[Any], truth: NDArray[Any]) -> float:
    """MSE after bringing both to mean 0 and standard deviation 1, as in the paper's tables."""
    return 2 * (1 - correlation(predicted, truth))


def averaged(image: NDArray[Any], factor: int) -> NDArray[Any]:
    """Mean over blocks of factor x factor pixels; what does not fill a block is cut off."""
    height, width = (n // factor * factor for n in image.shape)
    blocks = image[:height, :width].reshape(height // factor, factor, width // factor, factor)
    return blocks.mean(axis=(1, 3))
