"""What a training tells, written into the status that the dock shows."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_lbn.engine.errors import LBNError
from napari_lbn.engine.events import Event, Progress
from napari_lbn.engine.training.verdict import judge

from ..messages import notify_error
from ..pace import Pace
from .jobs import TrainingBegins
from .known import KnownRuns
from .preparing import TrainingRequest
from .status import TrainingStatus


class TrainingRecord(QObject):
    """Keeps the status of one training, from its first event to how it ended.

    Signals
    -------
    previewed(object)
        `PreviewReady` of the weights at the start, then of each epoch.
    ended()
        A training is over, one way or another.
    """

    previewed = Signal(object)
    ended = Signal()

    def __init__(
        self, status: TrainingStatus, known: KnownRuns, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._status = status
        self._known = known
        self._fresh = True
        self.pace = Pace()

    def begin(self, request: TrainingRequest) -> None:
        """A training starts, or goes on."""
        self._fresh = request.options is not None
        self._status.show_folder(request.folder)
        self._status.stage = "Starting"
        self._status.phase = "preparing"
        self.pace.restart()

    def take(self, event: Event) -> None:
        """An event of the training."""
        # loaded by the worker before its first event
        from napari_lbn.engine.training.folder.events import (
            BaselinesReady,
            EpochFinished,
            StepFinished,
        )
        from napari_lbn.engine.training.preview import PreviewReady

        if isinstance(event, TrainingBegins):
            self._on_begin(event)
        elif isinstance(event, StepFinished):
            self._on_step(event)
        elif isinstance(event, Progress):
            self._status.stage = event.stage
        elif isinstance(event, PreviewReady):
            self.previewed.emit(event)
        elif isinstance(event, BaselinesReady | EpochFinished):
            self._read_folder()

    def show(self, run: Any) -> None:
        """The `RunSummary` of a training that is only looked at."""
        status = self._status
        if status.running:
            return
        self._known.add(run.folder)
        status.show_folder(run.folder)
        status.epoch, status.epochs = run.epoch, run.configuration.run.epochs
        status.resumable = run.resumable
        self._read_folder()
        self.ended.emit()

    def succeed(self, result: Any) -> None:
        """The training has reached its last epoch, or was stopped."""
        status = self._status
        if result.finished:
            text = f"Done: {result.epoch} epoch{'s' * (result.epoch > 1)}."
        else:
            text = f"Stopped after epoch {result.epoch} of {status.epochs}; it can be resumed."
        self._read_folder()
        text = f"{text} {judge(status.weights, status.curves)}".strip()
        self._end(f"{text} Everything is in {status.folder}.", resumable=not result.finished)
        self._draw_curves()

    def fail(self, error: LBNError) -> None:
        """The training could not go on."""
        notify_error(error)
        self._end(str(error), resumable=self._has_checkpoint())

    def cancel(self) -> None:
        """The user has thrown it away."""
        if self._fresh and self._status.folder is not None:
            self._known.remove(self._status.folder)
            self._status.show_folder(None)
            self._end("Cancelled; nothing was kept of this training.", resumable=False)
        else:
            text = "Cancelled; the training is where its last checkpoint was."
            self._end(text, resumable=self._has_checkpoint())

    def _on_begin(self, event: TrainingBegins) -> None:
        status = self._status
        status.epochs = event.epochs
        assert status.folder is not None
        self._known.add(status.folder)
        if status.phase == "preparing":
            status.phase = "training"
        status.stage = "Validating the baselines"

    def _on_step(self, event: Any) -> None:
        status = self._status
        status.losses.append((event.fraction * status.epochs, event.loss))
        status.stage = event.stage
        status.seconds_left = self.pace.seconds_left(event.fraction)
        status.fraction = event.fraction
        status.step += 1

    def _read_folder(self) -> None:
        """Show what the folder of the training that is shown holds now."""
        from napari_lbn.engine.training.curves.read import Curves
        from napari_lbn.engine.training.folder.summary import kept_weights

        status = self._status
        if status.folder is not None and status.folder.is_dir():
            status.weights = kept_weights(status.folder)
            status.curves = Curves.read(status.folder)

    def _has_checkpoint(self) -> bool:
        from napari_lbn.engine.training.folder.files import LAST

        folder = self._status.folder
        return folder is not None and (folder / LAST).is_file()

    def _end(self, outcome: str, *, resumable: bool) -> None:
        from napari_lbn.engine.device import release_memory

        release_memory()
        status = self._status
        status.seconds_left = None
        status.resumable = resumable
        status.phase = "idle"
        status.outcome = outcome
        self._read_folder()
        self.ended.emit()

    def _draw_curves(self) -> None:
        """The same picture beside the log as the command line leaves there."""
        from napari_lbn.engine.errors import OutputError
        from napari_lbn.engine.training.curves.plots import write_curves

        folder = self._status.folder
        if folder is not None and self._status.curves is not None and self._status.curves.epochs:
            try:
                write_curves(folder)
            except OutputError as error:
                notify_error(error)
