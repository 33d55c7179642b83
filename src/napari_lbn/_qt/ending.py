"""How a dock ends: nothing runs on, and nothing listens to a viewer without it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence

from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QApplication, QWidget

from .jobs import JobRunner


def end_with(
    dock: QWidget,
    runners: Sequence[JobRunner],
    *,
    before: Callable[[], None] | None = None,
    after: Callable[[], None] | None = None,
) -> Callable[..., None]:
    """When the dock or napari goes, cancel jobs; gives what does so, harmless when called again.

    Parameters
    ----------
    dock : QWidget
        May be gone by then.
    runners : sequence of JobRunner
        To cancel.
    before, after : callable, optional
        Called around that.
    """

    # holds no more of the dock than it is given: Qt keeps it as long as the application
    def end(*_: object) -> None:
        _call(before)
        for runner in runners:
            runner.cancel()
        _call(after)

    dock.destroyed.connect(end)
    application = QApplication.instance()
    if application is not None:
        application.aboutToQuit.connect(end)
    return end


def left_its_dock(panel: QWidget, event: QEvent | None) -> bool:
    """Whether this event is napari's ✕, which takes a panel out of its dock for good."""
    return event is not None and event.type() == QEvent.Type.ParentChange and panel.parent() is None


def ended(end: Callable[..., None]) -> None:
    """The dock has gone before napari, which need not end it any more."""
    application = QApplication.instance()
    if application is not None:
        application.aboutToQuit.disconnect(end)


def _call(step: Callable[[], None] | None) -> None:
    if step is not None:
        with contextlib.suppress(ValueError, RuntimeError):  # the widgets are gone
            step()
