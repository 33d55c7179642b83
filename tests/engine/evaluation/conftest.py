"""A small specimen whose projections are known, and settings for it."""

from __future__ import annotations

import numpy as np
import pytest

from napari_lbn.engine.evaluation.hold_out.run import HoldOutSettings
from napari_lbn.engine.reconstruction.wbp import WBPSettings
from napari_lbn.engine.synthesis import SynthesisSettings
from napari_lbn.engine.tilt_series import TiltSeries

ANGLES = np.arange(-60.0, 61, 6)


def gaussians(
    angles: np.ndarray, *, shape: tuple[int, int] = (40, 48), depth: float = 14, seed: int = 5
) -> np.ndarray:
    """Exact projections ``(n, y, x)`` of round Gaussian particles in a box."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: shape[0], : shape[1]].astype(float)
    out = np.zeros((len(angles), *shape))
    for _ in range(14):
        px, pz = rng.uniform(-16, 16), rng.uniform(-depth / 2, depth / 2)
        py, radius = rng.uniform(6, shape[0] - 6), rng.uniform(1.2, 2.5)
        for i, theta in enumerate(np.deg2rad(angles)):
            q = px * np.cos(theta) + pz * np.sin(theta) + (shape[1] - 1) / 2
            out[i] += radius * np.exp(-((x - q) ** 2 + (y - py) ** 2) / (2 * radius**2))
    return out


@pytest.fixture(scope="session")
def clean_particles() -> np.ndarray:
    """Exact projections at -60 to 60 degrees in steps of 6."""
    return gaussians(ANGLES)


@pytest.fixture
def particles(clean_particles: np.ndarray) -> TiltSeries:
    """21 tilts of round particles with a little noise, in counts."""
    noise = np.random.default_rng(0).normal(0, 0.3, clean_particles.shape)
    images = 50 + clean_particles + noise
    return TiltSeries.from_array(
        images.astype(np.float32), ANGLES, pixel_size=10.0, name="particles"
    )


@pytest.fixture
def quick() -> HoldOutSettings:
    return HoldOutSettings(
        wbp=WBPSettings(thickness=20), synthesis=SynthesisSettings(device="cpu", thickness=20)
    )
