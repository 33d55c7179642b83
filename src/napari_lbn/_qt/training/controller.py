"""One training from the click to its weights."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import QObject

from napari_lbn.engine.errors import LBNError
from napari_lbn.engine.tilt_series import TiltSeries

from ..jobs import JobRunner, as_job
from ..messages import notify_error
from . import jobs
from .control import TrainingControl
from .kept import open_run
from .known import KnownRuns, choose_folder
from .preparing import TrainingRequest
from .record import TrainingRecord
from .status import TrainingStatus

FAREWELL = 60.0
"""Seconds that closing napari waits at most for a training to write its checkpoint. An epoch that
is being validated comes first: cut off, it would have to be trained again."""


class TrainingController(QObject):
    """Starts trainings and hands on what the user wants of them.

    Attributes
    ----------
    record : TrainingRecord
        Writes what happens into the status, and says when a training is over.
    """

    def __init__(
        self, status: TrainingStatus, known: KnownRuns, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._status = status
        self._control = TrainingControl()
        self.record = TrainingRecord(status, known, self)
        self.runner = JobRunner(self)
        self.runner.happened.connect(self.record.take)
        self.runner.succeeded.connect(self.record.succeed)
        self.runner.failed.connect(self.record.fail)
        self.runner.cancelled.connect(self.record.cancel)
        self.opener = JobRunner(self)
        self.opener.succeeded.connect(self.record.show)
        self.opener.failed.connect(notify_error)

    def start(self, series: tuple[TiltSeries, ...]) -> None:
        """Begin a training on these series with the status's options."""
        status = self._status
        if status.running or status.plan is None or not series:
            return
        options, first = status.options, series[0]
        source = None if first.source is None else Path(first.source)
        try:
            folder = choose_folder(first.name, options.folder, source)
        except LBNError as error:
            notify_error(error)
            return
        self._run(TrainingRequest(folder=folder, series=series, options=options))

    def resume(self, folder: Path, opened: tuple[TiltSeries, ...]) -> None:
        """Go on with the training in a folder; `opened` stand in for files that are gone."""
        if not self._status.running:
            self._run(TrainingRequest(folder=folder, series=opened))

    def open(self, folder: Path) -> None:
        """Show the training in a folder."""
        if not self._status.running:
            self.opener.start(as_job(open_run, folder))

    def pause(self) -> None:
        """Wait after the step at hand."""
        if self._status.phase == "training":
            self._control.pause()
            self.record.pace.pause()
            self._status.phase = "paused"

    def waiting(self) -> bool:
        """Whether the training waits in a pause: the step at hand is over."""
        return self._control.waiting.is_set()

    def go_on(self) -> None:
        """End a pause."""
        if self._status.phase == "paused":
            self._status.phase = "training"
            self.record.pace.go_on()
            self._control.go_on()

    def stop(self) -> None:
        """End after the step at hand and keep the best weights and the checkpoint."""
        if self._status.running:
            self._status.phase = "stopping"
            self._control.finish()

    def cancel(self) -> None:
        """End and keep nothing; a training that was resumed stays at its last checkpoint."""
        if self._status.running:
            self._status.phase = "stopping"
            self.runner.cancel()

    def farewell(self) -> None:
        """Napari closes: stop with a checkpoint, and wait for it a little."""
        if self._status.running:
            self._control.finish()
            self._control.over.wait(FAREWELL)

    def _run(self, request: TrainingRequest) -> None:
        control = self._control = TrainingControl()
        self.record.begin(request)
        self.runner.start(lambda cancel: jobs.train(request, control, cancel))
