"""Writing a simulated experiment: tilt series, truths and where they come from."""

from __future__ import annotations

import math
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from napari_lbn import __version__

from ..io import (
    VolumeWriter,
    ensure_folder,
    write_provenance,
    write_stack,
    write_tilt_angles,
)
from ..io.mdoc.write import write_mdoc
from ..io.together import written_together

if TYPE_CHECKING:
    from pathlib import Path

    from .experiment import Experiment, ExperimentSettings
    from .specimens.specimen import Specimen

ENDINGS = (
    ".mrc",
    ".tlt",
    ".mrc.mdoc",
    "_truth.mrc",
    "_truth.tlt",
    "_truth_box.mrc",
    "_truth_box.tlt",
    "_truth_tomogram.mrc",
    ".json",
)


def experiment_files(folder: Path, name: str) -> list[Path]:
    """The files of an experiment, in the order of `ENDINGS`."""
    return [folder / f"{name}{ending}" for ending in ENDINGS]


def experiment_bytes(settings: ExperimentSettings, specimen: Specimen | None = None) -> int:
    """What the files of an experiment take at least: text and layers beyond the ice aside.

    Parameters
    ----------
    settings : ExperimentSettings
        Of the experiment.
    specimen : Specimen, optional
        Given instead of drawn.
    """
    imaged = settings.specimen if specimen is None else specimen.settings
    first, last = settings.angles[0], settings.angles[-1]
    within = sum(first <= angle <= last for angle in settings.truth_angles)
    tilts = len(settings.angles) + within + len(settings.truth_angles)
    return int(4 * math.prod(imaged.field) * (tilts + max(imaged.thickness)))


def write_experiment(
    files: list[Path],
    result: Experiment,
    settings: ExperimentSettings,
    record: dict[str, Any],
) -> list[Path]:
    """Write all files of an experiment, or none.

    Parameters
    ----------
    files : list of Path
        Of `experiment_files`.
    result : Experiment
        What was simulated.
    settings : ExperimentSettings
        With which settings.
    record : dict
        What else the provenance says.

    Raises
    ------
    OutputError
        A file cannot be written; none stays behind.
    """
    stack, angles, mdoc, whole, whole_angles, box, box_angles, tomogram, provenance = files
    size = result.specimen.pixel_size
    imaging = result.imaging
    with written_together(stack.parent) as written:
        ensure_folder(stack.parent)
        label = f"SIMULATED tilt series, seed {record['seed']}"
        written.append(write_stack(stack, result.tilts, pixel_size=size, labels=[label]))
        written.append(write_tilt_angles(angles, result.angles))
        written.append(
            write_mdoc(
                mdoc,
                result.angles,
                order=imaging.order,
                dose=imaging.exposure * imaging.dose_of_one,
                stack=stack.name,
                shape=(result.tilts.shape[1], result.tilts.shape[2]),
                pixel_size=size,
                title=label,
            )
        )
        for path, images, beside, degrees, what in (
            (whole, result.whole, whole_angles, result.whole_angles, "whole specimen"),
            (box, result.box, box_angles, result.box_angles, "reconstruction box alone"),
        ):
            lines = [f"SIMULATED truth without noise: {what}", "Minus the optical density"]
            written.append(write_stack(path, images, pixel_size=size, labels=lines))
            written.append(write_tilt_angles(beside, degrees))
        written.append(_write_tomogram(tomogram, result))
        written.append(write_provenance(provenance, _describe(result, settings, record)))
    return files


def _write_tomogram(path: Path, result: Experiment) -> Path:
    lines = ["SIMULATED specimen: minus the density in units of ice"]
    volume = result.tomogram
    with VolumeWriter(
        path, volume.shape, pixel_size=result.specimen.pixel_size, labels=lines
    ) as writer:
        writer.write_slab(0, volume)
    return path


def _describe(
    result: Experiment, settings: ExperimentSettings, record: dict[str, Any]
) -> dict[str, Any]:
    """JSON-able record of a simulation."""
    imaging, specimen = result.imaging, result.specimen
    return {
        "program": f"napari-lbn {__version__}",
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "simulated": True,
        **record,
        "pixel_size": specimen.pixel_size,
        "thickness": specimen.thickness,
        "ingredients": specimen.ingredients,
        "measured_angles": result.angles,
        "acquisition_order": imaging.order,
        "dose": imaging.exposure * imaging.dose_of_one,
        "dose_before": imaging.dose,
        "defocus": imaging.defocus,
        "shifts": imaging.shifts,
        "pre_tilt": imaging.pre_tilt,
        "electrons_per_pixel": result.electrons,
        "settings": asdict(settings),
    }
