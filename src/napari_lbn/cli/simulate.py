"""`napari-lbn simulate`: a specimen, its noisy tilt series, and the truth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_lbn.engine.errors import InputError

from .options import OUTPUT
from .output import require_other_files, tell_written, written_together
from .progress import note, run_job
from .simulate_options import OpticsOptions, SpecimenOptions, TiltOptions, TruthOptions
from .unused import given as given_options
from .unused import refuse

if TYPE_CHECKING:
    from napari_lbn.engine.simulation.experiment import ExperimentSettings
    from napari_lbn.engine.simulation.microscope import MicroscopeSettings
    from napari_lbn.engine.simulation.settings import SpecimenSettings
    from napari_lbn.engine.simulation.specimen import Specimen

LARGEST_TRUTH = 89.0
STEEPEST = 80.0
"""Degrees; a slab is not measured at steeper tilts."""

OutOption = Annotated[
    Path,
    typer.Option(
        metavar="DIR",
        help="Folder for the files; made if absent.",
        show_default=False,
        rich_help_panel=OUTPUT,
    ),
]
NameOption = Annotated[
    str, typer.Option(help="What the files' names begin with.", rich_help_panel=OUTPUT)
]


def simulate(
    specimen: SpecimenOptions,
    tilts: TiltOptions,
    optics: OpticsOptions,
    truth: TruthOptions,
    out: OutOption,
    name: NameOption = "simulated",
) -> None:
    """Simulate a tilt series of a procedural specimen, or of a given volume, with its truth.

    Writes NAME.mrc with NAME.tlt and NAME.mrc.mdoc; the noise-free NAME_truth.mrc (whole
    specimen, measured range) and NAME_truth_box.mrc (reconstruction box alone, to ±89°),
    each with its .tlt; NAME_truth_tomogram.mrc; and NAME.json.
    """
    from napari_lbn.engine.io.output import check_free_space, ensure_folder
    from napari_lbn.engine.simulation.experiment import run_experiment
    from napari_lbn.engine.simulation.experiment_files import (
        experiment_bytes,
        experiment_files,
        write_experiment,
    )

    if not name or Path(name).name != name:
        raise InputError(f"--name: {name!r} is no file name.", "The folder is given by --out.")
    _require_effect(specimen, truth)
    settings = _settings(specimen, tilts, optics, truth)
    given, source = _given_volume(truth, specimen)
    files = experiment_files(out, name)
    require_other_files(files, [source])
    with written_together(out):
        check_free_space(ensure_folder(out), experiment_bytes(settings, given))  # now, not later
        result = run_job(run_experiment(settings, specimen.seed, specimen=given))
        left_out = len(settings.angles) - result.angles.size
        if left_out:
            note(f"{left_out} tilts look along the pre-tilted slab and were left out.")
        record = {"seed": specimen.seed, "volume": None if source is None else str(source)}
        written = write_experiment(files, result, settings, record)
    tell_written(written)


def _require_effect(specimen: SpecimenOptions, truth: TruthOptions) -> None:
    """Refuse options of a drawn specimen beside a given one, and the other way round."""
    if truth.truth is not None or truth.shrec is not None:
        but = {"pixel_size", "seed"} if truth.truth is not None else {"seed"}
        typed = given_options(specimen, but=but)
        refuse(typed, "to a given volume", "Leave it out, or let a specimen be drawn.")
    if truth.shrec is None and truth.model:
        refuse(["--model"], "without --shrec", "Name the folder of SHREC 2021.")
    if truth.truth is None and truth.dense_is_negative:
        refuse(["--dense-is-negative"], "without --truth", "Name a volume, or leave it out.")


def _given_volume(
    truth: TruthOptions, specimen: SpecimenOptions
) -> tuple[Specimen | None, Path | None]:
    """The specimen made of a volume that was named, and the volume's file."""
    from napari_lbn.engine.io import open_volume
    from napari_lbn.engine.io.volume import volume_warnings
    from napari_lbn.engine.simulation.given import specimen_of_volume
    from napari_lbn.engine.simulation.shrec import shrec_model

    if truth.truth is not None and truth.shrec is not None:
        raise InputError("Which volume?", "Give --truth or --shrec.")
    if truth.shrec is not None:
        model = shrec_model(truth.shrec, truth.model)
        volume, _ = open_volume(model.density)
        made = specimen_of_volume(volume, model.voxel_size, name=str(model.density))
        return made, model.density
    if truth.truth is None:
        return None, None
    volume, size = open_volume(truth.truth)
    for warning in volume_warnings(truth.truth):
        note(f"{truth.truth.name}: {warning}")
    if "--pixel-size" in given_options(specimen):  # the header may be wrong
        size = specimen.pixel_size
    if size is None:
        note(f"{truth.truth.name} does not say its voxel size: {specimen.pixel_size:g} Å taken.")
    positive = not truth.dense_is_negative
    made = specimen_of_volume(
        volume,
        size or specimen.pixel_size,
        dense_is_positive=positive,
        name=str(truth.truth),
    )
    return made, truth.truth


def _settings(
    specimen: SpecimenOptions, tilts: TiltOptions, optics: OpticsOptions, truth: TruthOptions
) -> ExperimentSettings:
    import numpy as np

    from napari_lbn.engine.simulation.borders import BorderSettings
    from napari_lbn.engine.simulation.experiment import ExperimentSettings

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

    from .series import parse_angles

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
    from napari_lbn.engine.simulation.settings import SpecimenSettings

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
    from napari_lbn.engine.simulation.settings import INGREDIENTS

    chosen: dict[str, float] = {}
    if options.only is not None:
        chosen = dict.fromkeys(INGREDIENTS, 0.0)
        chosen |= dict.fromkeys(_names("--only", options.only), 1.0)
    chosen |= dict.fromkeys(_names("--with", options.with_), 1.0)
    return chosen | dict.fromkeys(_names("--without", options.without), 0.0)


def _names(option: str, text: str) -> list[str]:
    from napari_lbn.engine.simulation.settings import INGREDIENTS

    names = text.replace(",", " ").split()
    for name in names:
        if name not in INGREDIENTS:
            known = ", ".join(INGREDIENTS)
            raise InputError(f"{option}: {name!r} is no ingredient.", f"There are {known}.")
    return names


def _microscope(tilts: TiltOptions, optics: OpticsOptions, pre_tilt: float) -> MicroscopeSettings:
    from napari_lbn.engine.simulation.microscope import MicroscopeSettings

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
