"""Writes results in a worker thread."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from qtpy.QtCore import QObject

from napari_lbn._napari.lazy import BlendedVolume
from napari_lbn._napari.writer import SLAB_ROWS, THROUGHOUT_LABEL
from napari_lbn.engine.errors import LBNError
from napari_lbn.engine.events import CancelToken, Event, Progress, raise_if_cancelled

from .jobs import JobRunner
from .messages import notify_error, notify_info
from .panels.save import SavePanel
from .replacing import may_replace
from .session import Session

NOTHING_WRITTEN = "Nothing was written."


@dataclass(frozen=True, kw_only=True)
class Tomograms:
    """The volumes as they are when the user saves."""

    name: str
    measured: np.ndarray
    synthesized: np.ndarray
    alpha: float
    pixel_size: float | None
    provenance: dict[str, Any]
    denoised: np.ndarray | None = None


def save_stack(
    result: Any, file: Path, *, full_size: bool, cancel: CancelToken
) -> Generator[Event, None, list[Path]]:
    """Write the augmented stack, its angles and its provenance."""
    from napari_lbn.engine.io import write_provenance, write_stack, write_tilt_angles
    from napari_lbn.engine.io.together import written_together

    outputs = stack_files(file)
    series = result.original if full_size else result.series
    angles, images = result.augmented_stack(full_size=full_size)
    yield Progress(stage=f"Writing {file.name}", done=0, total=1, fraction=0.0)

    def checked() -> Any:
        for image in images:
            raise_if_cancelled(cancel)
            yield image

    count = int(np.count_nonzero(result.synthesized))
    label = f"{count} of {len(angles)} tilts synthesized (LBN), of {result.original.name}"
    limit = result.provenance.get("synthesized_band_limit")
    limits = [f"Band limit of synthesized tilts {limit:g} Å"] if full_size and limit else []
    record = {**result.provenance, "stack_at_original_pixel_size": full_size}
    with written_together(file.parent) as written:
        write_stack(
            file,
            checked(),
            n=len(angles),
            shape=series.image_shape,
            pixel_size=series.pixel_size,
            labels=[label, *limits],
        )
        written.append(file)
        written.append(write_tilt_angles(outputs[1], angles))
        write_provenance(outputs[2], record)
    return outputs


def stack_files(file: Path) -> list[Path]:
    """The files that `save_stack` writes: stack, angles and provenance."""
    return [file, file.with_suffix(".tlt"), file.with_suffix(".json")]


def save_tomograms(
    tomograms: Tomograms, folder: Path, *, cancel: CancelToken
) -> Generator[Event, None, list[Path]]:
    """Write tomogram WBP, tomogram WBP + alpha LBN and the denoised one, where there is one."""
    from napari_lbn.engine.io import write_provenance
    from napari_lbn.engine.io.together import written_together

    wanted = _wanted(tomograms, folder)
    with written_together(folder) as written:
        for one in wanted:
            title = f"{one.label}, of {tomograms.name}"
            yield from _save_volume(one.volume, one.file, tomograms.pixel_size, title, cancel)
            written.append(one.file)
            record = {**tomograms.provenance, **one.told}
            written.append(write_provenance(one.record, record))
    return written


def tomogram_files(tomograms: Tomograms, folder: Path) -> list[Path]:
    """The files that `save_tomograms` writes: volumes and their records."""
    return [file for one in _wanted(tomograms, folder) for file in (one.file, one.record)]


@dataclass(frozen=True)
class _Volume:
    """One volume to write, and what its record says beside the run's provenance."""

    file: Path
    label: str
    volume: Any
    told: dict[str, Any]

    @property
    def record(self) -> Path:
        return self.file.with_suffix(".json")


def _wanted(tomograms: Tomograms, folder: Path) -> list[_Volume]:
    alpha, stem = tomograms.alpha, "_".join(tomograms.name.split())
    blended = BlendedVolume(tomograms.measured, tomograms.synthesized, alpha=alpha)
    mixed = f"WBP + {alpha:g} x WBP of the synthesized tilts"
    plain = "WBP of the measured tilts"
    wanted = [
        _Volume(folder / f"{stem}_wbp.mrc", plain, tomograms.measured, {"alpha": 0.0}),
        _Volume(folder / f"{stem}_wbp_lbn.mrc", mixed, blended, {"alpha": alpha}),
    ]
    if tomograms.denoised is not None:
        told = {"synthesized_throughout": True}
        file = folder / f"{stem}_lbn_denoised.mrc"
        wanted.append(_Volume(file, THROUGHOUT_LABEL, tomograms.denoised, told))
    return wanted


def _save_volume(
    volume: Any, file: Path, pixel_size: float | None, label: str, cancel: CancelToken
) -> Generator[Event, None, None]:
    from napari_lbn.engine.io import VolumeWriter

    height = volume.shape[1]
    with VolumeWriter(file, volume.shape, pixel_size, [label]) as writer:
        for start in range(0, height, SLAB_ROWS):
            raise_if_cancelled(cancel)
            stop = min(start + SLAB_ROWS, height)
            writer.write_slab(start, np.asarray(volume[:, start:stop], np.float32))
            yield Progress(
                stage=f"Writing {file.name}", done=stop, total=height, fraction=stop / height
            )


class Saver(QObject):
    """Runs the save panel's requests and tells what was written."""

    def __init__(self, session: Session, panel: SavePanel, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._panel = panel
        self.runner = JobRunner(self)
        panel.stack_requested.connect(self.save_stack)
        panel.tomograms_requested.connect(self.save_tomograms)
        self.runner.happened.connect(self._on_event)
        self.runner.succeeded.connect(self._on_succeeded)
        self.runner.failed.connect(self._on_failed)
        self.runner.cancelled.connect(lambda: panel.set_busy(False, "Cancelled."))

    def save_stack(self, file: Path) -> None:
        """Write the augmented stack; files are replaced if the user agrees."""
        if not self._may_write(stack_files(file)):
            return
        result, full_size = self._session.result, self._panel.full_size.isChecked()
        self._panel.set_busy(True, f"Writing {file.name}…")
        self.runner.start(
            lambda cancel: save_stack(result, file, full_size=full_size, cancel=cancel)
        )

    def save_tomograms(self, folder: Path) -> None:
        """Write both tomograms with the alpha chosen now; files are replaced if the user agrees."""
        session = self._session
        tomograms = Tomograms(
            name=session.layers.extent.name,
            measured=session.layers.measured,
            synthesized=session.layers.synthesized_part,
            alpha=session.alpha,
            pixel_size=session.layers.extent.pixel_size,
            provenance=session.layers.provenance,
            denoised=getattr(session.layers, "denoised", None),
        )
        if not self._may_write(tomogram_files(tomograms, folder)):
            return
        self._panel.set_busy(True, "Writing tomograms…")
        self.runner.start(lambda cancel: save_tomograms(tomograms, folder, cancel=cancel))

    def _may_write(self, files: list[Path]) -> bool:
        """Whether none is read by the run, and those that are there may be replaced."""
        from napari_lbn.engine.io.together import input_files, require_other_files

        try:
            require_other_files(files, input_files(self._session.result.original))
        except LBNError as error:
            self._on_failed(error)
            return False
        agreed = may_replace(self._panel, files)
        if not agreed:
            self._panel.show_status(NOTHING_WRITTEN)
        return agreed

    def _on_event(self, event: Event) -> None:
        if isinstance(event, Progress):
            self._panel.show_status(f"{event.stage} · {event.fraction:.0%}")

    def _on_succeeded(self, files: list[Path]) -> None:
        names = ", ".join(file.name for file in files)
        self._panel.set_busy(False, f"Saved {names} in {files[0].parent}.")
        notify_info(f"Saved {names}.")

    def _on_failed(self, error: LBNError) -> None:
        self._panel.set_busy(False, str(error))
        notify_error(error)
