"""How the embedded sample was made: run this module with the path of the file to write.

The stored sample came from the first version of the simulation; today's makes another cell.
"""

from __future__ import annotations

import lzma
import sys
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .dataset import SAMPLE_SEED
from .imaging.microscope import MicroscopeSettings
from .imaging.noise import signal_variance, to_counts
from .sample import PIXEL_SIZE, TRUTH_STEP
from .series import SimulationSettings, image_view
from .specimens.settings import SpecimenSettings
from .specimens.specimen import Specimen, make_specimen

if TYPE_CHECKING:
    from numpy.typing import NDArray

SNR = 0.3
COUNTS = 30.0
"""Mean camera counts per pixel of the untilted view, several electrons each."""


def sample_settings() -> SimulationSettings:
    """What the embedded sample was simulated with."""
    specimen = SpecimenSettings(
        field=(192, 256),
        views=1,
        pixel_size=(PIXEL_SIZE, PIXEL_SIZE),
        thickness=(75.0, 75.0),
        gradient=0.1,
        max_angle=60.0,
        cell=1,
        texture=0,
        molecules=1,
        vesicles=1,
        sheets=0,
        filaments=0,
        microtubules=1,
        granules=0,
        beads=1,
        carbon=0,
        embedded=0,
    )
    microscope = MicroscopeSettings(
        defocus=(3.5, 3.5), misalignment=(0.2, 0.2), mean_free_path=(250.0, 250.0)
    )
    angles = tuple(float(a) for a in range(-60, 61, 3))
    return SimulationSettings(specimen=specimen, microscope=microscope, angles=angles)


def make_sample(seed: int) -> dict[str, Any]:
    """Simulate the sample: counts, angles, truth levels along z, and how it was done.

    The untilted view has an SNR of 0.3; the noise of each tilt goes with the root of its
    counts.
    """
    settings = sample_settings()
    specimen = make_specimen(settings.specimen, seed)
    series = image_view(specimen, settings, seed, view=0)
    rng = np.random.default_rng([seed, 1])
    untilted = int(np.argmin(np.abs(series.angles)))
    expected = to_counts(series.clean - series.clean[untilted].mean(), series.exposure, COUNTS)
    root = np.sqrt(expected.mean(axis=(1, 2)) / expected[untilted].mean())
    scale = root * np.sqrt(signal_variance(expected[untilted]) / SNR)
    noisy = expected + scale[:, None, None] * rng.standard_normal(expected.shape)
    return {
        "images": np.clip(np.rint(noisy), 0, 255).astype(np.uint8),
        "angles": series.angles,
        "truth": _truth_levels(specimen),
        "snr": SNR,
        "seed": seed,
    }


def _truth_levels(specimen: Specimen) -> NDArray[np.int8]:
    """Density of the field of view on tilt pixels, in steps, as differences along z."""
    fine, width = specimen.settings.oversampling, specimen.settings.field[1]
    margin, grid = specimen.settings.margin, specimen.grid
    left = grid.nx // 2 - fine * width // 2
    part = specimen.density[:, left : left + fine * width, fine * margin : -fine * margin]
    nz, nx, ny = (n // fine for n in part.shape)
    binned = part.reshape(nz, fine, nx, fine, ny, fine).mean(axis=(1, 3, 5)).transpose(0, 2, 1)
    levels = np.clip(np.rint(binned / TRUTH_STEP), 0, 127).astype(np.int8)
    return np.diff(levels, axis=0, prepend=np.zeros_like(levels[:1]))


def write_sample(path: Path, seed: int) -> None:
    """Simulate the sample and write it compressed."""
    buffer = BytesIO()
    np.savez(buffer, **make_sample(seed))
    path.write_bytes(lzma.compress(buffer.getvalue(), preset=9))


if __name__ == "__main__":
    write_sample(Path(sys.argv[1]), SAMPLE_SEED)
