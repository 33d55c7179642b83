"""The files of a correction: written while it runs, all of them or none."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager, ExitStack
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from ..correct import correct, plan
from ..correct.alteration import as_record
from ..events import SlabReady, passed_on
from ..io import (
    VolumeWriter,
    check_free_space,
    ensure_folder,
    write_provenance,
    write_stack,
    write_tilt_angles,
)
from ..io.together import written_together
from ..io.tomograms.by_name import is_zarr_name
from ..io.tomograms.resumable_zarr import ZarrVolume
from ..provenance import header_line

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from ..correct import CorrectionPlan, CorrectionResult, CorrectionSettings
    from ..events import CancelToken, Event, Job
    from ..tilt_series import TiltSeries
    from .files import CorrectionFiles

SAMPLE_BYTES = 4
Tomogram: TypeAlias = VolumeWriter | ZarrVolume
MEASURED = "WBP, measured tilts"
DENOISED = "WBP of LBN tilts at ALL angles, synthesized throughout,"
"""In the header of the denoised tomogram."""


def correct_into(
    files: CorrectionFiles,
    series: TiltSeries,
    settings: CorrectionSettings,
    *,
    alpha: float = 1.0,
    full_size: bool = False,
    cancel: CancelToken | None = None,
) -> Job[CorrectionResult]:
    """Correct a tilt series into files; whatever ends it early, none of them is left behind.

    Files of an earlier run stay as they were until all new ones are complete.

    Parameters
    ----------
    files : CorrectionFiles
        Folder and names; the folder is made if absent.
    series : TiltSeries
        Aligned.
    settings : CorrectionSettings
        As for `correct`; `denoised` as in `files`.
    alpha : float
        Share of the synthesized part in the corrected tomogram, 0 to 1.
    full_size : bool
        Write the stack at the original pixel size, synthesized tilts Fourier-padded.
    cancel : CancelToken, optional
        Ends the job with `Cancelled`.

    Yields
    ------
    Event
        Those of `correct`.

    Raises
    ------
    InputError, WeightsError, DeviceError, MemoryBoundError, OutputError, Cancelled
    """
    job = correct(series, settings, cancel=cancel)
    with _Writer(files, series, settings, alpha=alpha, full_size=full_size) as writer:
        result = yield from passed_on(job, writer.take)
        writer.finish(result)
    return result


class _Writer(AbstractContextManager["_Writer"]):
    """Tomograms that are written slab by slab, and the stack and record after them."""

    def __init__(
        self,
        files: CorrectionFiles,
        series: TiltSeries,
        settings: CorrectionSettings,
        *,
        alpha: float,
        full_size: bool,
    ) -> None:
        self._files = files
        self._series = series
        self._settings = settings
        self._alpha = alpha
        self._full_size = full_size
        self._exits = ExitStack()

    def __enter__(self) -> _Writer:
        chosen = plan(self._series, self._settings, streamed=True)
        self._nothing_to_add = chosen.new_angles.size == 0
        volume = (chosen.thickness, *chosen.image_shape)
        with ExitStack() as exits:
            self._written = exits.enter_context(written_together(self._files.folder))
            ensure_folder(self._files.folder)
            check_free_space(self._files.folder, self._output_bytes(chosen))

            def opened(path: Path, content: str) -> Tomogram:
                lines = [header_line(self._series, content)]
                kind = ZarrVolume if is_zarr_name(path) else VolumeWriter
                made: Tomogram = kind(path, volume, chosen.pixel_size, lines)
                exits.enter_context(made)
                return made

            self._measured = opened(self._files.measured, MEASURED)
            content = MEASURED
            if self._alpha and not self._nothing_to_add:
                content = f"WBP, measured + {self._alpha:g} x synthesized tilts (LBN)"
            self._corrected = opened(self._files.corrected, content)
            self._denoised: Tomogram | None = None
            if self._files.with_denoised:
                self._denoised = opened(self._files.denoised, DENOISED)
            self._exits = exits.pop_all()
        return self

    def _output_bytes(self, chosen: CorrectionPlan) -> int:
        tilts = chosen.measured_angles.size + chosen.new_angles.size
        images = self._series.image_shape if self._full_size else chosen.image_shape
        volume = chosen.thickness * math.prod(chosen.image_shape)
        volumes = 3 if self._files.with_denoised else 2
        return SAMPLE_BYTES * (volumes * volume + tilts * math.prod(images))

    def take(self, event: Event) -> None:
        """Write a slab as soon as it is there."""
        if not isinstance(event, SlabReady) or event.preview:
            return
        if event.part == "measured":
            self._measured.write_slab(event.y_start, event.slab)
            if self._nothing_to_add:
                self._corrected.write_slab(event.y_start, event.slab)
            return
        if event.part == "denoised":
            if self._denoised is not None:
                self._denoised.write_slab(event.y_start, event.slab)
            return
        measured = self._measured.read_slab(event.y_start, event.y_stop)
        mixed = (measured + self._alpha * event.slab).astype(np.float32, copy=False)
        self._corrected.write_slab(event.y_start, mixed)

    def finish(self, result: CorrectionResult) -> None:
        """Write the stack, its angles and the record."""
        angles, images = result.augmented_stack(full_size=self._full_size)
        base = result.original if self._full_size else result.series
        content = f"{result.series.included.size} measured and "
        content += f"{int(result.synthesized.sum())} synthesized (LBN) tilts"
        if self._full_size:
            content += f", these to {result.provenance['synthesized_band_limit']:g} Å only,"
        stack = write_stack(
            self._files.stack,
            images,
            n=len(angles),
            shape=base.image_shape,
            pixel_size=base.pixel_size,
            labels=[header_line(self._series, content)],
        )
        self._written.append(stack)
        self._written.append(write_tilt_angles(self._files.angles, angles))
        self._written.append(write_provenance(self._files.record, self._record(result)))

    def _record(self, result: CorrectionResult) -> dict[str, Any]:
        files = {
            "stack": self._files.stack.name,
            "tilt_angles": self._files.angles.name,
            "tomogram_measured": self._files.measured.name,
            "tomogram_corrected": self._files.corrected.name,
        }
        if self._files.with_denoised:
            files["tomogram_synthesized_throughout"] = self._files.denoised.name
        return {
            **result.provenance,
            "alpha": self._alpha,
            "alteration": as_record(result.alteration.times(self._alpha)),
            "stack_at_original_pixel_size": self._full_size,
            "files": files,
        }

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._exits.__exit__(kind, error, trace)
