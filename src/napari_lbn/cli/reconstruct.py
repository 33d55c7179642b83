"""`napari-lbn reconstruct`: plain weighted back-projection of the measured tilts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .options import OUTPUT, ComputingOptions, SeriesOptions
from .output import label, require_mrc_name, require_other_files, tell_written
from .progress import run_job
from .series import memory_bytes, open_series
from .settings import require_thickness, require_usable, told_thickness

if TYPE_CHECKING:
    from napari_lbn.engine.events import Event
    from napari_lbn.engine.reconstruction.wbp import WBPSettings
    from napari_lbn.engine.tilt_series import TiltSeries

OutOption = Annotated[
    Path,
    typer.Option(
        metavar="FILE",
        help="Tomogram to write (.mrc).",
        show_default=False,
        rich_help_panel=OUTPUT,
    ),
]


def reconstruct(series: SeriesOptions, computing: ComputingOptions, out: OutOption) -> None:
    """Reconstruct the measured tilts by weighted back-projection, nothing synthesized.

    The tomogram is NAME_wbp.mrc of the command correct at the same binning.
    Without --bin the series keeps its pixel size. --weights is accepted, not used.
    """
    from napari_lbn.engine.binning import bin_series

    opened = open_series(series)
    require_usable(opened)
    require_thickness(computing.thickness, opened)
    require_mrc_name(out)
    require_other_files([out], [opened.source, series.tilt_angles])
    binning = computing.bin or 1
    binned_size = None if opened.pixel_size is None else opened.pixel_size * binning
    settings = _settings(computing, computing.thickness or told_thickness(binned_size))
    _write(bin_series(opened, binning), settings, out)
    tell_written([out])


def _settings(computing: ComputingOptions, thickness: int) -> WBPSettings:
    from napari_lbn.engine.device import choose_device, default_memory_bound
    from napari_lbn.engine.reconstruction.wbp import WBPSettings

    device = choose_device(computing.device)
    return WBPSettings(
        thickness=thickness,
        filter=computing.filter.value,
        memory_bound=memory_bytes(computing.memory) or default_memory_bound(device),
        device=str(device),
    )


def _write(series: TiltSeries, settings: WBPSettings, out: Path) -> None:
    """Reconstruct slab by slab into the file."""
    from napari_lbn.engine.correct import measure_intensities, reconstruct_measured
    from napari_lbn.engine.events import SlabReady
    from napari_lbn.engine.io.output import VolumeWriter

    shape = (settings.thickness, *series.image_shape)
    lines = [label(series, f"WBP, {settings.filter} filter, measured tilts")]
    with VolumeWriter(out, shape, series.pixel_size, lines) as writer:

        def take(event: Event) -> None:
            if isinstance(event, SlabReady):
                writer.write_slab(event.y_start, event.slab)

        stats = measure_intensities(series)
        run_job(reconstruct_measured(series, stats, settings), take)
