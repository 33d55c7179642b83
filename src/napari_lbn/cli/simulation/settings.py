"""What is simulated, from the options of `napari-lbn simulate`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_lbn.engine.errors import InputError

if TYPE_CHECKING:
    from napari_lbn.engine.simulation.experiment import ExperimentSettings
    from napari_lbn.engine.simulation.imaging.microscope import MicroscopeSettings
    from napari_lbn.engine.simulation.specimens.settings import SpecimenSettings

    from .options import OpticsOptions, SpecimenOptions, TiltOptions, TruthOptions

LARGEST_TRUTH = 89.0
STEEPEST = 80.0
"""Degrees; a slab is not measured at steeper tilts."""


def experiment_settings(
    specimen: SpecimenOptions, tilts: TiltOptions, optics: OpticsOptions, truth: TruthOptions
) -> ExperimentSettings:
    """All that one experiment needs."""
    import numpy as np

    from napari_lbn.engine.simulation.experiment import ExperimentSettings
    from napari_lbn.engine.simulation.imaging.borders import BorderSettings

    angles = _angles(tilts)
    given = truth.truth is not None or truth.shrec is not None
    pre_tilt = 0.0 if given else specimen.pre_tilt
    steepest = min(max(abs(a + pre_tilt) for a in angles), STEEPEST)
    beyond = np.arange(truth.truth_step, LARGEST_TRUTH + 1e-6, truth.truth_step)
    return ExperimentSettings(
        specimen=_specimen(specimen, steepest),
        microscope=_microscope(tilts, optics, pre_tilt),
        angles=angles,
        truth_angles=tuple(float(a) for a in (*-beyond[::-1], 0.0, *beyond)),
        snr=tilts.snr,
        dqe=tilts.dqe,
        noise=tilts.noise,
        borders=BorderSettings(rotation=tilts.borders) if tilts.borders != 0 else None,
    )


def _angles(tilts: TiltOptions) -> tuple[float, ...]:
    """Ascending angles without the missing ones."""
    import numpy as np

    from ..series import parse_angles

    if tilts.angles is not None:
        wanted = sorted(parse_angles(tilts.angles))
    else:
        low, high = tilts.tilt_range
        if not -90 <= low < high <= 90:
            raise InputError(f"--range {low:g} {high:g} is no range.", "Write --range -60 60.")
        wanted = [float(a) for a in np.arange(low, high + 1e-6, tilts.step)]
    missing = parse_angles(tilts.missing) if tilts.missing else []
    for angle in missing:
        if not np.isclose(wanted, angle, atol=1e-3).any():
            raise InputError(f"--missing: {angle:g} is none of the angles.", "Name one of them.")
    left = tuple(a for a in wanted if not np.isclose(missing, a, atol=1e-3).any())
    if not left:
        raise InputError("--missing leaves no tilts.", "Leave out fewer of them.")
    return left


def _specimen(options: SpecimenOptions, steepest: float) -> SpecimenSettings:
    from napari_lbn.engine.simulation.specimens.settings import SpecimenSettings

    pixels = options.thickness * 10 / options.pixel_size
    return SpecimenSettings(
        field=options.size,
        views=1,
        pixel_size=(options.pixel_size, options.pixel_size),
        thickness=(pixels, pixels),
        max_angle=max(steepest, 10.0),
        gradient=options.gradient,
        roughness=options.roughness,
        lean=(options.lean, options.lean),
        maps=tuple(options.maps or ()),
        membrane_maps=tuple(options.membrane_maps or ()),
        **_probabilities(options),
    )


def _probabilities(options: SpecimenOptions) -> dict[str, Any]:
    """1 and 0 for the ingredients that were named."""
    from napari_lbn.engine.simulation.specimens.settings import INGREDIENTS

    chosen: dict[str, float] = {}
    if options.only is not None:
        chosen = dict.fromkeys(INGREDIENTS, 0.0)
        chosen |= dict.fromkeys(_names("--only", options.only), 1.0)
    chosen |= dict.fromkeys(_names("--with", options.with_), 1.0)
    return chosen | dict.fromkeys(_names("--without", options.without), 0.0)


def _names(option: str, text: str) -> list[str]:
    from napari_lbn.engine.simulation.specimens.settings import INGREDIENTS

    names = text.replace(",", " ").split()
    for name in names:
        if name not in INGREDIENTS:
            known = ", ".join(INGREDIENTS)
            raise InputError(f"{option}: {name!r} is no ingredient.", f"There are {known}.")
    return names


def _microscope(tilts: TiltOptions, optics: OpticsOptions, pre_tilt: float) -> MicroscopeSettings:
    from napari_lbn.engine.simulation.imaging.microscope import MicroscopeSettings

    def exactly(value: float) -> tuple[float, float]:
        return value, value

    return MicroscopeSettings(
        ctf=optics.ctf,
        defocus=exactly(optics.defocus),
        dose=exactly(tilts.dose),
        orders=(tilts.order.value,),
        mean_free_path=exactly(optics.mean_free_path),
        misalignment=exactly(tilts.misalignment),
        exposure_power=exactly(float(tilts.exposure.value == "inverse-cosine")),
        defocus_gradient=optics.defocus_gradient,
        shading=exactly(optics.shading),
        pre_tilt=exactly(pre_tilt),
        damage=optics.damage,
    )
