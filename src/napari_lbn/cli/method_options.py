"""Options of `reconstruct`: which method, which tilts, which number type."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .adapt_options import AdaptOptions
from .options import OUTPUT

if TYPE_CHECKING:
    from napari_lbn.engine.reconstruction import MethodSettings

    from .options import ComputingOptions

METHOD, TILTS = "Method", "Synthesized tilts"


class Method(StrEnum):
    """Reconstruction methods."""

    WBP = "wbp"
    SIRT = "sirt"
    TV = "tv"


class Samples(StrEnum):
    """Number types of the tomogram."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    INT16 = "int16"


@dataclass(frozen=True, kw_only=True)
class MethodOptions:
    """How the tomogram is made."""

    method: Annotated[
        Method,
        typer.Option(help="Weighted back-projection, SIRT, or TV.", rich_help_panel=METHOD),
    ] = Method.WBP
    iterations: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Of SIRT (20), TV (100), or what --filter sirt-like imitates (10).",
            show_default=False,
            rich_help_panel=METHOD,
        ),
    ] = None
    cutoff: Annotated[
        float | None,
        typer.Option(
            metavar="CYCLES/PX",
            help="Low-pass of the filter, up to 0.5. Default: none.",
            show_default=False,
            rich_help_panel=METHOD,
        ),
    ] = None
    falloff: Annotated[
        float,
        typer.Option(
            metavar="CYCLES/PX", help="Sigma of the low-pass beyond it.", rich_help_panel=METHOD
        ),
    ] = 0.05
    relaxation: Annotated[
        float, typer.Option(help="Step of SIRT, below 2.", rich_help_panel=METHOD)
    ] = 1.0
    strength: Annotated[
        float, typer.Option(help="Of the TV regularization.", rich_help_panel=METHOD)
    ] = 0.1
    non_negative: Annotated[
        bool,
        typer.Option(
            "--non-negative",
            help="SIRT, TV: no voxel below 0; tilts are taken as projected density.",
            rich_help_panel=METHOD,
        ),
    ] = False
    free_standing: Annotated[
        bool,
        typer.Option(
            "--free-standing",
            help="SIRT, TV: nothing lies beside the field of view.",
            rich_help_panel=METHOD,
        ),
    ] = False


@dataclass(frozen=True, kw_only=True)
class AugmentOptions(AdaptOptions):
    """Whether synthesized tilts join the measured ones."""

    lbn: Annotated[
        bool,
        typer.Option("--lbn", help="Synthesize the missing wedge first.", rich_help_panel=TILTS),
    ] = False
    alpha: Annotated[
        float,
        typer.Option(min=0, max=1, help="How much synthesized tilts count.", rich_help_panel=TILTS),
    ] = 1.0


@dataclass(frozen=True, kw_only=True)
class TomogramOptions:
    """Where and how the tomogram is written."""

    out: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="Tomogram to write (.mrc or .ome.zarr).",
            show_default=False,
            rich_help_panel=OUTPUT,
        ),
    ]
    samples: Annotated[
        Samples,
        typer.Option(
            help="Number type; int16 with its scale in the header.", rich_help_panel=OUTPUT
        ),
    ] = Samples.FLOAT32
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Keep finished slabs if stopped, and go on from them.",
            rich_help_panel=OUTPUT,
        ),
    ] = False


def memory_bound(computing: ComputingOptions) -> tuple[str, int]:
    """The device, and how many bytes the work may use."""
    from napari_lbn.engine.device import choose_device, default_memory_bound

    from .series import memory_bytes

    device = choose_device(computing.device)
    return str(device), memory_bytes(computing.memory) or default_memory_bound(device)


def method_settings(
    method: MethodOptions, computing: ComputingOptions, thickness: int
) -> MethodSettings:
    """Settings of the engine's method."""
    from napari_lbn.engine.reconstruction import SIRTSettings, TVSettings, WBPSettings

    device, bound = memory_bound(computing)
    if method.method is Method.WBP:
        return WBPSettings(
            thickness=thickness,
            filter=computing.filter.value,
            cutoff=method.cutoff,
            falloff=method.falloff,
            sirt_iterations=method.iterations or 10,
            memory_bound=bound,
            device=device,
        )
    beyond = "nothing" if method.free_standing else "specimen"
    if method.method is Method.SIRT:
        return SIRTSettings(
            thickness=thickness,
            iterations=method.iterations or 20,
            relaxation=method.relaxation,
            non_negative=method.non_negative,
            beyond=beyond,  # type: ignore[arg-type]
            memory_bound=bound,
            device=device,
        )
    return TVSettings(
        thickness=thickness,
        iterations=method.iterations or 100,
        strength=method.strength,
        non_negative=method.non_negative,
        beyond=beyond,  # type: ignore[arg-type]
        memory_bound=bound,
        device=device,
    )
