"""`napari-lbn synthesize`: tilts at any angles."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..adapt_options import AdaptOptions
from ..options import OUTPUT, WEDGE, ComputingOptions, FullSizeOption, SeriesOptions, WedgeOptions
from ..output import (
    input_files,
    require_mrc_name,
    require_other_files,
    tell_written,
    written_together,
)
from ..progress import note, run_job
from ..series import open_series, parse_angles
from ..settings import correction_settings, require_pixel_size, require_usable
from ..unused import given, refuse

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    from numpy.typing import NDArray

    from napari_lbn.engine.correct import CorrectionPlan, CorrectionSettings
    from napari_lbn.engine.tilt_series import TiltSeries

SAMPLE_BYTES = 4
CHOOSE_ANGLES = ("--increment", "--fill-gaps")
"""Options that choose the angles, where none are given."""
AnglesOption = Annotated[
    str | None,
    typer.Option(
        metavar="LIST|FILE",
        help="Degrees, like --angles=-75,-72 or -89:1:89, or a .tlt file. Default: the wedge.",
        show_default=False,
        rich_help_panel=WEDGE,
    ),
]
OutOption = Annotated[
    Path,
    typer.Option(
        metavar="FILE",
        help="Stack of tilts to write (.mrc); a .tlt is written beside it.",
        show_default=False,
        rich_help_panel=OUTPUT,
    ),
]

BoxOption = Annotated[
    bool,
    typer.Option(
        "--box",
        help="Beyond the measured range show the reconstruction box alone, as tilts of `correct` "
        "do and a tomogram needs, not all that the microscope would see.",
        rich_help_panel=WEDGE,
    ),
]


def synthesize(
    series: SeriesOptions,
    computing: ComputingOptions,
    wedge: WedgeOptions,
    adapt: AdaptOptions,
    out: OutOption,
    angles: AnglesOption = None,
    box: BoxOption = False,
    full_size: FullSizeOption = False,
) -> None:
    """Predict tilts at any angles from the measured tilts.

    Tilts are written in the order of the angles; a .tlt with the angles and a .json
    with what they were made from are written beside them.
    An angle that was measured gives a re-projection, for checking.
    """
    import numpy as np

    from napari_lbn.engine.correct import plan
    from napari_lbn.engine.io import check_free_space

    typed = None if angles is None else np.asarray(parse_angles(angles))
    if typed is not None:
        named = [name for name in given(wedge) if name in CHOOSE_ANGLES]
        refuse(named, "beside --angles, which names the tilts", "Leave one of the two out.")
    opened = open_series(series)
    require_usable(opened)
    require_pixel_size(opened)
    require_mrc_name(out)
    outputs = [out, out.with_suffix(".tlt"), out.with_suffix(".json")]
    require_other_files(outputs, [*input_files(opened), series.angle_file])
    settings = correction_settings(opened, computing, wedge, adapt_minutes=adapt.minutes)
    chosen = plan(opened, settings)
    wanted = chosen.new_angles if typed is None else typed
    images = opened.image_shape if full_size else chosen.image_shape
    check_free_space(out.parent, SAMPLE_BYTES * wanted.size * math.prod(images))
    _tell(chosen, wanted)
    tilts, record = _run(opened, wanted, chosen, settings, box=box)
    _write(outputs, tilts, record, opened if full_size else None)
    tell_written(outputs)


def _tell(chosen: CorrectionPlan, wanted: NDArray[np.float64]) -> None:
    """Say what the weights are not made for, and which angles were measured."""
    import numpy as np

    for notice in chosen.notices:
        note(notice)
    measured = wanted[np.isin(wanted, chosen.measured_angles)]
    if measured.size:
        listed = ", ".join(f"{angle:g}°" for angle in measured[:5])
        more, were = " …" if measured.size > 5 else "", "was" if measured.size == 1 else "were"
        note(f"{measured.size} of these angles {were} measured ({listed}{more}): re-projections.")


def _run(
    series: TiltSeries,
    angles: NDArray[np.float64],
    chosen: CorrectionPlan,
    settings: CorrectionSettings,
    *,
    box: bool,
) -> tuple[NDArray[np.float32], dict[str, Any]]:
    """Tilts ``(n, y, x)`` at the working pixel size, in the input's units, and their record."""
    from napari_lbn.engine.binning import bin_series
    from napari_lbn.engine.correct.network import ready_network
    from napari_lbn.engine.provenance import WHOLE, describe_run
    from napari_lbn.engine.synthesis import on_device
    from napari_lbn.engine.synthesis import synthesize as job
    from napari_lbn.engine.synthesis.smoothing import in_words

    working = bin_series(series, chosen.binning)
    record = describe_run(series, working, chosen, settings)
    ready = run_job(ready_network(working, chosen, settings))
    with on_device(ready.network, settings.device) as network:
        how = settings.for_wedge() if box else settings.for_synthesis()
        result = run_job(job(working, network, angles, how))
    if result.smoothing:
        note(in_words(result.smoothing))
    record |= {"adaptation": ready.adaptation, "synthesized_angles": angles}
    record["smoothed_by_pixels"] = result.smoothing
    if not box:
        record["wedge_tilts_show"] = WHOLE
    return result.tilts, record


def _write(
    outputs: list[Path],
    tilts: NDArray[np.float32],
    record: dict[str, Any],
    original: TiltSeries | None,
) -> None:
    """Write stack, angles and record; padded to the size of `original` where that is given."""
    from napari_lbn.engine.fourier import fourier_pad
    from napari_lbn.engine.io import write_provenance, write_stack, write_tilt_angles

    stack, angle_file, record_file = outputs
    binning, shape = record["binning"], tilts.shape[1:]
    pixel_size = record["pixel_size"]
    images: Iterable[NDArray[np.float32]] = tilts
    if original is not None:
        shape, pixel_size = original.image_shape, original.pixel_size
        images = (fourier_pad(tilt, binning, original.image_shape) for tilt in tilts)
        record = {**record, "tilts_at_original_pixel_size": True}
    with written_together(stack.parent) as written:
        lines = [f"{len(tilts)} synthesized tilts (LBN, weights {record['weights']['name']})"]
        if original is not None:
            lines.append(f"Band limit {record['synthesized_band_limit']:g} Å")
        write_stack(stack, images, n=len(tilts), shape=shape, pixel_size=pixel_size, labels=lines)
        written.append(stack)
        written.append(write_tilt_angles(angle_file, record["synthesized_angles"]))
        written.append(write_provenance(record_file, record))
