"""Which weights the preview shows: the newest ones, or any that the user chose."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QObject

from napari_lbn.engine.errors import LBNError
from napari_lbn.engine.tilt_series import TiltSeries

from ..jobs import JobRunner, as_job
from ..messages import notify_error
from .comparison import Comparison, compare
from .status import TrainingStatus


class Comparer(QObject):
    """Keeps the previews of this session and makes those of earlier ones in the background.

    Parameters
    ----------
    status : TrainingStatus
        Its `before` and `shown` are written.
    """

    def __init__(self, status: TrainingStatus, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._status = status
        self._seen: dict[int, Any] = {}
        self._newest: Any = None
        self._wanted: Any = None
        self._last: Comparison | None = None
        self.runner = JobRunner(self)
        self.runner.succeeded.connect(self._on_compared)
        self.runner.failed.connect(self._on_failed)
        status.events.folder.connect(self.forget)

    def forget(self, *_: object) -> None:
        """Another training is shown."""
        self.runner.drop()
        self._seen, self._newest, self._wanted, self._last = {}, None, None, None
        self._status.looking = None

    def add(self, preview: Any) -> None:
        """Take over the preview of the newest epoch; shown unless the user looks elsewhere."""
        if preview.epoch == 0:
            self._status.before = preview
        kept = {weights.epoch for weights in self._status.weights}
        self._seen = {epoch: seen for epoch, seen in self._seen.items() if epoch in kept}
        self._seen[preview.epoch] = self._newest = preview
        if self._wanted is None:
            self._status.shown = preview
        elif self._wanted.epoch == preview.epoch:
            self._show(preview)

    def look_at(self, weights: Any | None, opened: tuple[TiltSeries, ...] = ()) -> None:
        """Show how these weights see the preview; None shows the newest from now on.

        Parameters
        ----------
        weights : KeptWeights or None
            Of the training that is shown.
        opened : tuple of TiltSeries
            In case a file of the training is gone.
        """
        status = self._status
        self._wanted = weights
        if weights is None:
            if self._newest is not None:
                status.shown = self._newest
        elif weights.epoch in self._seen:
            self._show(self._seen[weights.epoch])
        elif status.folder is not None:
            status.looking = weights.epoch
            self.runner.start(as_job(compare, status.folder, opened, weights, self._last))

    def _show(self, preview: Any) -> None:
        self.runner.drop()
        self._status.looking = None
        self._status.shown = preview

    def _on_compared(self, comparison: Comparison | None) -> None:
        status = self._status
        status.looking = None
        if comparison is None:
            return
        self._last = comparison
        if status.before is None:
            status.before = comparison.before
        self._seen[comparison.shown.epoch] = comparison.shown
        status.shown = comparison.shown

    def _on_failed(self, error: LBNError) -> None:
        self._status.looking = None
        notify_error(error)
