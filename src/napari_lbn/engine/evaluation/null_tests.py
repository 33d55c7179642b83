"""Null tests against hallucination: what the network makes of tilts that hold no specimen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import fft

from ..correct.rows import measure_intensities
from ..synthesis import synthesize
from .metrics import correlation, nyquist_fraction
from .sharing import part, shared

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..events import CancelToken, Job
    from ..intensity import IntensityStats
    from ..network import LBN
    from ..synthesis import SynthesisSettings
    from ..tilt_series import TiltSeries

NOISE, PHASES = "noise with this series' spectrum", "this series with random phases"


@dataclass(frozen=True, kw_only=True)
class NullTest:
    """Structure that the network adds to the wedge of a series without a specimen.

    Attributes
    ----------
    name : str
        `NOISE` or `PHASES`.
    real, null : float
        Standard deviation of synthesized wedge tilts, where measured tilts have 1.
    ratio : float
        `null` over `real`; near 1, the network adds as much to nothing as to a specimen.
    """

    name: str
    real: float
    null: float
    ratio: float

    @property
    def sentence(self) -> str:
        """In plain words."""
        return (
            f"From {self.name}, the network adds {100 * self.ratio:.0f} % of the structure "
            "that it adds to the real wedge."
        )


class _NullImages:
    """Images without a specimen, made when they are read; the same at every reading."""

    dtype = np.dtype(np.float32)

    def __init__(self, series: TiltSeries, stats: IntensityStats, name: str, seed: int) -> None:
        self._series, self._stats, self._name, self._seed = series, stats, name, seed
        self.shape = (series.n_tilts, *series.image_shape)
        self._last: tuple[int, NDArray[np.float32]] | None = None

    def __getitem__(self, key: tuple[int, slice]) -> NDArray[np.float32]:
        index, rows = key
        if self._last is None or self._last[0] != index:
            self._last = int(index), self._make(int(index))
        return self._last[1][rows]

    def _make(self, index: int) -> NDArray[np.float32]:
        position = int(np.flatnonzero(self._series.included == index)[0])
        tilt = self._stats.normalised(self._series.read([index])[0], position)
        rng = np.random.default_rng([self._seed, index])
        make = noise_like if self._name == NOISE else with_random_phases
        image = make(tilt, rng)
        image = (image - image.mean()) / image.std()
        return (image * self._stats.std[position] + self._stats.mean[position]).astype(np.float32)


def noise_like(tilt: NDArray[Any], rng: np.random.Generator) -> NDArray[np.float64]:
    """Gaussian noise with the tilt's power spectrum, averaged over directions."""
    power = np.abs(fft.fft2(tilt - tilt.mean())) ** 2
    radius = nyquist_fraction(tilt.shape)
    shell = (radius * min(tilt.shape) / 2).astype(int)
    mean = np.bincount(shell.ravel(), power.ravel()) / np.maximum(np.bincount(shell.ravel()), 1)
    white = fft.fft2(rng.standard_normal(tilt.shape)) / np.sqrt(tilt.size)
    return np.asarray(fft.ifft2(white * np.sqrt(mean[shell])).real)


def with_random_phases(tilt: NDArray[Any], rng: np.random.Generator) -> NDArray[np.float64]:
    """The tilt's own amplitudes with the phases of white noise."""
    white = fft.fft2(rng.standard_normal(tilt.shape))
    amplitude = np.abs(fft.fft2(tilt - tilt.mean()))
    return np.asarray(fft.ifft2(amplitude * white / np.maximum(np.abs(white), 1e-12)).real)


def null_series(series: TiltSeries, name: str, seed: int = 0) -> TiltSeries:
    """A series of the same angles, means, scales and spectra without its specimen."""
    images = _NullImages(series, measure_intensities(series), name, seed)
    return replace(
        series,
        images=images,
        sections=np.arange(series.n_tilts),
        file_sections=series.section_numbers - 1,
        name=f"{series.name}, {name}",
    )


def null_tests(
    series: TiltSeries,
    network: LBN,
    angles: NDArray[np.float64],
    settings: SynthesisSettings,
    *,
    real: NDArray[np.float32] | None = None,
    fractions: tuple[float, float] = (0.0, 1.0),
    cancel: CancelToken | None = None,
) -> Job[list[NullTest]]:
    """Synthesize the wedge of series without a specimen, beside the real one.

    Parameters
    ----------
    series : TiltSeries
        At the working pixel size.
    network : LBN
        In evaluation mode.
    angles : ndarray
        ``(m,)`` degrees of the wedge.
    settings : SynthesisSettings
        Device, memory bound, thickness.
    real : ndarray, optional
        ``(m, y, x)`` synthesized tilts of the real series, where known already.
    fractions : tuple of float
        Share of the whole job that this is, for `Progress`.
    cancel : CancelToken, optional
        Ends the job with `Cancelled` at its next piece.
    """
    names = (NOISE, PHASES)
    steps = len(names) + (real is None)
    stats = measure_intensities(series)
    if real is None:
        job = synthesize(series, network, angles, settings, stats=stats, cancel=cancel)
        share = fractions[0], part(fractions, 1, steps)
        real = (yield from shared(job, share, "Null tests: the real series")).tilts
    structure = _structure(real, angles, stats)
    found = []
    for i, name in enumerate(names):
        done = steps - len(names) + i
        empty = null_series(series, name)
        own = measure_intensities(empty)
        job = synthesize(empty, network, angles, settings, stats=own, cancel=cancel)
        share = part(fractions, done, steps), part(fractions, done + 1, steps)
        tilts = (yield from shared(job, share, f"Null tests: {name}")).tilts
        null = _structure(tilts, angles, own)
        ratio = null / structure if structure > 0 else float("nan")
        found.append(NullTest(name=name, real=structure, null=null, ratio=ratio))
    return found


def _structure(
    tilts: NDArray[np.float32], angles: NDArray[np.float64], stats: IntensityStats
) -> float:
    """Root mean square standard deviation of tilts in units of the measured tilts' own."""
    expected = stats.at(angles)[1]
    return float(np.sqrt(np.mean((tilts.std(axis=(1, 2)) / expected) ** 2)))


@dataclass(frozen=True, kw_only=True)
class ParticleTest:
    """Whether the wedge follows the data when a particle is put into a specimen.

    Attributes
    ----------
    correlation : float
        Of the change in the synthesized tilts with the particle's true projections.
    gain : float
        How much of the particle appears: 1 is all of it, 0 nothing.
    """

    correlation: float
    gain: float


def particle_test(
    without: NDArray[np.float32], with_particle: NDArray[np.float32], truth: NDArray[np.float32]
) -> ParticleTest:
    """Compare syntheses of a specimen without and with a particle.

    Parameters
    ----------
    without, with_particle : ndarray
        ``(m, y, x)`` synthesized tilts.
    truth : ndarray
        ``(m, y, x)`` the particle's true projections at the same angles, same units.
    """
    change = (with_particle - without).astype(np.float64)
    true = truth.astype(np.float64)
    change -= change.mean(axis=(1, 2), keepdims=True)
    true -= true.mean(axis=(1, 2), keepdims=True)
    r = float(np.mean([correlation(c, t) for c, t in zip(change, true, strict=True)]))
    return ParticleTest(correlation=r, gain=float((change * true).sum() / (true**2).sum()))
