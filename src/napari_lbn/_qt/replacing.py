"""Asking before files are replaced."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from qtpy.QtWidgets import QMessageBox, QWidget


def may_replace(parent: QWidget, files: Iterable[Path]) -> bool:
    """Whether none of these files is there yet, or the user lets them be replaced."""
    present = [file for file in files if file.exists()]
    if not present:
        return True
    names = "\n".join(file.name for file in present)
    answer = QMessageBox.question(
        parent,
        "Replace files",
        f"{present[0].parent} already holds\n\n{names}\n\nReplace?",
        QMessageBox.StandardButton.Yes | QMessageBox.StandardButton.No,
        QMessageBox.StandardButton.No,
    )
    return bool(answer == QMessageBox.StandardButton.Yes)
