"""Stacks of odd and even frames beside a tilt series: its noise is measured with them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ...errors import InputError
from ...fourier import binned_shape, fourier_crop
from ...io import open_tilt_series
from ..metrics import correlation

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from ...tilt_series import TiltSeries

Halves: TypeAlias = "tuple[TiltSeries, TiltSeries]"
"""Odd and even frames of the same tilts."""
ENDINGS = (("_ODD", "_odd"), ("_EVN", "_evn", "_EVEN", "_even"))
"""Of the file names, as MotionCor, AreTomo and Warp write them."""
SAME_NOISE = 0.5
"""Correlation of the halves' sum with the series; 1 but for weighting, filters, interpolation."""


def find_halves(series: TiltSeries) -> tuple[Path, Path] | None:
    """The stacks ``NAME_ODD`` and ``NAME_EVN`` beside a series' file, None without both."""
    source = series.source
    if source is None:
        return None
    found = []
    for endings in ENDINGS:
        names = [source.with_name(f"{source.stem}{e}{source.suffix}") for e in endings]
        found += [path for path in names if path.is_file()][:1]
    return (found[0], found[1]) if len(found) == len(ENDINGS) else None


def open_halves(series: TiltSeries, odd: Path, even: Path) -> Halves:
    """Open both stacks as the same series: its angles, order, exclusions and alignment.

    Parameters
    ----------
    series : TiltSeries
        As it was opened, not binned.
    odd, even : Path
        Stacks with the same images in the same order.

    Raises
    ------
    InputError
        A stack that cannot be read or has other images, one stack twice, the series itself, or
        stacks whose sum is not the series.
    """
    if odd.resolve() == even.resolve():
        raise InputError(f"{odd} was given as both halves of the frames.", "Give two stacks.")
    for half in (odd, even):
        if series.source is not None and half.resolve() == series.source.resolve():
            raise InputError(
                f"{half} is the series itself, no half of its frames.",
                "Give the stacks of odd and of even frames, or leave them out.",
            )
    halves = _open_half(series, odd), _open_half(series, even)
    _require_sum(series, halves)
    return halves


def _require_sum(series: TiltSeries, halves: Halves) -> None:
    """Look at the flattest tilt: frames that are in the series add up to it, noise and all."""
    flattest = series.included[np.argmin(np.abs(series.included_angles))]
    tilt, odd, even = (np.nan_to_num(one.read([flattest])) for one in (series, *halves))
    found = correlation(odd + even, tilt)
    if found < SAME_NOISE:
        names = " and ".join(str(half.source) for half in halves)
        raise InputError(
            f"{names} are no halves of {series.name}: at {series.angles[flattest]:.1f}° their sum "
            f"correlates with it by {found:.2f}, noise and all.",
            "Give the stacks of its own frames, treated as the series was, or none.",
        )


def binned_halves(halves: Halves, binning: int) -> Halves:
    """The same at the working pixel size, each tilt binned when it is read."""
    if binning == 1:
        return halves
    odd, even = (replace(half, images=_Binned(half.images, binning)) for half in halves)
    return odd, even


def _open_half(series: TiltSeries, path: Path) -> TiltSeries:
    # the angles are the series' own: the half may lie in its folder without any
    in_file = np.zeros(series.images.shape[0])
    in_file[series.sections] = series.angles
    alignment = series.history.get("alignment_file")
    opened = open_tilt_series(
        path,
        angles=None if alignment else list(in_file),
        pixel_size=None if alignment else series.pixel_size,
        alignment=alignment,
        alignment_pixel_size=series.history.get("alignment_pixel_size"),
    )
    expected, found = tuple(series.images.shape), tuple(opened.images.shape)
    if found != expected:
        raise InputError(
            f"{path.name} holds {found} images, rows and columns, {series.name} {expected}.",
            "Odd and even stacks need the same images as the whole series.",
        )
    return replace(series, images=opened.images, name=path.stem, source=path)


class _Binned:
    """Images ``(section, y, x)`` that are binned when they are read."""

    dtype = np.dtype(np.float32)

    def __init__(self, images: Any, binning: int) -> None:
        self._images, self._binning = images, binning
        rows, columns = binned_shape((images.shape[1], images.shape[2]), binning)
        self.shape = (images.shape[0], rows, columns)

    def __getitem__(self, key: tuple[int, slice]) -> NDArray[np.float32]:
        section, rows = key
        image = np.nan_to_num(np.asarray(self._images[section, :], np.float32))
        return fourier_crop(image, self._binning)[rows]
