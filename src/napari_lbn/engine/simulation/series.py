"""One simulated tilt series: a specimen, its imaging, and the clean tilts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from .imaging.contrast import image
from .imaging.microscope import Imaging, MicroscopeSettings
from .imaging.noise import add_noise, noise_profile, to_counts
from .imaging.projecting import project_beads, project_specimen
from .specimens.settings import SpecimenSettings
from .specimens.specimen import Specimen, make_specimen

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class SimulationSettings:
    """A simulated series: specimen, microscope and angles in degrees."""

    specimen: SpecimenSettings = field(default_factory=SpecimenSettings)
    microscope: MicroscopeSettings = field(default_factory=MicroscopeSettings)
    angles: tuple[float, ...] = tuple(float(a) for a in range(-72, 73, 3))

    def __post_init__(self) -> None:
        if not self.angles or max(map(abs, self.angles)) > 90:
            raise InputError("Simulated tilt angles must lie between -90 and 90 degrees.")


@dataclass(frozen=True, kw_only=True, eq=False)
class SimulatedSeries:
    """Clean tilts of one field of view.

    Attributes
    ----------
    angles : ndarray
        ``(n,)`` degrees, as asked for.
    clean : ndarray
        ``(n, y, x)`` float32 optical density, -ln of the transmission: *dense is
        positive*. Contrast transfer and residual shifts are in, noise is not. An image as
        cameras give it, dark where dense, is proportional to ``exp(-clean)``.
    profile : ndarray
        ``(n,)`` relative standard deviation of the noise of each tilt, for `add_noise`.
    exposure : ndarray
        ``(n,)`` relative exposure.
    pixel_size : float
        Å.
    metadata : dict
        Seed, view, ingredients, thickness in tilt pixels, defocus and the like.
    """

    angles: NDArray[np.float64]
    clean: NDArray[np.float32]
    profile: NDArray[np.float64]
    exposure: NDArray[np.float64]
    pixel_size: float
    metadata: dict[str, Any]

    def noisy(self, snr: float, rng: np.random.Generator) -> NDArray[np.float32]:
        """The tilts with fresh noise; `snr` at the tilt nearest to 0 degrees."""
        untilted = int(np.argmin(np.abs(self.angles)))
        return add_noise(self.clean, snr, rng, profile=self.profile, untilted=untilted)

    def images(self) -> NDArray[np.float32]:
        """Clean tilts as a camera shows them: *dark where dense*, the untilted mean near 1."""
        untilted = int(np.argmin(np.abs(self.angles)))
        return to_counts(self.clean - self.clean[untilted].mean(), self.exposure, 1.0)


def simulate_series(settings: SimulationSettings, seed: int) -> SimulatedSeries:
    """Simulate the first field of view of the specimen with this seed."""
    return image_view(make_specimen(settings.specimen, seed), settings, seed, view=0)


def image_view(
    specimen: Specimen, settings: SimulationSettings, seed: int, *, view: int
) -> SimulatedSeries:
    """Image one field of view of a specimen; microscope drawn from seed and view.

    Of a pre-tilted slab, tilts that look along it beyond the settings' `max_angle` are left
    out, as they are at the microscope.
    """
    angles, imaging = draw_imaging(settings, seed, view)
    clean = clean_tilts(specimen, imaging, angles, view=view)
    return SimulatedSeries(
        angles=angles,
        clean=clean,
        profile=noise_profile(clean, imaging.exposure),
        exposure=imaging.exposure,
        pixel_size=specimen.pixel_size,
        metadata={
            "seed": seed,
            "view": view,
            "contrast": "optical density, dense is positive",
            "thickness": specimen.thickness,
            "depth": latent_depth(specimen, imaging.pre_tilt),
            "pre_tilt": imaging.pre_tilt,
            "oversampling": specimen.settings.oversampling,
            "ingredients": list(specimen.ingredients),
            "defocus": float(imaging.defocus.mean()),
            "amplitude_contrast": imaging.amplitude_contrast,
            "mean_free_path": imaging.mean_free_path,
        },
    )


def draw_imaging(
    settings: SimulationSettings, seed: int, view: int
) -> tuple[NDArray[np.float64], Imaging]:
    """The angles that are measured, and their imaging."""
    angles = np.asarray(settings.angles, np.float64)
    imaging = Imaging.draw(settings.microscope, angles, np.random.default_rng([seed, view, 77]))
    reached = np.flatnonzero(np.abs(angles + imaging.pre_tilt) <= settings.specimen.max_angle)
    if imaging.pre_tilt == 0 or reached.size == 0:
        return angles, imaging
    return angles[reached], imaging.subset(reached)


def latent_depth(specimen: Specimen, pre_tilt: float) -> int:
    """Pixels along z that hold the slab within the field of view, pre-tilted or not."""
    depth = specimen.grid.nz / specimen.settings.oversampling
    radians = np.deg2rad(abs(pre_tilt))
    return int(np.ceil(depth / np.cos(radians) + specimen.settings.field[1] * np.tan(radians)))


def clean_tilts(
    specimen: Specimen,
    imaging: Imaging,
    angles: Sequence[float] | NDArray[np.float64],
    *,
    view: int,
    box_only: bool = False,
) -> NDArray[np.float32]:
    """Clean tilts ``(n, y, x)`` of a field of view, optical density; angles of the stage."""
    seen = [float(a) + imaging.pre_tilt for a in angles]
    integrals = project_specimen(specimen, seen, view=view, box_only=box_only)
    absorbed = project_beads(specimen, seen, view=view, box_only=box_only)
    settings = specimen.settings
    tilts = image(
        integrals,
        imaging,
        absorbed=absorbed,
        pixel_size=specimen.pixel_size,
        oversampling=settings.oversampling,
        margin=settings.margin,
    )
    if specimen.ice > 0:
        radians = np.deg2rad(seen)
        # Through the faces of the box, or through its sides where that is shorter.
        path = np.minimum(
            specimen.ice / np.maximum(np.abs(np.cos(radians)), 1e-6),
            settings.field[1] / np.maximum(np.abs(np.sin(radians)), 1e-6),
        )
        per_pixel = specimen.pixel_size / 10 / imaging.mean_free_path
        tilts += (path * per_pixel).astype(np.float32)[:, None, None]
    return tilts
