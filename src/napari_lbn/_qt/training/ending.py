"""Asking before a training is lost."""

from __future__ import annotations

from qtpy.QtWidgets import QMessageBox, QWidget


def confirm_cancel(parent: QWidget) -> bool:
    """Whether the user wants to throw a training away."""
    answer = QMessageBox.question(
        parent,
        "Cancel training",
        "Throw this training away? To keep its weights, choose “Stop, keep best”.",
    )
    return bool(answer == QMessageBox.StandardButton.Yes)
