"""How a training dock ends: asking before work is lost, and leaving nothing running."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from qtpy.QtWidgets import QApplication, QMessageBox, QWidget

from ..jobs import JobRunner
from .controller import TrainingController


def confirm_cancel(parent: QWidget) -> bool:
    """Whether the user wants to throw a training away."""
    answer = QMessageBox.question(
        parent,
        "Cancel training",
        "Throw this training away? To keep its weights, choose “Stop, keep best”.",
    )
    return bool(answer == QMessageBox.StandardButton.Yes)


def end_with(
    dock: QWidget,
    runners: list[JobRunner],
    controller: TrainingController,
    disconnect: Callable[[], None],
) -> None:
    """When the dock or napari goes: cancel small jobs, stop a training with a checkpoint.

    Parameters
    ----------
    dock : QWidget
        Its ✕ only hides it, which ends nothing.
    runners : list of JobRunner
        To cancel.
    controller : TrainingController
        Says farewell to its training.
    disconnect : callable
        From the viewer.
    """
    end = _ender(runners, controller, disconnect)
    dock.destroyed.connect(end)
    application = QApplication.instance()
    if application is not None:
        application.aboutToQuit.connect(end)


def _ender(
    runners: list[JobRunner], controller: TrainingController, disconnect: Callable[[], None]
) -> Callable[..., None]:
    # holds no reference to the dock, which may be gone when this is called
    def end(*_: Any) -> None:
        with contextlib.suppress(ValueError, RuntimeError):  # the widgets are gone
            controller.farewell()
        for runner in runners:
            runner.cancel()
        with contextlib.suppress(ValueError, RuntimeError):
            disconnect()

    return end
