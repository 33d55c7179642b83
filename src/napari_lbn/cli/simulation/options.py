"""Options of `napari-lbn simulate`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

SPECIMEN, TILTS, OPTICS, TRUTH = "Specimen", "Tilts", "Microscope", "Truth"


class OrderName(StrEnum):
    """Orders of acquisition, as `napari_lbn.engine.simulation.imaging.microscope` names them."""

    DOSE_SYMMETRIC = "dose-symmetric"
    BIDIRECTIONAL = "bidirectional"
    UNIDIRECTIONAL = "unidirectional"


class ExposureName(StrEnum):
    """How the exposure goes with the tilt."""

    CONSTANT = "constant"
    INVERSE_COSINE = "inverse-cosine"


@dataclass(frozen=True, kw_only=True)
class SpecimenOptions:
    """What is drawn."""

    size: Annotated[
        tuple[int, int],
        typer.Option(metavar="Y X", help="Tilt size in pixels.", rich_help_panel=SPECIMEN),
    ] = (256, 256)
    pixel_size: Annotated[float, typer.Option(help="Å.", min=1, rich_help_panel=SPECIMEN)] = 10.0
    thickness: Annotated[
        float, typer.Option(help="Mean thickness of the ice in nm.", rich_help_panel=SPECIMEN)
    ] = 150.0
    only: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            help="Ingredients, and no others: cell, cloud, texture, molecules, vesicles, sheets, "
            "filaments, microtubules, granules, beads, carbon, embedded. Default: the seed draws.",
            show_default=False,
            rich_help_panel=SPECIMEN,
        ),
    ] = None
    with_: Annotated[
        str,
        typer.Option(
            "--with", metavar="LIST", help="Ingredients for certain.", rich_help_panel=SPECIMEN
        ),
    ] = ""
    without: Annotated[
        str, typer.Option(metavar="LIST", help="Ingredients left out.", rich_help_panel=SPECIMEN)
    ] = ""
    maps: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR|FILE",
            help="Density maps (.mrc) that crowd the specimen, beside procedural shapes.",
            show_default=False,
            rich_help_panel=SPECIMEN,
        ),
    ] = None
    membrane_maps: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR|FILE",
            help="Density maps of membrane proteins: normal along z, membrane in the middle.",
            show_default=False,
            rich_help_panel=SPECIMEN,
        ),
    ] = None
    gradient: Annotated[
        float,
        typer.Option(
            help="Largest change of thickness across the specimen, a fraction.",
            rich_help_panel=SPECIMEN,
        ),
    ] = 0.3
    roughness: Annotated[
        float,
        typer.Option(help="Unevenness of the surfaces, a fraction.", rich_help_panel=SPECIMEN),
    ] = 0.05
    pre_tilt: Annotated[
        float,
        typer.Option(help="Tilt of the slab itself, degrees.", rich_help_panel=SPECIMEN),
    ] = 0.0
    lean: Annotated[
        float,
        typer.Option(help="Lean along the tilt axis, degrees.", rich_help_panel=SPECIMEN),
    ] = 0.0
    seed: Annotated[int, typer.Option(min=0, rich_help_panel=SPECIMEN)] = 0


@dataclass(frozen=True, kw_only=True)
class TiltOptions:
    """What is measured."""

    tilt_range: Annotated[
        tuple[float, float],
        typer.Option("--range", metavar="LOW HIGH", help="Degrees.", rich_help_panel=TILTS),
    ] = (-60.0, 60.0)
    step: Annotated[float, typer.Option(help="Degrees.", min=0.1, rich_help_panel=TILTS)] = 3.0
    angles: Annotated[
        str | None,
        typer.Option(
            metavar="LIST|FILE",
            help="Angles instead of range and step.",
            show_default=False,
            rich_help_panel=TILTS,
        ),
    ] = None
    missing: Annotated[
        str,
        typer.Option(metavar="LIST", help="Angles that were not taken.", rich_help_panel=TILTS),
    ] = ""
    order: Annotated[OrderName, typer.Option(help="Of acquisition.", rich_help_panel=TILTS)] = (
        OrderName.DOSE_SYMMETRIC
    )
    dose: Annotated[
        float, typer.Option(help="e/Å² of the whole series.", min=0.01, rich_help_panel=TILTS)
    ] = 120.0
    exposure: Annotated[ExposureName, typer.Option(help="Of each tilt.", rich_help_panel=TILTS)] = (
        ExposureName.CONSTANT
    )
    snr: Annotated[
        float | None,
        typer.Option(
            help="Signal-to-noise ratio of the untilted view instead of the dose's electrons.",
            show_default=False,
            rich_help_panel=TILTS,
        ),
    ] = None
    dqe: Annotated[
        float, typer.Option(help="Share of electrons that counts.", rich_help_panel=TILTS)
    ] = 0.5
    noise: Annotated[bool, typer.Option(help="Count electrons.", rich_help_panel=TILTS)] = True
    misalignment: Annotated[
        float,
        typer.Option(help="Standard deviation of residual shifts, pixels.", rich_help_panel=TILTS),
    ] = 0.3
    borders: Annotated[
        float,
        typer.Option(
            help="Degrees that an alignment turned the tilts by: blank edges. 0 for none.",
            rich_help_panel=TILTS,
        ),
    ] = 0.0


@dataclass(frozen=True, kw_only=True)
class OpticsOptions:
    """The microscope."""

    ctf: Annotated[bool, typer.Option(help="Contrast transfer.", rich_help_panel=OPTICS)] = True
    defocus: Annotated[
        float, typer.Option(help="µm, positive is underfocus.", rich_help_panel=OPTICS)
    ] = 4.0
    defocus_gradient: Annotated[
        bool, typer.Option(help="Across tilted views.", rich_help_panel=OPTICS)
    ] = True
    damage: Annotated[
        bool, typer.Option(help="Damping by accumulated dose.", rich_help_panel=OPTICS)
    ] = True
    mean_free_path: Annotated[
        float, typer.Option(help="nm of ice.", min=1, rich_help_panel=OPTICS)
    ] = 300.0
    shading: Annotated[
        float,
        typer.Option(help="Uneven light: change of optical density.", rich_help_panel=OPTICS),
    ] = 0.03


@dataclass(frozen=True, kw_only=True)
class TruthOptions:
    """A given volume, and the truth."""

    truth: Annotated[
        Path | None,
        typer.Option(
            metavar="VOLUME.mrc",
            help="Re-project this volume instead of drawing a specimen.",
            show_default=False,
            rich_help_panel=TRUTH,
        ),
    ] = None
    shrec: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Re-project a model of this SHREC 2021 folder.",
            show_default=False,
            rich_help_panel=TRUTH,
        ),
    ] = None
    model: Annotated[int, typer.Option(help="Which model of --shrec.", rich_help_panel=TRUTH)] = 0
    dense_is_negative: Annotated[
        bool,
        typer.Option(
            "--dense-is-negative",
            help="The volume of --truth is dark where dense, as tomograms are.",
            rich_help_panel=TRUTH,
        ),
    ] = False
    truth_step: Annotated[
        float, typer.Option(help="Degrees, to ±89.", min=0.5, rich_help_panel=TRUTH)
    ] = 1.0
