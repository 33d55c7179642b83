"""Options of `reconstruct`: which method, which tilts, which number type."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..adapt_options import AdaptOptions
from ..options import OUTPUT, Filter
from ..unused import given, refuse

if TYPE_CHECKING:
    from napari_lbn.engine.reconstruction import MethodSettings

    from ..options import ComputingOptions, WedgeOptions

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


USED_BY = {
    Method.WBP: {"method", "non_negative", "iterations", "cutoff", "falloff"},
    Method.SIRT: {"method", "non_negative", "iterations", "relaxation", "free_standing"},
    Method.TV: {"method", "non_negative", "iterations", "strength", "free_standing"},
}
"""Options that change something; --non-negative has a word of its own."""


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


def memory_bound(computing: ComputingOptions, held: int = 0) -> tuple[str, int]:
    """The device, and how many bytes the work may use beside tilts that are held in memory.

    Raises
    ------
    MemoryBoundError
        Those tilts alone are more than the user allows.
    """
    from napari_lbn.engine.device import choose_device, default_memory_bound
    from napari_lbn.engine.errors import MemoryBoundError

    from ..series import memory_bytes

    device, allowed = choose_device(computing.device), memory_bytes(computing.memory)
    if allowed is None:  # of what is free now, beside those tilts
        return str(device), default_memory_bound(device)
    left = allowed - held if device.type == "cpu" else allowed
    if left <= 0:
        raise MemoryBoundError(
            f"The binned tilts alone take {held / 1e9:.2g} GB, more than --memory allows.",
            "Allow more memory, or bin further.",
        )
    return str(device), left


def require_effect(
    method: MethodOptions,
    computing: ComputingOptions,
    augment: AugmentOptions,
    wedge: WedgeOptions,
) -> None:
    """Refuse options of another method, and those of synthesized tilts without --lbn.

    Raises
    ------
    InputError
        Names them.
    """
    require_lbn(augment, wedge)
    used = set(USED_BY[method.method])
    if method.method is Method.WBP and computing.filter is not Filter.SIRT_LIKE:
        used.remove("iterations")
    if method.cutoff is None:
        used.discard("falloff")
    typed = given(method, but=used)
    if method.method is not Method.WBP and computing.filter is not Filter.RAMP:
        typed.append("--filter")
    how = f"with --method {method.method}"
    if method.method is Method.WBP:
        how += f", --filter {computing.filter}"
        how += "" if method.cutoff else " and no --cutoff"
    refuse(typed, how, "Leave it out, or choose the method or filter that it is of.")


def require_lbn(augment: AugmentOptions, wedge: WedgeOptions) -> None:
    """Refuse options of synthesized tilts without --lbn."""
    if not augment.lbn:
        typed = [*given(augment), *given(wedge)]
        refuse(typed, "without synthesized tilts", "Give --lbn as well, or leave it out.")


def method_settings(
    method: MethodOptions, computing: ComputingOptions, thickness: int, held: int = 0
) -> MethodSettings:
    """Settings of the engine's method, for tilts of which so many bytes are in memory."""
    from napari_lbn.engine.reconstruction import SIRTSettings, TVSettings, WBPSettings

    device, bound = memory_bound(computing, held)
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
