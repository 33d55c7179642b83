"""Blank edges of aligned stacks: where no raw image reached, a constant is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, kw_only=True)
class BorderSettings:
    """How far an alignment moved the raw images.

    Attributes
    ----------
    rotation : float
        Degrees by which raw images were turned; their corners leave blank triangles.
    drift : float
        Largest shift of the first and the last tilt, as a fraction of the image.
    jitter : float
        Standard deviation of each tilt's own shift, as a fraction of the image.
    """

    rotation: float = 3.0
    drift: float = 0.06
    jitter: float = 0.01

    def __post_init__(self) -> None:
        if not 0 <= self.rotation <= 45:
            raise InputError("An alignment turns tilts by 0 to 45 degrees.")

    @classmethod
    def draw(cls, rng: np.random.Generator) -> BorderSettings:
        """From hardly any to wide edges."""
        return cls(rotation=float(rng.uniform(0, 6)), drift=float(rng.uniform(0, 0.15)))


def blank_borders(
    shape: tuple[int, int],
    angles: ArrayLike,
    settings: BorderSettings,
    rng: np.random.Generator,
) -> NDArray[np.bool_]:
    """Which pixels no raw image reached, ``(n, y, x)``: shifts that grow with the tilt.

    Raw images are taken to be as large as aligned ones.

    Parameters
    ----------
    shape : tuple of int
        (y, x) of a tilt.
    angles : array_like
        ``(n,)`` degrees.
    settings : BorderSettings
        Rotation and shifts.
    rng : Generator
        Of the shifts and of the rotation's sense.
    """
    angles = np.asarray(angles, np.float64)
    turn = np.deg2rad(settings.rotation) * rng.choice([-1, 1])
    largest = max(float(np.abs(angles).max()), 1e-9)
    slope = rng.uniform(-1, 1, 2) * settings.drift
    shifts = slope * (angles / largest)[:, None]
    shifts += settings.jitter * rng.standard_normal(shifts.shape)
    size = np.array(shape)
    y, x = (np.arange(n) - (n - 1) / 2 for n in shape)
    blank = np.empty((angles.size, *shape), bool)
    for mask, shift in zip(blank, shifts * size, strict=True):
        v, u = y[:, None] - shift[0], x - shift[1]
        # The pixel of the raw image that landed here.
        raw_y, raw_x = v * np.cos(turn) - u * np.sin(turn), v * np.sin(turn) + u * np.cos(turn)
        mask[...] = (np.abs(raw_y) > size[0] / 2) | (np.abs(raw_x) > size[1] / 2)
    return blank


def blanked(tilts: NDArray[Any], blank: NDArray[np.bool_]) -> NDArray[Any]:
    """The tilts with each one's mean, over the pixels that are not blank, in the blank ones."""
    result = tilts.copy()
    for tilt, mask in zip(result, blank, strict=True):
        if not mask.all():
            tilt[mask] = tilt[~mask].mean()
    return result
