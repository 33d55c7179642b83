"""One button that starts the correction and becomes Cancel, with estimate and progress."""

from __future__ import annotations

import math
import time

from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QProgressBar, QPushButton, QVBoxLayout, QWidget

from napari_lbn.engine.events import Progress
from napari_lbn.engine.load import likely_range

from ..pace import Pace
from ..session import Session
from ..theme import caption, show_text

START = "Correct missing wedge"
CANCEL = "Cancel"
CANCELLING = "Cancelling…"
BUSY = "Longer, as other programs keep this machine busy"
OUTDATED = (
    "The results here are of other tilts, angles or another pixel size than are set now: "
    "correct again."
)
SEE_MESSAGE = "Not with this tilt series as it is: see the message above."
STEPS = 1000


def describe_seconds(seconds: float) -> str:
    """Seconds as people say them."""
    if seconds < 90:
        return f"{max(round(seconds), 1)} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"


def describe_range(low: float, high: float) -> str:
    """Two times as people say them, the unit once."""
    shortest, longest = (describe_seconds(_rounded(seconds)) for seconds in (low, high))
    if shortest == longest:
        return longest
    number, unit = shortest.split()
    return f"{number if unit == longest.split()[1] else shortest} to {longest}"


def describe_time(seconds: tuple[float, float], *, busy: bool) -> str:
    """Sentences on how long a job beside the correction is likely to take."""
    text = f"Takes about {describe_range(*seconds)}."
    return f"{text} {BUSY}." if busy else text


def _rounded(seconds: float) -> float:
    """No more digits than an estimate has."""
    if seconds < 10:
        return max(round(seconds), 1)
    step = 5 if seconds < 100 else 10 ** (math.floor(math.log10(seconds)) - 1)
    return round(seconds / step) * step


def describe_bytes(count: float) -> str:
    """Bytes as people say them."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{max(round(count / 1e6), 1)} MB"


class RunPanel(QWidget):
    """Estimate, primary button, progress.

    Signals
    -------
    start_requested(), cancel_requested()
    """

    start_requested = Signal()
    cancel_requested = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._blocked = ""
        self._began = 0.0
        self._stage = ""
        self._remaining: float | None = None
        self._pace = Pace()
        self._estimate = caption()
        self.button = QPushButton(START)
        self.button.setMinimumHeight(34)
        self.button.setStyleSheet("font-weight: bold;")
        self._bar = QProgressBar()
        self._bar.setRange(0, STEPS)
        self._bar.setTextVisible(False)
        self._bar.setFixedHeight(8)
        self._status = caption()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (self._estimate, self.button, self._bar, self._status):
            layout.addWidget(widget)
        self._clock = QTimer(self)
        self._clock.setInterval(1000)
        self._clock.timeout.connect(self._tick)
        self.button.clicked.connect(self._on_click)
        session.planned_changed.connect(self.refresh)
        session.series_changed.connect(self.refresh)
        session.running_changed.connect(self._on_running)
        self._bar.hide()
        self.refresh()

    @property
    def estimate(self) -> str:
        """The text beside the button."""
        return self._estimate.text()

    @property
    def status(self) -> str:
        """The text below the progress bar."""
        return self._status.text()

    def refresh(self, *_: object) -> None:
        """Show estimate and state of the button."""
        session = self._session
        if session.running:
            return
        why_not = self._why_not()
        self.button.setText(START)
        self.button.setEnabled(not why_not)
        self.button.setToolTip(why_not or "Synthesize the missing tilts and reconstruct")
        if why_not and why_not == session.defect:
            why_not = SEE_MESSAGE
        self._estimate.setText(why_not or self._describe_estimate())

    def show_progress(self, event: Progress) -> None:
        """Move the bar; the remaining time follows from the pace since the preview."""
        self._bar.setValue(round(event.fraction * STEPS))
        self._stage = event.stage
        if event.fraction > 0:
            self._remaining = self._pace.seconds_left(event.fraction)
        self._write_status()

    def show_outcome(self, text: str) -> None:
        """Say below the button how the run ended."""
        show_text(self._status, text)

    def block(self, why: str) -> None:
        """Let nothing start while something else runs; empty where nothing does."""
        self._blocked = why
        self.refresh()

    def _why_not(self) -> str:
        session = self._session
        if self._blocked:
            return self._blocked
        if session.series is None:
            return "Open a tilt series first."
        if session.obstacle:
            return session.obstacle
        if session.defect:
            return session.defect
        if session.planned is None:
            return session.problem or "Estimating time and memory…"
        return ""

    def _describe_estimate(self) -> str:
        planned = self._session.planned
        assert planned is not None
        plan = planned.plan
        takes = describe_range(*likely_range(plan.seconds, plan.noisy_seconds))
        text = f"About {takes}, {describe_bytes(plan.memory_bytes)}"
        if plan.binning != 1:
            text += f"; works at {plan.pixel_size:.3g} Å (binned {plan.binning:.3g}×)"
        if planned.busy:
            text += f". {BUSY}"
        return f"{text}. {OUTDATED}" if self._session.result_is_outdated else f"{text}."

    def _on_click(self) -> None:
        if self._session.running:
            self.button.setText(CANCELLING)
            self.button.setEnabled(False)
            self.cancel_requested.emit()
        else:
            self.start_requested.emit()

    def _on_running(self, running: bool) -> None:
        self._bar.setVisible(running)
        self._bar.setValue(0)
        if running:
            self._began = time.monotonic()
            self._stage, self._remaining = "Starting", None
            self._pace.restart()
            self.button.setText(CANCEL)
            self.button.setToolTip("Stop; nothing is kept of this run")
            self._write_status()
            self._clock.start()
        else:
            self._clock.stop()
            self.refresh()

    def _tick(self) -> None:
        if self._remaining is not None:
            self._remaining = max(self._remaining - 1, 0)
        self._write_status()

    def _write_status(self) -> None:
        elapsed = time.monotonic() - self._began
        if self._remaining is None:
            clock = f"{describe_seconds(elapsed)} so far"
        else:
            clock = f"{describe_seconds(self._remaining)} left"
        self.show_outcome(f"{self._stage} · {clock}")
