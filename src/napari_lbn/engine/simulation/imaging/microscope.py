"""The microscope: what is drawn once for a series, and the order of its tilts."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ...errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from ..specimens.settings import Range

ORDERS = ("dose-symmetric", "bidirectional", "unidirectional")

STEEPEST_SLAB = 60.0
"""Degrees that a slab may be tilted itself."""


@dataclass(frozen=True, kw_only=True)
class MicroscopeSettings:
    """How a specimen is imaged; every range is drawn from once per series.

    Attributes
    ----------
    ctf : bool
        Contrast transfer function; without it, contrast is absorption alone.
    defocus : tuple of float
        Range in µm, positive is underfocus.
    defocus_jitter : float
        Standard deviation of the defocus from tilt to tilt, µm.
    amplitude_contrast : tuple of float
        Range of the fraction of contrast that is amplitude contrast.
    b_factor : tuple of float
        Range in Å² of the envelope exp(-B k² / 4).
    dose : tuple of float
        Range of the whole series' exposure in e/Å². The exposure accumulated before a tilt
        damps it by radiation damage (`contrast.damage`).
    orders : tuple of str
        Of `ORDERS`: the schemes of acquisition, one drawn.
    mean_free_path : tuple of float
        Range in nm of ice: transmission falls as exp(-t / (mean free path cos(angle))).
    misalignment : tuple of float
        Range of the standard deviation of the residual shifts, tilt pixels.
    exposure_power : tuple of float
        Range of p where the exposure of a tilt rises as (1 / cos(angle)) ** p.
    defocus_gradient : bool
        Whether a tilted specimen's defocus changes across the tilt axis.
    shading : tuple of float
        Range of the uneven illumination, as the largest change of optical density over
        the field of view; the same at every tilt.
    pre_tilt : tuple of float
        Range in degrees of the slab's own tilt: the stage's 0 shows the slab at this angle.
    damage : bool
        Whether the accumulated exposure damps fine detail.
    """

    ctf: bool = True
    defocus: Range = (2.0, 7.0)
    defocus_jitter: float = 0.1
    amplitude_contrast: Range = (0.07, 0.1)
    b_factor: Range = (50.0, 400.0)
    dose: Range = (60.0, 150.0)
    mean_free_path: Range = (220.0, 380.0)
    misalignment: Range = (0.0, 0.4)
    exposure_power: Range = (0.0, 0.3)
    orders: tuple[str, ...] = ORDERS
    defocus_gradient: bool = True
    shading: Range = (0.0, 0.05)
    pre_tilt: Range = (0.0, 0.0)
    damage: bool = True

    def __post_init__(self) -> None:
        for what, (low, high), least in (
            ("defocus", self.defocus, 0.01),
            ("amplitude contrast", self.amplitude_contrast, 1e-3),
            ("B factor", self.b_factor, 0.0),
            ("dose", self.dose, 1e-6),
            ("mean free path", self.mean_free_path, 1e-3),
            ("misalignment", self.misalignment, 0.0),
            ("shading", self.shading, 0.0),
            ("pre-tilt", self.pre_tilt, -STEEPEST_SLAB),
        ):
            if not least <= low <= high < np.inf:
                raise InputError(f"The {what} ({low:g} to {high:g}) must be {least:g} at least.")
        if self.pre_tilt[1] > STEEPEST_SLAB:
            raise InputError(f"A slab is pre-tilted by at most {STEEPEST_SLAB:g} degrees.")


@dataclass(frozen=True, kw_only=True, eq=False)
class Imaging:
    """One series' draw from `MicroscopeSettings`; arrays are ``(n_tilts, …)``.

    Attributes
    ----------
    order : ndarray
        When each tilt is acquired, 0 first.
    dose : ndarray
        Exposure in e/Å² that the specimen had before the middle of each tilt.
    dose_of_one : float
        e/Å² of a tilt whose exposure is 1.
    damage : bool
        Whether `dose` damps the tilts.
    slope : ndarray
        Change of defocus across the tilt axis: tan(tilt angle), 0 without a gradient.
    shading : tuple of float
        Optical density added at the field of view's edge, along y, x, and by its square.
    pre_tilt : float
        Degrees.
    """

    ctf: bool
    defocus: NDArray[np.float64]
    amplitude_contrast: float
    b_factor: float
    mean_free_path: float
    shifts: NDArray[np.float64]
    exposure: NDArray[np.float64]
    order: NDArray[np.intp]
    dose: NDArray[np.float64]
    dose_of_one: float
    slope: NDArray[np.float64]
    shading: tuple[float, float, float] = (0.0, 0.0, 0.0)
    pre_tilt: float = 0.0
    damage: bool = True

    @classmethod
    def draw(
        cls, settings: MicroscopeSettings, angles: ArrayLike, rng: np.random.Generator
    ) -> Imaging:
        """Draw the imaging of a series at these angles in degrees, as the stage says them."""
        angles = np.asarray(angles, np.float64)
        count = angles.size
        defocus = rng.uniform(*settings.defocus)
        amplitude_contrast = float(rng.uniform(*settings.amplitude_contrast))
        b_factor = float(rng.uniform(*settings.b_factor))
        total = rng.uniform(*settings.dose)
        order = acquisition_order(angles, settings.orders[rng.integers(len(settings.orders))])
        mean_free_path = float(rng.uniform(*settings.mean_free_path))
        cos = np.maximum(np.cos(np.deg2rad(angles)), 0.2)
        exposure = cos ** -rng.uniform(*settings.exposure_power)
        shifts = rng.uniform(*settings.misalignment) * rng.standard_normal((count, 2))
        jitter = settings.defocus_jitter * rng.standard_normal(count)
        pre_tilt = float(rng.uniform(*settings.pre_tilt))
        return cls(
            ctf=settings.ctf,
            amplitude_contrast=amplitude_contrast,
            b_factor=b_factor,
            mean_free_path=mean_free_path,
            exposure=exposure,
            shifts=shifts,
            defocus=np.maximum(defocus + jitter, 0.1),
            order=order,
            dose_of_one=float(total / exposure.sum()),
            dose=accumulated(exposure * total / exposure.sum(), order),
            damage=settings.damage,
            slope=_slopes(angles + pre_tilt) * settings.defocus_gradient,
            shading=_draw_shading(rng.uniform(*settings.shading), rng),
            pre_tilt=pre_tilt,
        )

    def still(self, angles: ArrayLike) -> Imaging:
        """The same optics at other angles: mean defocus, undamaged, in place, evenly lit."""
        angles = np.asarray(angles, np.float64)
        count = angles.size
        return replace(
            self,
            defocus=np.full(count, self.defocus.mean()),
            order=np.arange(count),
            dose=np.zeros(count),
            slope=np.zeros(count),
            shifts=np.zeros((count, 2)),
            exposure=np.ones(count),
            shading=(0.0, 0.0, 0.0),
        )

    def subset(self, chosen: ArrayLike) -> Imaging:
        """The imaging of some of the tilts; doses stay, as left-out tilts were exposed too."""
        names = ("defocus", "shifts", "exposure", "order", "dose", "slope")
        index = np.asarray(chosen)
        return replace(self, **{name: getattr(self, name)[index] for name in names})


def acquisition_order(angles: ArrayLike, scheme: str) -> NDArray[np.intp]:
    """When each tilt is acquired, 0 first, by one of `ORDERS`.

    Raises
    ------
    InputError
        Another scheme.
    """
    angles = np.asarray(angles, np.float64)
    if scheme == "dose-symmetric":
        keys = np.abs(angles)
    elif scheme == "bidirectional":
        keys = np.where(angles >= 0, angles, 1000 - angles)
    elif scheme == "unidirectional":
        keys = angles
    else:
        raise InputError(f"{scheme!r} is no order of acquisition.", f"Use {', '.join(ORDERS)}.")
    return np.argsort(np.argsort(keys, kind="stable"), kind="stable")


def accumulated(dose: NDArray[np.float64], order: NDArray[np.intp]) -> NDArray[np.float64]:
    """Exposure before the middle of each tilt, of the exposure of each and its order."""
    at = np.argsort(order)
    before = np.empty_like(dose)
    before[at] = np.cumsum(dose[at]) - dose[at] / 2
    return before


def _slopes(angles: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.tan(np.deg2rad(np.clip(angles, -80, 80)))


def _draw_shading(change: float, rng: np.random.Generator) -> tuple[float, float, float]:
    """A beam that is off centre and narrower than wide: linear and square terms."""
    turn, share = rng.uniform(0, 2 * np.pi), rng.uniform(0, 1)
    linear = change * (1 - share) / 2
    return float(linear * np.sin(turn)), float(linear * np.cos(turn)), float(change * share / 2)
