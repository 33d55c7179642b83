"""What the dock does in the background: learn a filter, reconstruct with it. No Qt here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_lbn.engine.errors import MemoryBoundError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_lbn.engine.events import CancelToken, Job
    from napari_lbn.engine.reconstruction import TiltSource
    from napari_lbn.engine.reconstruction.learned import Example, LearnedFilter
    from napari_lbn.engine.tilt_series import TiltSeries

SIMULATED_SHAPE = (32, 64, 96)
SIMULATED_ANGLES = np.linspace(-60, 60, 61)
SIMULATED_SEEDS = range(1, 10)
COPIES = 8
"""Of the tilts while a filter is learned: as read, their spectra, and gradients of these."""


@dataclass(frozen=True, kw_only=True)
class FilterOptions:
    """What the user asked for.

    Attributes
    ----------
    variant, initial : str
        Of the filter.
    padding : bool
        Mirror tilts beyond their edges.
    steps : int
        Updates.
    thickness : int
        Of the specimen, pixels of the binned series.
    binning : int
        Of the series.
    """

    variant: str = "plane-2d"
    initial: str = "ramp"
    padding: bool = False
    steps: int = 100
    thickness: int = 100
    binning: int = 1


def learn(
    series: TiltSeries | None, options: FilterOptions, cancel: CancelToken, stop: CancelToken
) -> Job[LearnedFilter]:
    """Learn on simulated volumes, or on a series from its held-out tilts.

    `stop` ends it after the step that is under way, with what is learned so far.
    """
    from napari_lbn.engine.reconstruction.learned import (
        FilterConfig,
        FilterTraining,
        LearnedFilter,
        train_filter,
    )

    examples = _simulated() if series is None else _held_out(series, options)
    model = LearnedFilter(
        FilterConfig(
            angles=tuple(examples[0].angles),
            shape=examples[0].tilts.shape[1:],
            variant=options.variant,  # type: ignore[arg-type]
            initial=options.initial,  # type: ignore[arg-type]
            padding=options.padding,
        )
    )
    settings = FilterTraining(steps=options.steps)
    for event in train_filter(model, examples, settings, cancel=cancel):
        yield event
        if stop.is_set():
            break
    return model


def apply(
    series: TiltSeries, model: LearnedFilter, options: FilterOptions, cancel: CancelToken
) -> Job[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """The tomogram by plain WBP, and the one with the learned filter, ``(z, y, x)``."""
    thickness = options.thickness
    from napari_lbn.engine.reconstruction import WBPSettings
    from napari_lbn.engine.reconstruction.learned import filtered_source, transfer

    source = _source(series, options)
    angles = source.angles
    own = np.asarray(model.config.angles)
    if own.shape != angles.shape or not np.allclose(own, angles, atol=0.1):
        model = transfer(model, angles)
    filtered = yield from filtered_source(source, model, cancel=cancel)
    plain = yield from _tomogram(source, WBPSettings(thickness=thickness), cancel, (0.3, 0.65))
    settings = WBPSettings(thickness=thickness, filter="none")
    learned = yield from _tomogram(filtered, settings, cancel, (0.65, 1.0))
    return plain, learned


def _simulated() -> list[Example]:
    from napari_lbn.engine.reconstruction.learned import simulated_examples

    return list(simulated_examples(SIMULATED_SEEDS, SIMULATED_SHAPE, SIMULATED_ANGLES))


def _held_out(series: TiltSeries, options: FilterOptions) -> list[Example]:
    from napari_lbn.engine.reconstruction.learned import hold_out_examples

    source = _source(series, options)
    return hold_out_examples(source.read_rows(slice(None)), source.angles, options.thickness)


def _source(series: TiltSeries, options: FilterOptions) -> TiltSource:
    from napari_lbn.engine.binning import bin_series
    from napari_lbn.engine.correct import measure_intensities
    from napari_lbn.engine.correct.sources import measured_source
    from napari_lbn.engine.io.checks.series import refuse_defects

    refuse_defects(series)
    working = bin_series(series, options.binning)
    _require_room(len(working.included_angles), working.image_shape, options.thickness)
    return measured_source(working, measure_intensities(working))


def _require_room(n_tilts: int, shape: tuple[int, int], thickness: int) -> None:
    """Tilts, their spectra and both tomograms are held in memory.

    Raises
    ------
    MemoryBoundError
        They do not fit.
    """
    from napari_lbn.engine.device import default_memory_bound

    needed = 4 * shape[0] * shape[1] * (COPIES * n_tilts + 2 * thickness)
    bound = default_memory_bound("cpu")
    if needed > bound:
        raise MemoryBoundError(
            f"A filter for {n_tilts} tilts of {shape[0]} x {shape[1]} pixels and two tomograms "
            f"{thickness} thick take {needed / 1e9:.1f} GB, more than the {bound / 1e9:.1f} GB "
            "that may be used.",
            "Bin more, or use napari-lbn filter, which writes tomograms as it goes.",
        )


def _tomogram(
    source: TiltSource, settings: object, cancel: CancelToken, fractions: tuple[float, float]
) -> Job[NDArray[np.float32]]:
    from napari_lbn.engine.events import passed_on
    from napari_lbn.engine.reconstruction import reconstruct_source
    from napari_lbn.engine.results.tomograms import Tomograms

    tomograms = Tomograms()
    job = reconstruct_source(source, settings, cancel=cancel, fractions=fractions)  # type: ignore[arg-type]
    yield from passed_on(job, tomograms)
    return tomograms["measured"]
