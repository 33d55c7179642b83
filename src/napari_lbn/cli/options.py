"""Options that commands share, grouped in dataclasses that `command.add_command` unfolds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

SERIES, COMPUTING, WEDGE, OUTPUT = "Tilt series", "Computing", "Missing wedge", "Output"


class Filter(StrEnum):
    """Filters of the weighted back-projection, as `napari_lbn.engine.reconstruction` names them."""

    RAMP = "ramp"
    SHEPP_LOGAN = "shepp-logan"
    COSINE = "cosine"
    HAMMING = "hamming"
    SIRT_LIKE = "sirt-like"
    EXACT = "exact"
    NONE = "none"


@dataclass(frozen=True, kw_only=True)
class ReadingOptions:
    """What the files of a series do not say, or say wrong; may hold for many series at once."""

    alignment_pixel_size: Annotated[
        float | None,
        typer.Option(
            help="Å of the pixels that .xf and .aln count, if the stack was binned since.",
            show_default=False,
            rich_help_panel=SERIES,
        ),
    ] = None
    pixel_size: Annotated[
        float | None,
        typer.Option(
            help="Pixel size in Å. Default: the header's.",
            show_default=False,
            rich_help_panel=SERIES,
        ),
    ] = None
    invert_tilt_angles: Annotated[
        bool,
        typer.Option(
            "--invert-tilt-angles",
            help="Change the sign of every tilt angle (mirrors the tomogram in z).",
            rich_help_panel=SERIES,
        ),
    ] = False


@dataclass(frozen=True, kw_only=True)
class SeriesOptions(ReadingOptions):
    """Which tilt series."""

    series: Annotated[
        Path | None,
        typer.Argument(
            metavar="TS.mrc",
            show_default=False,
            help="Aligned tilt series, tilt axis along y: MRC (.mrc .st .ali), TIFF or OME-Zarr "
            "stack, or its .tlt or .mdoc. Or an alignment: IMOD folder, .xf, .edf, AreTomo .aln, "
            "Warp .xml, RELION .star, .json or run folder of the CryoET Data Portal.",
        ),
    ] = None
    alignment: Annotated[
        Path | None,
        typer.Option(
            help="Alignment of TS.mrc, a raw stack, where they do not lie side by side.",
            show_default=False,
            rich_help_panel=SERIES,
        ),
    ] = None
    sample: Annotated[
        bool,
        typer.Option(
            "--sample",
            help="Use the simulated tilt series that is built in.",
            rich_help_panel=SERIES,
        ),
    ] = False
    tilt_angles: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|FIRST:STEP",
            help="Angle file (.tlt, .rawtlt, .mdoc), or even steps, like --tilt-angles=-60:3. "
            "Default: the file beside the series.",
            show_default=False,
            rich_help_panel=SERIES,
        ),
    ] = None
    exclude: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            help="Sections to leave out, counted from 1 as in IMOD's EXCLUDELIST: 1,2,39-41.",
            show_default=False,
            rich_help_panel=SERIES,
        ),
    ] = None
    include: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            help="Sections to use although the alignment leaves them out.",
            show_default=False,
            rich_help_panel=SERIES,
        ),
    ] = None

    @property
    def angle_file(self) -> Path | None:
        """The angle file that was named."""
        named = self.tilt_angles is not None and Path(self.tilt_angles).is_file()
        return Path(str(self.tilt_angles)) if named else None


@dataclass(frozen=True, kw_only=True)
class ComputingOptions:
    """How the work is done."""

    thickness: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="PX",
            help="Thickness of the tomogram in pixels of the binned series. Default: 200 nm.",
            show_default=False,
            rich_help_panel=COMPUTING,
        ),
    ] = None
    bin: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Fourier-crop the tilts by N. Default: what the weights were trained for.",
            show_default=False,
            rich_help_panel=COMPUTING,
        ),
    ] = None
    filter: Annotated[
        Filter, typer.Option(help="Filter of the back-projection.", rich_help_panel=COMPUTING)
    ] = Filter.RAMP
    weights: Annotated[
        str,
        typer.Option(
            metavar="NAME|FILE|URL",
            help="Bundled weights by name, a .safetensors file, its folder, or an address with "
            "its hash: https://…#sha256=….",
            rich_help_panel=COMPUTING,
        ),
    ] = "base"
    device: Annotated[
        str,
        typer.Option(help="auto, cpu, cuda:0, mps.", rich_help_panel=COMPUTING),
    ] = "auto"
    memory: Annotated[
        float | None,
        typer.Option(
            metavar="GB",
            help="Memory that the work may take. Default: half of what is free.",
            show_default=False,
            rich_help_panel=COMPUTING,
        ),
    ] = None


@dataclass(frozen=True, kw_only=True)
class WedgeOptions:
    """Which angles are synthesized, and how."""

    increment: Annotated[
        float | None,
        typer.Option(
            metavar="DEGREES",
            help="Step of the synthesized tilts. Default: the series' median step.",
            show_default=False,
            rich_help_panel=WEDGE,
        ),
    ] = None
    fill_gaps: Annotated[
        bool,
        typer.Option(
            "--fill-gaps",
            help="Synthesize also inside gaps wider than 1.5 steps.",
            rich_help_panel=WEDGE,
        ),
    ] = False
    jackknife: Annotated[
        int,
        typer.Option(
            metavar="N",
            help="Leave each of N groups of tilts out in turn, 2 to 8, and extrapolate from what "
            "that changes: closer to the truth, some N times slower. 0 for none.",
            rich_help_panel=WEDGE,
        ),
    ] = 0
    mirrored: Annotated[
        bool,
        typer.Option(
            "--mirrored",
            help="Synthesize from the mirrored tilts as well, and take the mean: mostly closer "
            "to the truth, twice as slow.",
            rich_help_panel=WEDGE,
        ),
    ] = False
    no_smooth: Annotated[
        bool,
        typer.Option(
            "--no-smooth",
            help="Give noisy tilts to the network as they are, not smoothed a little first.",
            rich_help_panel=WEDGE,
        ),
    ] = False


FullSizeOption = Annotated[
    bool,
    typer.Option(
        "--full-size",
        help="Write tilts at the original pixel size, synthesized ones Fourier-padded.",
        rich_help_panel=OUTPUT,
    ),
]

AlphaOption = Annotated[
    float,
    typer.Option(
        min=0,
        max=1,
        help="Share of the synthesized part in the second tomogram: 0 is plain WBP.",
        rich_help_panel=OUTPUT,
    ),
]
