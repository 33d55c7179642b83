"""Asking where files go, and before any is replaced."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from qtpy.QtWidgets import QFileDialog, QMessageBox, QWidget

SUFFIX = ".safetensors"


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


def ask_safetensors(parent: QWidget, title: str, start: Path, kind: str) -> Path | None:
    """A file to write, with its suffix; None where the user gave up."""
    name, _ = QFileDialog.getSaveFileName(parent, title, str(start), f"{kind} (*{SUFFIX})")
    if not name:
        return None
    typed = Path(name)
    if typed.suffix == SUFFIX:
        return typed
    file = typed.with_name(f"{typed.name}{SUFFIX}")
    # the dialog has asked about the name as it was typed
    return file if may_replace(parent, [file]) else None
