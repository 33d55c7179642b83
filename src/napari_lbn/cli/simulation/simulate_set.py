"""`napari-lbn simulate-set`: a folder of simulated tilt series, for training or validation."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_lbn.engine.errors import InputError

from .options import SPECIMEN, TILTS

if TYPE_CHECKING:
    from napari_lbn.engine.simulation.series import SimulationSettings
    from napari_lbn.engine.training.splits import Use

SET = "Set"


class UseName(StrEnum):
    """Uses of the committed split, as `napari_lbn.engine.training.splits` names them."""

    TRAIN = "train"
    CHOOSE = "choose"
    REPORT = "report"


class TruthName(StrEnum):
    """Truths of a set, as `napari_lbn.engine.simulation.dataset` names them."""

    NONE = "none"
    BOX = "box"
    BOTH = "both"


FolderArgument = Annotated[
    Path, typer.Argument(metavar="DIR", help="Folder of the series; made if absent.")
]


@dataclass(frozen=True, kw_only=True)
class SetOptions:
    """Which specimens, how many, and with how much truth."""

    count: Annotated[int, typer.Option(help="Series.", min=1, rich_help_panel=SET)] = 60
    views: Annotated[
        int, typer.Option(help="Fields of view on one specimen.", min=1, rich_help_panel=SET)
    ] = 3
    validation: Annotated[
        bool,
        typer.Option(
            "--validation",
            help="Seeds that never train, one field of view of each specimen, both truths.",
            rich_help_panel=SET,
        ),
    ] = False
    truth: Annotated[
        TruthName,
        typer.Option(
            help="At every third degree of the half circle: of the box alone, or of the whole "
            "specimen as well. Validation sets have both.",
            rich_help_panel=SET,
        ),
    ] = TruthName.NONE
    seed0: Annotated[
        int | None,
        typer.Option(
            help="First specimen's seed. Default: the first of the kind.",
            show_default=False,
            rich_help_panel=SET,
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class SpecimensOptions:
    """What the specimens of a set have in common."""

    size: Annotated[
        tuple[int, int],
        typer.Option(metavar="Y X", help="Tilt size in pixels.", rich_help_panel=SPECIMEN),
    ] = (128, 128)
    pixel_sizes: Annotated[
        tuple[float, float],
        typer.Option(metavar="LOW HIGH", help="Å.", rich_help_panel=SPECIMEN),
    ] = (9.0, 21.0)
    thickness: Annotated[
        tuple[float, float],
        typer.Option(metavar="LOW HIGH", help="Pixels.", rich_help_panel=SPECIMEN),
    ] = (40.0, 100.0)
    thickness_nm: Annotated[
        tuple[float, float] | None,
        typer.Option(
            metavar="LOW HIGH",
            help="nm; --thickness then only clips it.",
            show_default=False,
            rich_help_panel=SPECIMEN,
        ),
    ] = None
    pre_tilt: Annotated[
        float,
        typer.Option(help="Largest tilt of the slab itself, degrees.", rich_help_panel=SPECIMEN),
    ] = 0.0
    lean: Annotated[
        float,
        typer.Option(help="Largest lean along the tilt axis, degrees.", rich_help_panel=SPECIMEN),
    ] = 0.0
    maps: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR|FILE",
            help="Density maps (.mrc) that crowd the specimens. May be repeated.",
            show_default=False,
            rich_help_panel=SPECIMEN,
        ),
    ] = None
    use: Annotated[
        UseName | None,
        typer.Option(
            help="Only those of the maps, which are then folders, that the committed split gives "
            "to this use; membrane proteins among them sit in membranes.",
            show_default=False,
            rich_help_panel=SPECIMEN,
        ),
    ] = None
    tilt_range: Annotated[
        tuple[float, float],
        typer.Option("--range", metavar="LOW HIGH", help="Degrees.", rich_help_panel=TILTS),
    ] = (-72.0, 72.0)
    step: Annotated[float, typer.Option(help="Degrees.", min=0.1, rich_help_panel=TILTS)] = 3.0


def simulate_set(folder: FolderArgument, kind: SetOptions, specimens: SpecimensOptions) -> None:
    """Simulate many noise-free tilt series, for `train --simulated` and the benchmarks.

    Prints each file when it is written. Files that exist are kept: the same command goes on
    where it was stopped. Files made with other options are refused.
    """
    from napari_lbn.engine.simulation.dataset import (
        seeds_of_set,
        write_training_set,
        write_validation_set,
    )

    if kind.validation and kind.truth is not TruthName.NONE:
        raise InputError(
            "--truth is for sets that train: a validation set has both truths.",
            "Leave out --truth.",
        )
    views = 1 if kind.validation else kind.views
    seeds = seeds_of_set(kind.count, views, kind.seed0, validation=kind.validation)
    settings = _settings(specimens, kind.views)
    if kind.validation:
        written = write_validation_set(folder, kind.count, settings, seeds.start)
    else:
        truth = None if kind.truth is TruthName.NONE else kind.truth.value
        written = write_training_set(folder, kind.count, settings, seeds.start, truth=truth)
    for path in written:
        typer.echo(str(path))


def _settings(given: SpecimensOptions, views: int) -> SimulationSettings:
    import numpy as np

    from napari_lbn.engine.simulation.imaging.microscope import MicroscopeSettings
    from napari_lbn.engine.simulation.series import SimulationSettings
    from napari_lbn.engine.simulation.specimens.settings import SpecimenSettings
    from napari_lbn.engine.training.splits import density_maps

    maps: tuple[Path, ...] = tuple(given.maps or ())
    membrane_maps: tuple[Path, ...] = ()
    if given.use is not None:
        use: Use = given.use.value
        folders = maps
        maps = density_maps(folders, use)
        membrane_maps = density_maps(folders, use, membrane=True)
    first, last = given.tilt_range
    specimen = SpecimenSettings(
        field=given.size,
        views=views,
        pixel_size=given.pixel_sizes,
        thickness=given.thickness,
        thickness_nm=given.thickness_nm,
        lean=(-given.lean, given.lean),
        maps=maps,
        membrane_maps=membrane_maps,
    )
    return SimulationSettings(
        specimen=specimen,
        microscope=MicroscopeSettings(pre_tilt=(-given.pre_tilt, given.pre_tilt)),
        angles=tuple(float(a) for a in np.arange(first, last + given.step / 2, given.step)),
    )
