"""What a simulated field of view becomes when it is measured."""

from __future__ import annotations

import json
import pickle
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from safetensors import SafetensorError

from ..errors import InputError
from ..simulation.imaging.borders import BorderSettings, blank_borders, blanked
from ..simulation.imaging.noise import add_noise

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.random import Generator
    from numpy.typing import NDArray

RANGE = (42.0, 72.0)
"""Degrees: where the measured range ends on each side."""
SNR = (0.05, 3.0)
USUAL_RANGE, USUAL_SNR = 60.1, 0.3
LEAST_TILTS = 8

DAMAGE = (
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    SafetensorError,
    TypeError,
    ValueError,
    pickle.UnpicklingError,
    zipfile.BadZipFile,
)
"""What reading a damaged file may raise."""


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Name a file of the recipe's folder that cannot be read.

    Raises
    ------
    InputError
    """
    try:
        yield
    except DAMAGE as error:
        why = str(error).partition("\n")[0].partition(". ")[0].rstrip(".") or "it ends early"
        raise InputError(
            f"{path} is damaged: {why}.",
            "Remove it; the same command makes it again.",
        ) from error


@dataclass(frozen=True, kw_only=True)
class View:
    """A field of view of a simulated specimen; dense is positive.

    Attributes
    ----------
    angles : ndarray
        ``(n,)`` degrees.
    clean : ndarray
        ``(n, y, x)`` noise-free tilts.
    profile : ndarray
        ``(n,)`` noise of each tilt, relative.
    truth_angles, box : ndarray
        ``(m,)`` degrees around the half circle, and ``(m, y, x)`` tilts of the box alone.
    depth : int
        Pixels that the specimen takes.
    """

    angles: NDArray[np.float64]
    clean: NDArray[np.float32]
    profile: NDArray[np.float64]
    truth_angles: NDArray[np.float64]
    box: NDArray[np.float32]
    depth: int

    @classmethod
    def read(cls, path: Path) -> View:
        """From a file of `simulation.series_files`, written with its truth."""
        with np.load(path) as data:
            return cls(
                angles=data["angles"],
                clean=data["tilts"].astype(np.float32),
                profile=data["profile"],
                truth_angles=data["truth_angles"],
                box=data["truth_box"].astype(np.float32),
                depth=json.loads(str(data["metadata"]))["depth"],
            )


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Noisy tilts ``(n, y, x)``, their angles ``(n,)``, and the sign of density in them."""

    tilts: NDArray[np.float32]
    angles: NDArray[np.float64]
    sign: int


def measured(view: View, rng: Generator) -> Measured:
    """Tilts of a random range, with random gaps, noise, sign, and sometimes blank borders."""
    keep = _random_tilts(view.angles, rng)
    snr = float(np.exp(rng.uniform(*np.log(SNR))))
    sign = 1 if rng.random() < 0.15 else -1
    blur = float(rng.uniform(0, 0.3))
    tilts = sign * add_noise(view.clean[keep], snr, rng, profile=view.profile[keep], blur=blur)
    angles = view.angles[keep]
    if rng.random() < 0.15:
        blank = blank_borders(tilts.shape[1:], angles, BorderSettings.draw(rng), rng)
        tilts = blanked(tilts, blank)
    return Measured(tilts=tilts, angles=angles, sign=sign)


def usual(view: View, rng: Generator) -> Measured:
    """All tilts within 60 degrees at SNR 0.3, dense dark: what validation looks at."""
    keep = np.abs(view.angles) < USUAL_RANGE
    noisy = add_noise(view.clean[keep], USUAL_SNR, rng, profile=view.profile[keep])
    return Measured(tilts=-noisy, angles=view.angles[keep], sign=-1)


def _random_tilts(angles: NDArray[np.float64], rng: Generator) -> NDArray[np.intp]:
    """Those of a range, every one or every other, in a quarter of all cases with gaps."""
    low, high = -rng.uniform(*RANGE), rng.uniform(*RANGE)
    keep = np.flatnonzero((angles >= low) & (angles <= high))
    step = int(rng.choice((1, 1, 2)))
    keep = keep[rng.integers(step) :: step]
    if rng.random() < 0.25:
        seen = rng.random(keep.size) >= rng.uniform(0, 0.6)
        keep = keep[seen] if seen.sum() > LEAST_TILTS else keep
    return keep
