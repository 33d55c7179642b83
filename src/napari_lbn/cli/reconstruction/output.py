"""A tomogram written slab by slab, in a number type of the user's, restartable on request."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from napari_lbn.engine.events import drain

from ..output import input_files, record_path, require_other_files, require_tomogram_name
from ..progress import note, run_job
from ..series import open_series
from ..settings import require_thickness, require_usable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from napari_lbn.engine.events import Event
    from napari_lbn.engine.io.sample_format import SampleFormat
    from napari_lbn.engine.io.tomograms.resumable import ResumableWriter
    from napari_lbn.engine.reconstruction import MethodSettings, TiltSource
    from napari_lbn.engine.tilt_series import TiltSeries

    from ..options import ComputingOptions, SeriesOptions
    from .options import Samples, TomogramOptions

RANGE_PLACES, RANGE_ROWS = 4, 2
"""Where and how many rows of y are reconstructed to find the range of int16."""
RANGE_SHARE = 1.5
"""The range of int16 is wider than that of those rows."""
NOT_IN_KEY = ("memory_bound", "device")
"""What may differ between a stopped run and the one that goes on."""


def open_for_tomogram(
    series: SeriesOptions,
    computing: ComputingOptions,
    tomogram: TomogramOptions,
    inputs: Sequence[Path] = (),
) -> TiltSeries:
    """A series that can be reconstructed into the named file; `inputs` are read besides."""
    from napari_lbn.engine.io import check_free_space

    opened = open_series(series)
    require_usable(opened)
    require_thickness(computing.thickness, opened)
    require_tomogram_name(tomogram.out)
    check_free_space(tomogram.out.parent, 0)  # say now, not after the synthesis
    outputs = [tomogram.out, record_path(tomogram.out)]
    require_other_files(outputs, [*input_files(opened), series.angle_file, *inputs])
    return opened


def write_tomogram(
    source: TiltSource,
    settings: MethodSettings,
    series: TiltSeries,
    lines: list[str],
    options: TomogramOptions,
    record: dict[str, Any],
) -> list[Path]:
    """Reconstruct into a file; the files that were written.

    Parameters
    ----------
    source : TiltSource
        Tilts, from measured_source or augmented_source.
    settings : MethodSettings
        Of the method.
    series : TiltSeries
        The working series, for shape, pixel size and source.
    lines : list of str
        For the header.
    options : TomogramOptions
        File, number type, and whether to go on from a stopped run.
    record : dict
        Provenance, to which method and number type are added.
    """
    from napari_lbn.engine.io import write_provenance
    from napari_lbn.engine.io.tomograms.by_name import tomogram_writer

    out = options.out
    chosen = {k: v for k, v in asdict(settings).items() if k not in NOT_IN_KEY}
    key = {
        "settings": chosen,
        "method": type(settings).__name__,
        "source": _fingerprint(series),
        "record": _without_circumstances(record),
    }
    sample = _sample_format(options.samples, source, settings)
    shape = (settings.thickness, *series.image_shape)
    volume = tomogram_writer(
        out, shape, series.pixel_size, lines, sample=sample, key=key, keep=options.resume
    )
    with _telling_what_is_kept(options, volume), volume:
        _tell_resumed(volume)
        curves = [
            {"rows": rows, "residuals": _fill(volume, replace(source, rows=rows), settings)}
            for rows in volume.missing
        ]
    if volume.clipped:
        note(f"{volume.clipped} voxels were beyond the range of {sample.name} and clipped.")
    made = {
        **record,
        "method": key["method"],
        "settings": chosen,
        "samples": {**asdict(sample), "clipped": volume.clipped},
        # of this run: a stopped one has told none of its rows
        "residual_curves": curves,
    }
    return [out, write_provenance(record_path(out), made)]


def _fill(volume: ResumableWriter, source: TiltSource, settings: MethodSettings) -> list[float]:
    """Reconstruct rows into the file; the residual curve of an iterative method."""
    from napari_lbn.engine.events import SlabReady
    from napari_lbn.engine.reconstruction import reconstruct_source
    from napari_lbn.engine.reconstruction.parts import WHOLE

    def take(event: Event) -> None:
        if isinstance(event, SlabReady):
            volume.write_slab(event.y_start, event.slab)

    part = "measured" if source.synthesized is None else WHOLE
    curve = run_job(reconstruct_source(source, settings, part=part), take)
    return [] if curve is None else [float(value) for value in curve]


@contextmanager
def _telling_what_is_kept(options: TomogramOptions, volume: ResumableWriter) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        if options.resume and volume.missing != [(0, volume.shape[1])]:
            error.add_note("Finished slabs are kept: the same command goes on from them.")
        raise


def _without_circumstances(record: dict[str, Any]) -> dict[str, Any]:
    """A record without what may differ between a stopped run and the one that goes on."""
    kept = {k: v for k, v in record.items() if k != "created"}
    if "options" in kept:  # of a correction
        kept["options"] = {k: v for k, v in kept["options"].items() if k not in NOT_IN_KEY}
    return kept


def _tell_resumed(volume: ResumableWriter) -> None:
    if volume.discarded:
        note(
            f"{volume.discarded} finished rows of {volume.path.name} came from other inputs or "
            "options; they are made anew."
        )
    left = sum(stop - start for start, stop in volume.missing)
    if left < volume.shape[1]:
        note(f"Going on: {volume.shape[1] - left} of {volume.shape[1]} rows are finished.")


def _sample_format(samples: Samples, source: TiltSource, settings: MethodSettings) -> SampleFormat:
    """For int16, the range of a few rows in several places, and half as much again."""
    import numpy as np

    from napari_lbn.engine.events import SlabReady
    from napari_lbn.engine.io.sample_format import SampleFormat
    from napari_lbn.engine.reconstruction import reconstruct_source

    if samples.value != "int16":
        return SampleFormat(name=samples.value)
    ny = source.shape_yx[0]
    low, high = np.inf, -np.inf
    for place in range(RANGE_PLACES):
        start = min((2 * place + 1) * ny // (2 * RANGE_PLACES), max(ny - RANGE_ROWS, 0))
        few = replace(source, rows=(start, min(start + RANGE_ROWS, ny)))
        slabs: list[Any] = []

        def keep(event: Event, slabs: list[Any] = slabs) -> None:
            if isinstance(event, SlabReady):
                slabs.append(event.slab)

        drain(reconstruct_source(few, settings), keep)
        low = min(low, *(float(slab.min()) for slab in slabs))
        high = max(high, *(float(slab.max()) for slab in slabs))
    middle, half = (low + high) / 2, RANGE_SHARE * (high - low) / 2
    return SampleFormat.for_range("int16", middle - half, middle + half)


def _fingerprint(series: TiltSeries) -> list[Any]:
    """Which images and angles, and which versions of which files they come from."""
    stamps = [(str(path), path.stat()) for path in sorted(set(input_files(series)))]
    return [
        series.name,
        series.angles.tolist(),
        sorted(int(tilt) for tilt in series.excluded),
        [[path, state.st_size, state.st_mtime_ns] for path, state in stamps],
    ]
