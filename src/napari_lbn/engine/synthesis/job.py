"""Synthesis: tilts at any angle from the visible tilts of a series, within a memory bound."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from ..device import choose_device, release_caches
from ..errors import InputError
from ..events import CancelToken, Job, TiltReady, raise_if_cancelled
from ..intensity import IntensityStats
from ..network.layers import ConvUnit
from .mirrored import mean_of_both, mirrored_series, mirrored_settings
from .settings import Synthesis, SynthesisSettings
from .stages import BoxTiltReady, Shared, SynthesisRun

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from ..network import LBN
    from ..tilt_series import TiltSeries
    from .encoding import Latents


def synthesize(
    series: TiltSeries,
    network: LBN,
    angles: NDArray[np.float64],
    settings: SynthesisSettings,
    *,
    stats: IntensityStats | None = None,
    latents: Latents | None = None,
    fractions: tuple[float, float] = (0.0, 1.0),
    cancel: CancelToken | None = None,
) -> Job[Synthesis]:
    """Predict tilts at these angles from the included tilts of a series.

    Parameters
    ----------
    series : TiltSeries
        At a pixel size that the weights know.
    network : LBN
        In evaluation mode; moved to the device and left there.
    angles : ndarray
        ``(m,)`` degrees in (-90, 90]; those that were measured come out as re-projections.
    settings : SynthesisSettings
        Device, memory bound, rows.
    stats : IntensityStats, optional
        Of the included tilts, where already measured.
    latents : dict, optional
        Encoded tilts by their index in the series, whether they are mirrored, and how far they
        are smoothed; used and added to. A tilt is encoded on its own, so runs that hide
        different tilts of one series may share them.
    fractions : tuple of float
        Share of the whole job that this is, for `Progress`.
    cancel : CancelToken, optional
        Ends the job with `Cancelled` before the network's next layer.

    Yields
    ------
    Progress, TiltReady
        A `TiltReady` for each angle, in the order given.

    Raises
    ------
    InputError
        Fewer than two tilts.
    MemoryBoundError
        The smallest tiling does not fit.
    """
    if series.included.size < 2:
        raise InputError(f"{series.name}: synthesis needs at least two tilts in use.")
    if stats is None:
        stats = IntensityStats.measure(
            (series.read([i])[0] for i in series.included), series.included_angles
        )
    shared = Shared(
        network=network,
        angles=np.asarray(angles, dtype=np.float64),
        stats=stats,
        latents=latents,
        cancel=cancel,
    )
    if not settings.mirrored:
        return (yield from _synthesized(_begin(series, settings, shared), fractions))
    begin, end = fractions
    middle = (begin + end) / 2
    return (
        yield from mean_of_both(
            _synthesized(_begin(series, settings, shared), (begin, middle)),
            lambda: _synthesized(_begin(series, settings, shared, mirrored=True), (middle, end)),
        )
    )


def _begin(
    series: TiltSeries, settings: SynthesisSettings, shared: Shared, *, mirrored: bool = False
) -> SynthesisRun:
    """The synthesis of a series as it is, or of its mirror image."""
    if mirrored:
        settings = mirrored_settings(settings, series.image_shape[0])
        series = mirrored_series(series)
    return SynthesisRun(series, settings, shared, mirrored=mirrored)


def _synthesized(run: SynthesisRun, fractions: tuple[float, float]) -> Job[Synthesis]:
    """Run a synthesis, and leave no memory behind."""
    try:
        with _cancelled_between_layers(run.network, run.cancel):
            return (yield from _collected(run, fractions))
    finally:
        del run
        release_caches()


def _collected(run: SynthesisRun, fractions: tuple[float, float]) -> Job[Synthesis]:
    """Run a synthesis, and put its tilts together."""
    whole = ~run.beyond
    places = np.cumsum(whole) - 1
    tilts = np.empty((run.angles.size, *run.size), dtype=np.float32)
    boxes = np.empty((int(whole.sum()) * run.box_everywhere, *run.size), dtype=np.float32)
    for event in run.events(fractions):
        if isinstance(event, BoxTiltReady):
            boxes[places[event.index]] = event.image
            continue
        if isinstance(event, TiltReady):
            tilts[event.index] = event.image
        yield event
    return Synthesis(
        angles=run.angles,
        tilts=tilts,
        stats=run.stats,
        whole=whole,
        box_tilts=boxes if run.box_everywhere else None,
        smoothing=run.seen.sigma,
    )


def encode(
    series: TiltSeries,
    network: LBN,
    settings: SynthesisSettings,
    stats: IntensityStats,
    latents: Latents,
    *,
    cancel: CancelToken | None = None,
) -> Job[None]:
    """Encode the included tilts into `latents`, for runs of `synthesize` that share them.

    Parameters
    ----------
    series, network, settings, cancel
        As for `synthesize`.
    stats : IntensityStats
        Of the included tilts.
    latents : dict
        As for `synthesize`; added to.
    """
    shared = Shared(
        network=network, angles=np.empty(0), stats=stats, latents=latents, cancel=cancel
    )
    ways = (False, True) if settings.mirrored else (False,)
    for done, mirrored in enumerate(ways):
        run = _begin(series, settings, shared, mirrored=mirrored)
        try:
            with _cancelled_between_layers(run.network, cancel):
                for event in run.encoding():
                    yield replace(event, fraction=(done + event.fraction) / len(ways))
        finally:
            del run
            release_caches()


@contextlib.contextmanager
def _cancelled_between_layers(network: LBN, cancel: CancelToken | None) -> Iterator[None]:
    """Raise `Cancelled` before the next layer, or band of tomography, once the token is set.

    The latent volume is corrected in one piece, for its statistics are those of the whole:
    on a large series that takes minutes, and users wait a second.
    """
    steps = [m for m in network.modules() if isinstance(m, ConvUnit)] + [network.tomography.band]
    hooks = [
        step.register_forward_pre_hook(lambda *_: raise_if_cancelled(cancel)) for step in steps
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


@contextlib.contextmanager
def on_device(network: LBN, device: str) -> Iterator[LBN]:
    """Lend a network to a device and take it back to the CPU afterwards."""
    try:
        yield network.to(choose_device(device))
    finally:
        network.to("cpu")
        release_caches()
