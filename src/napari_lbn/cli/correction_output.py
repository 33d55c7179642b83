"""The files of a correction: written while it runs, all of them or none."""

from __future__ import annotations

import math
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_lbn.engine.correct import correct, plan
from napari_lbn.engine.events import SlabReady
from napari_lbn.engine.io.output import (
    VolumeWriter,
    check_free_space,
    ensure_folder,
    write_provenance,
    write_stack,
    write_tilt_angles,
)

from .output import label, written_together

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from napari_lbn.engine.correct import CorrectionPlan, CorrectionResult, CorrectionSettings
    from napari_lbn.engine.events import Event, Job
    from napari_lbn.engine.tilt_series import TiltSeries

SAMPLE_BYTES = 4
DENOISED = "WBP of LBN tilts at ALL angles, synthesized throughout,"
"""In the header of the denoised tomogram."""


@dataclass(frozen=True, kw_only=True)
class CorrectionFiles:
    """Where the results go.

    Attributes
    ----------
    folder : Path
    name : str
        Of the tilt series; starts every file name, spaces as underscores.
    with_denoised : bool
        Whether the denoised tomogram is among them.
    """

    folder: Path
    name: str
    with_denoised: bool = False

    @property
    def _stem(self) -> str:
        return "_".join(self.name.split())

    @property
    def stack(self) -> Path:
        """Measured tilts, untouched, and synthesized ones, ascending in angle."""
        return self.folder / f"{self._stem}_lbn.mrc"

    @property
    def angles(self) -> Path:
        """Angle of each image of the stack."""
        return self.folder / f"{self._stem}_lbn.tlt"

    @property
    def measured(self) -> Path:
        """Plain WBP of the measured tilts."""
        return self.folder / f"{self._stem}_wbp.mrc"

    @property
    def corrected(self) -> Path:
        """WBP of measured and synthesized tilts."""
        return self.folder / f"{self._stem}_wbp_lbn.mrc"

    @property
    def denoised(self) -> Path:
        """WBP of the network's tilts at all angles: synthesized throughout."""
        return self.folder / f"{self._stem}_lbn_denoised.mrc"

    @property
    def record(self) -> Path:
        """What all of it was made from."""
        return self.folder / f"{self._stem}_lbn.json"

    @property
    def all(self) -> list[Path]:
        """Every file, in the order in which users are told."""
        tomograms = [self.measured, self.corrected]
        if self.with_denoised:
            tomograms.append(self.denoised)
        return [self.stack, self.angles, *tomograms, self.record]


class CorrectionWriter(AbstractContextManager["CorrectionWriter"]):
    """Runs a correction into files; whatever fails, none of them is left behind.

    Parameters
    ----------
    files : CorrectionFiles
    series : TiltSeries
    settings : CorrectionSettings
    alpha : float
        Share of the synthesized part in the corrected tomogram.
    full_size : bool
        Write the stack at the original pixel size, synthesized tilts Fourier-padded.
    """

    def __init__(
        self,
        files: CorrectionFiles,
        series: TiltSeries,
        settings: CorrectionSettings,
        *,
        alpha: float,
        full_size: bool = False,
    ) -> None:
        self._files = files
        self._series = series
        self._settings = settings
        self._alpha = alpha
        self._full_size = full_size
        self._exits = ExitStack()

    def __enter__(self) -> CorrectionWriter:
        chosen = plan(self._series, self._settings)
        self._nothing_to_add = chosen.new_angles.size == 0
        volume = (chosen.thickness, *chosen.image_shape)
        with ExitStack() as exits:
            self._written = exits.enter_context(written_together(self._files.folder))
            ensure_folder(self._files.folder)
            check_free_space(self._files.folder, self._output_bytes(chosen))
            self._measured = exits.enter_context(
                self._volume(self._files.measured, volume, chosen.pixel_size, "WBP, measured tilts")
            )
            content = f"WBP, measured + {self._alpha:g} x synthesized tilts (LBN)"
            self._corrected = exits.enter_context(
                self._volume(self._files.corrected, volume, chosen.pixel_size, content)
            )
            self._denoised = None
            if self._files.with_denoised:
                self._denoised = exits.enter_context(
                    self._volume(self._files.denoised, volume, chosen.pixel_size, DENOISED)
                )
            self._exits = exits.pop_all()
        return self

    def _output_bytes(self, chosen: CorrectionPlan) -> int:
        tilts = chosen.measured_angles.size + chosen.new_angles.size
        images = self._series.image_shape if self._full_size else chosen.image_shape
        volume = chosen.thickness * math.prod(chosen.image_shape)
        volumes = 3 if self._files.with_denoised else 2
        return SAMPLE_BYTES * (volumes * volume + tilts * math.prod(images))

    def _volume(
        self, path: Path, shape: tuple[int, int, int], pixel_size: float | None, content: str
    ) -> VolumeWriter:
        return VolumeWriter(path, shape, pixel_size, [label(self._series, content)])

    def job(self) -> Job[CorrectionResult]:
        """The correction; every event of it belongs into `take`."""
        return correct(self._series, self._settings)

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
            labels=[label(self._series, content)],
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
