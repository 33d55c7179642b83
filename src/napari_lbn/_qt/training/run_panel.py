"""Fine-tune, pause, stop, cancel; the estimate beside the button, the progress below it."""

from __future__ import annotations

from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from ..panels.run import describe_bytes, describe_seconds
from ..theme import WARNING_COLOUR, caption, explain
from .status import TrainingStatus

START, CANCEL, ENDING = "Fine-tune", "Cancel", "Stopping…"
PAUSE, GO_ON, STOP = "Pause", "Go on", "Stop, keep best"
NO_SERIES = "Tick a tilt series first."
ESTIMATING = "Estimating time and memory…"
LOOKING = "looking at the held-out tilts"
STEPS = 1000
REMARK = "Needs {needed} of memory, and {free} are free: choose a smaller crop (Advanced)."


class TrainingRunPanel(QWidget):
    """The buttons of a training and what they are about to cost.

    Signals
    -------
    start_requested(), cancel_requested(), pause_requested(), go_on_requested(), stop_requested()
    """

    start_requested = Signal()
    cancel_requested = Signal()
    pause_requested = Signal()
    go_on_requested = Signal()
    stop_requested = Signal()

    def __init__(self, status: TrainingStatus, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._status = status
        self._estimate, self._remark, self._text = caption(), caption(), caption()
        self._remark.setStyleSheet(f"color: {WARNING_COLOUR};")
        self.button = QPushButton(START)
        self.button.setMinimumHeight(34)
        self.button.setStyleSheet("font-weight: bold;")
        self.pause, self.stop = QPushButton(PAUSE), QPushButton(STOP)
        self._bar = QProgressBar()
        self._bar.setRange(0, STEPS)
        self._bar.setTextVisible(False)
        self._bar.setFixedHeight(8)
        self._clock = QTimer(self)
        self._clock.setInterval(1000)
        self._clock.timeout.connect(self._tick)
        self._lay_out()
        self._connect()
        self.refresh()

    @property
    def estimate(self) -> str:
        """The text beside the button."""
        return self._estimate.text()

    @property
    def text(self) -> str:
        """The text below the progress bar."""
        return self._text.text()

    def refresh(self, *_: object) -> None:
        """Show the status."""
        status, running = self._status, self._status.running
        ending = status.phase == "stopping"
        for widget in (self.pause, self.stop, self._bar):
            widget.setVisible(running)
        self._estimate.setVisible(not running)
        self._bar.setValue(round(status.fraction * STEPS))
        self.pause.setText(GO_ON if status.phase == "paused" else PAUSE)
        preparing = status.phase == "preparing"
        for button, tip in (
            (self.pause, "Wait after this step; nothing is lost"),
            (self.stop, "End after this step; the best weights and the checkpoint stay"),
        ):
            explain(
                button, not ending and not preparing, "Not yet: the training has not begun", tip
            )
        if running:
            self.button.setText(ENDING if ending else CANCEL)
            explain(self.button, not ending, "", "Stop, and throw this training away")
            if not self._clock.isActive():
                self._clock.start()
        else:
            self._clock.stop()
            why_not = self._why_not()
            self.button.setText(START)
            explain(self.button, not why_not, why_not, "Train on the ticked tilt series")
            self._estimate.setText(why_not or self._describe_plan())
        self._warn()
        self._write()

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.addWidget(self.pause)
        row.addWidget(self.stop)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for above in (self._estimate, self._remark, self.button):
            layout.addWidget(above)
        layout.addLayout(row)
        for below in (self._bar, self._text):
            layout.addWidget(below)

    def _connect(self) -> None:
        events = self._status.events
        for signal in (
            events.series,
            events.options,
            events.plan,
            events.problem,
            events.obstacle,
            events.phase,
            events.stage,
            events.fraction,
            events.outcome,
        ):
            signal.connect(self.refresh)
        self.button.clicked.connect(self._on_click)
        self.pause.clicked.connect(self._on_pause)
        self.stop.clicked.connect(self.stop_requested)

    def _on_click(self) -> None:
        (self.cancel_requested if self._status.running else self.start_requested).emit()

    def _on_pause(self) -> None:
        paused = self._status.phase == "paused"
        (self.go_on_requested if paused else self.pause_requested).emit()

    def _why_not(self) -> str:
        status = self._status
        if not status.series:
            return NO_SERIES
        if status.obstacle:
            return status.obstacle
        return "" if status.plan is not None else (status.problem or ESTIMATING)

    def _describe_plan(self) -> str:
        plan = self._status.plan
        assert plan is not None
        many = "" if plan.n_series == 1 else f"{plan.n_series} series, "
        if self._status.options.unit == "minutes":
            minutes = describe_seconds(60 * self._status.options.length)
            length = f"{minutes} after the preparation: about "
            length += f"{plan.epochs} epochs of {plan.steps} step{'s' * (plan.steps > 1)}"
        else:
            length = f"About {describe_seconds(plan.seconds)}"
        held_out = "1 tilt" if plan.held_out == 1 else f"{plan.held_out} tilts"
        return (
            f"{length}, {describe_bytes(plan.memory_bytes)} of memory, "
            f"{describe_bytes(plan.disk_bytes)} on disk; {many}{held_out} held out."
        )

    def _warn(self) -> None:
        plan = self._status.plan
        short = plan is not None and plan.memory_bytes > plan.free_bytes
        if plan is not None and short:
            needed, free = map(describe_bytes, (plan.memory_bytes, plan.free_bytes))
            self._remark.setText(REMARK.format(needed=needed, free=free))
        self._remark.setVisible(short and not self._status.running)

    def _tick(self) -> None:
        left = self._status.seconds_left
        if left is not None and self._status.phase == "training":
            self._status.seconds_left = max(left - 1, 0)
            self._write()

    def _remaining(self) -> str:
        """Time left; no second is promised while the last epoch is looked at."""
        left = self._status.seconds_left
        if self._status.fraction >= 1:
            return LOOKING
        return "" if left is None else f"{describe_seconds(left)} left"

    def _write(self) -> None:
        status = self._status
        parts = [status.outcome]
        if status.running:
            parts = ["Paused" if status.phase == "paused" else status.stage]
            if status.phase == "training":
                parts.append(self._remaining())
        self._text.setText(" · ".join(part for part in parts if part))
        self._text.setVisible(bool(self._text.text()))
