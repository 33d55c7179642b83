"""`napari-lbn simulate`: a specimen, its noisy tilt series, and the truth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_lbn.engine.errors import InputError

from ..options import OUTPUT
from ..output import require_other_files, tell_written, written_together
from ..progress import note, run_job
from ..unused import given as given_options
from ..unused import refuse
from .options import OpticsOptions, SpecimenOptions, TiltOptions, TruthOptions
from .settings import experiment_settings

if TYPE_CHECKING:
    from napari_lbn.engine.simulation.specimens.specimen import Specimen

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
    from napari_lbn.engine.io import check_free_space, ensure_folder
    from napari_lbn.engine.simulation.experiment import run_experiment
    from napari_lbn.engine.simulation.experiment_files import (
        experiment_bytes,
        experiment_files,
        write_experiment,
    )

    if not name or Path(name).name != name:
        raise InputError(f"--name: {name!r} is no file name.", "The folder is given by --out.")
    _require_effect(specimen, truth)
    settings = experiment_settings(specimen, tilts, optics, truth)
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
