"""What a correction will do and roughly cost, without doing it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..binning import TOLERANCE, automatic_binning
from ..cost.estimates import estimate_seconds, second_encoding_seconds
from ..errors import InputError, WeightsError
from ..fourier import binned_shape
from ..geometry import angles_to_synthesize, interior_gaps
from ..io.weights.find import weights_info
from ..network.jackknife import kept_tilts
from ..thickness import require_thickness
from .cost import memory_of, work_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..io.weights.info import WeightsInfo
    from ..tilt_series import TiltSeries
    from .settings import CorrectionSettings


FEW_TILTS = 15
"""Of fewer, no gain of any weights has been measured."""


@dataclass(frozen=True, kw_only=True)
class CorrectionPlan:
    """What a correction will do and cost, for labels; see `plan`.

    Attributes
    ----------
    binning : int
    pixel_size : float
        Å, working.
    image_shape : tuple of int
        (y, x), working.
    new_angles : ndarray
        Degrees; to be synthesized.
    measured_angles : ndarray
        Degrees; in use.
    seconds : float
        Estimated, of the whole job.
    denoised_seconds : float
        Of these, what a denoised tomogram takes beside the others.
    noisy_seconds : float
        More than these, where the tilts turn out so noisy that they are encoded again, smoothed.
    memory_bytes : int
        Estimated peak.
    weights : WeightsInfo
    notices : tuple of str
    """

    binning: int
    pixel_size: float
    image_shape: tuple[int, int]
    thickness: int
    new_angles: NDArray[np.float64]
    measured_angles: NDArray[np.float64]
    seconds: float
    memory_bytes: int
    weights: WeightsInfo
    notices: tuple[str, ...] = ()
    denoised_seconds: float = 0.0
    noisy_seconds: float = 0.0


def plan(
    series: TiltSeries, settings: CorrectionSettings, *, streamed: bool = False
) -> CorrectionPlan:
    """What the job will do and roughly cost, without doing it.

    Parameters
    ----------
    series : TiltSeries
        Of any pixel size.
    settings : CorrectionSettings
        As they will be given to `correct`.
    streamed : bool
        Tomograms go to files slab by slab; by default they are kept in memory, as for display.

    Raises
    ------
    InputError, WeightsError
        The settings do not fit the series: too few tilts for its jackknife, for one.
    MemoryBoundError
        The network does not fit into the memory bound in the smallest pieces.
    """
    info = weights_info(settings.weights)
    binning, notices = _binning(series, settings, info)
    assert series.pixel_size is not None  # or there would be no binning
    shape = binned_shape(series.image_shape, binning)
    measured = series.included_angles
    new = angles_to_synthesize(measured, increment=settings.increment, fill_gaps=settings.fill_gaps)
    if new.size == 0:
        notices.append(_nothing_to_fill(measured, gaps_too=settings.fill_gaps))
    if measured.size < FEW_TILTS:
        notices.append(
            f"{series.name}: {measured.size} tilts in use. No gain was measured on fewer than "
            f"{FEW_TILTS}; check the result before you believe it."
        )
    require_thickness(settings.thickness, shape[1], series.name)
    if settings.jackknife:
        kept_tilts(measured, settings.jackknife)
    counts = measured.size, new.size
    work, plain = (
        work_of(info, some, shape, counts) for some in (settings, replace(settings, denoised=False))
    )
    seconds, without = (
        estimate_seconds(info.config, some, settings.device) for some in (work, plain)
    )
    memory = memory_of(info, settings, work, streamed=streamed)
    return CorrectionPlan(
        binning=binning,
        pixel_size=series.pixel_size * binning,
        image_shape=shape,
        thickness=settings.thickness,
        new_angles=new,
        measured_angles=measured,
        seconds=seconds + 60 * settings.adapt_minutes,
        denoised_seconds=seconds - without,
        noisy_seconds=second_encoding_seconds(info.config, work, settings.device),
        memory_bytes=memory,
        weights=info,
        notices=tuple(notices),
    )


def _nothing_to_fill(measured: NDArray[np.float64], *, gaps_too: bool) -> str:
    text = "These tilts leave no missing wedge at this increment."
    gaps = interior_gaps(measured)
    if not gaps or gaps_too:
        return text
    start, stop = max(gaps, key=lambda gap: gap[1] - gap[0])
    return (
        f"{text} Between them there are gaps, up to {stop - start:g}° wide: to fill those, give "
        "--fill-gaps, or tick it under Advanced in the dock."
    )


def working_pixel_size(series: TiltSeries, settings: CorrectionSettings) -> float:
    """Å at which the weights will work on a series; thickness and memory do not matter.

    Raises
    ------
    InputError, WeightsError
        The pixel size is unknown, or fits these weights at no binning.
    """
    info = weights_info(settings.weights)
    binning, _ = _binning(series, settings, info)
    assert series.pixel_size is not None  # or there would be no binning
    return series.pixel_size * binning


def _binning(
    series: TiltSeries, settings: CorrectionSettings, info: WeightsInfo
) -> tuple[int, list[str]]:
    """The binning at which the weights work, and what is to be said of it."""
    automatic = automatic_binning(series.pixel_size, info.pixel_sizes, series.name)
    assert series.pixel_size is not None
    binning = settings.binning or automatic
    low, high = info.pixel_sizes
    size = f"Binning {binning} gives {series.pixel_size * binning:g} Å"
    if series.pixel_size * binning > high * TOLERANCE:
        raise WeightsError(
            f"{series.name}: {size}, coarser than these weights know ({low:g} to {high:g} Å).",
            f"Bin by {automatic}, or take other weights.",
        )
    if min(binned_shape(series.image_shape, binning)) < 1:
        raise InputError(
            f"{series.name}: binned by {binning}, as these weights need it for pixels of "
            f"{series.pixel_size:g} Å, nothing is left of tilts of {series.image_shape[0]} × "
            f"{series.image_shape[1]} pixels (y × x).",
            "Is this pixel size right? Give it in Å (--pixel-size, or in the dock).",
        )
    if binning >= automatic:
        return binning, []
    return binning, [
        f"{size}; these weights were trained for {low:g} to {high:g} Å and may do worse."
    ]
