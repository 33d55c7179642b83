"""A whole simulated experiment: specimen, measured tilts, and the truth at every degree."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from ..events import CancelToken, Event, Job, Progress, raise_if_cancelled
from .imaging.borders import BorderSettings, blank_borders, blanked
from .imaging.microscope import Imaging, MicroscopeSettings
from .imaging.noise import detected, electrons_for, to_counts
from .series import SimulationSettings, clean_tilts, draw_imaging
from .specimens.settings import SpecimenSettings
from .specimens.specimen import Specimen, make_specimen
from .tomogram import truth_tomogram

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import NDArray

TRUTH_ANGLES = tuple(float(a) for a in range(-89, 90))

LARGEST_SNR = 1e4

CHUNK = 8
"""Tilts between two looks at the cancel button."""


@dataclass(frozen=True, kw_only=True)
class ExperimentSettings:
    """What is simulated, and how it is measured.

    Attributes
    ----------
    specimen : SpecimenSettings
        Sizes and ingredients; its first field of view is imaged.
    microscope : MicroscopeSettings
        Optics, exposure and misalignment.
    angles : tuple of float
        Measured tilts in degrees, ascending; leave out what is missing.
    truth_angles : tuple of float
        Degrees.
    snr : float or None
        Of the untilted view; None counts the electrons of the microscope's dose.
    dqe : float
        Detective quantum efficiency of the camera: that share of the electrons counts.
    noise : bool
        Whether tilts are counted, or as they would be on average.
    borders : BorderSettings, optional
        Blank edges of an aligned stack.
    """

    specimen: SpecimenSettings = field(default_factory=SpecimenSettings)
    microscope: MicroscopeSettings = field(default_factory=MicroscopeSettings)
    angles: tuple[float, ...] = tuple(float(a) for a in range(-60, 61, 3))
    truth_angles: tuple[float, ...] = TRUTH_ANGLES
    snr: float | None = None
    dqe: float = 0.5
    noise: bool = True
    borders: BorderSettings | None = None

    def __post_init__(self) -> None:
        if len(self.angles) < 2 or np.any(np.diff(self.angles) <= 0):
            raise InputError("A tilt series has two tilts at least, in the order of their angles.")
        if self.snr is not None and not 0 < self.snr <= LARGEST_SNR:
            raise InputError(
                f"The signal-to-noise ratio must be positive, and {LARGEST_SNR:g} at most.",
                "Switch the noise off to have none.",
            )
        if not 0 < self.dqe <= 1:
            raise InputError("The detective quantum efficiency lies between 0 and 1.")


@dataclass(frozen=True, kw_only=True, eq=False)
class Experiment:
    """What a simulation gives.

    Attributes
    ----------
    tilts : ndarray
        ``(n, y, x)`` float32 electrons per pixel, dark where dense.
    angles : ndarray
        ``(n,)`` degrees; those at which a pre-tilted slab would be seen edge-on are left out.
    imaging : Imaging
        Of each tilt.
    electrons : float
        That count in a pixel without a specimen at an exposure of 1.
    whole, box : ndarray
        Noise-free truths, minus the optical density: ``(m, y, x)`` of the whole specimen
        at the truth angles within the measured range, and ``(k, y, x)`` of the reconstruction
        box alone, faded at its edges and less the mean of each layer, at all truth angles.
    whole_angles, box_angles : ndarray
        Degrees.
    tomogram : ndarray
        ``(z, y, x)`` minus the density of the reconstruction box, in units of ice.
    specimen : Specimen
        What was imaged.
    """

    tilts: NDArray[np.float32]
    angles: NDArray[np.float64]
    imaging: Imaging
    electrons: float
    whole: NDArray[np.float32]
    whole_angles: NDArray[np.float64]
    box: NDArray[np.float32]
    box_angles: NDArray[np.float64]
    tomogram: NDArray[np.float32]
    specimen: Specimen


def run_experiment(
    settings: ExperimentSettings,
    seed: int,
    *,
    specimen: Specimen | None = None,
    cancel: CancelToken | None = None,
) -> Job[Experiment]:
    """Simulate a specimen, its tilt series and its truths.

    Parameters
    ----------
    settings : ExperimentSettings
        Specimen, microscope, angles and noise.
    seed : int
        Not negative; the same settings and seed give the same experiment.
    specimen : Specimen, optional
        Instead of drawing one: a given volume (`given.specimen_of_volume`).
    cancel : CancelToken, optional
        Ends the job with `Cancelled`.

    Yields
    ------
    Progress
        Now and then.

    Returns
    -------
    Experiment
    """
    yield Progress(stage="Drawing the specimen", done=0, total=1, fraction=0.0)
    if specimen is None:
        specimen = make_specimen(settings.specimen, seed)
    chosen = SimulationSettings(
        specimen=specimen.settings, microscope=settings.microscope, angles=settings.angles
    )
    angles, imaging = draw_imaging(chosen, seed, view=0)
    box_angles = np.array(settings.truth_angles, np.float64)
    inside = (box_angles >= angles.min() - 1e-6) & (box_angles <= angles.max() + 1e-6)
    steps = _Steps(angles.size + int(inside.sum()) + box_angles.size, cancel)
    clean = yield from steps.project("Projecting tilts", specimen, imaging, angles)
    electrons = _electrons(settings, specimen, clean, angles, imaging)
    tilts = _expose(settings, clean, imaging, electrons, seed)
    if settings.borders is not None:
        rng = np.random.default_rng([seed, 0, 79])
        tilts = blanked(tilts, blank_borders(tilts.shape[1:], angles, settings.borders, rng))
    truths = []
    for box_only, at in ((False, box_angles[inside]), (True, box_angles)):
        still = imaging.still(at)
        truth = yield from steps.project("Projecting the truth", specimen, still, at, box_only)
        truths.append(-truth)
    return Experiment(
        tilts=tilts,
        angles=angles,
        imaging=imaging,
        electrons=electrons,
        whole=truths[0],
        whole_angles=box_angles[inside],
        box=truths[1],
        box_angles=box_angles,
        tomogram=truth_tomogram(specimen, imaging.pre_tilt),
        specimen=specimen,
    )


class _Steps:
    """Counts projected tilts and looks at the cancel token."""

    def __init__(self, total: int, cancel: CancelToken | None) -> None:
        self.total, self.done, self.cancel = total, 0, cancel

    def project(
        self,
        stage: str,
        specimen: Specimen,
        imaging: Imaging,
        angles: NDArray[np.float64],
        box_only: bool = False,
    ) -> Generator[Event, None, NDArray[np.float32]]:
        """Clean tilts at some angles, a few at a time."""
        # Neighbours in |angle| need about the same width of the specimen.
        order = np.argsort(np.abs(angles), kind="stable")
        shape = (angles.size, *specimen.settings.field)
        tilts = np.empty(shape, np.float32)
        for chosen in np.array_split(order, max(1, -(-angles.size // CHUNK))):
            if not chosen.size:
                continue
            raise_if_cancelled(self.cancel)
            yield Progress(
                stage=stage, done=self.done, total=self.total, fraction=self.done / self.total
            )
            tilts[chosen] = clean_tilts(
                specimen, imaging.subset(chosen), angles[chosen], view=0, box_only=box_only
            )
            self.done += chosen.size
        return tilts


def _electrons(
    settings: ExperimentSettings,
    specimen: Specimen,
    clean: NDArray[np.float32],
    angles: NDArray[np.float64],
    imaging: Imaging,
) -> float:
    """Electrons per pixel at an exposure of 1, of the dose or of the SNR that is wanted."""
    if settings.snr is not None:
        untilted = int(np.argmin(np.abs(angles)))
        return electrons_for(clean, settings.snr, untilted) / float(imaging.exposure[untilted])
    return settings.dqe * imaging.dose_of_one * specimen.pixel_size**2


def _expose(
    settings: ExperimentSettings,
    clean: NDArray[np.float32],
    imaging: Imaging,
    electrons: float,
    seed: int,
) -> NDArray[np.float32]:
    if not settings.noise:
        return to_counts(clean, imaging.exposure, electrons)
    rng = np.random.default_rng([seed, 0, 78])
    return detected(clean, imaging.exposure, electrons, rng)
