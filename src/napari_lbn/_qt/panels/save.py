"""Saving: the augmented stack with its angles, and both tomograms."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QFileDialog, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_lbn._napari.writer import mrc_file

from ..session import Session
from ..theme import bring_into_view, caption, explain, show_text

NO_RESULT = "Available once a correction has run."
BUSY = "Another job is running."


class SavePanel(QWidget):
    """Two buttons and a line about what was written.

    Signals
    -------
    stack_requested(object)
        The file to write the augmented stack to.
    tomograms_requested(object)
        The folder to write both tomograms to.
    """

    stack_requested = Signal(object)
    tomograms_requested = Signal(object)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._busy = False
        self.stack = QPushButton("Augmented stack…")
        self.tomograms = QPushButton("Tomograms…")
        self.full_size = QCheckBox("Stack at the original pixel size")
        self._status = caption()
        self._status.hide()
        row = QHBoxLayout()
        row.addWidget(self.stack)
        row.addWidget(self.tomograms)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(row)
        layout.addWidget(self.full_size)
        layout.addWidget(self._status)
        self.stack.clicked.connect(self._choose_stack)
        self.tomograms.clicked.connect(self._choose_folder)
        session.series_changed.connect(self._forget)
        session.result_changed.connect(self._forget)
        session.result_changed.connect(self.refresh)
        session.running_changed.connect(self.refresh)
        self.refresh()

    @property
    def status(self) -> str:
        """What the panel says about the last save."""
        return self._status.text()

    def refresh(self, *_: object) -> None:
        """Enable the buttons where there is something to save."""
        session = self._session
        why_not = BUSY if self._busy or session.running else NO_RESULT
        ready = session.result is not None and not self._busy and not session.running
        explain(
            self.stack,
            ready,
            why_not,
            "Measured tilts untouched and the synthesized ones: …_lbn.mrc and …_lbn.tlt",
        )
        explain(
            self.tomograms,
            ready,
            why_not,
            "WBP, WBP + LBN with the chosen α, and the denoised one where there is one, as MRC",
        )

        binned = ready and session.result.series.pixel_size != session.result.original.pixel_size
        self.full_size.setVisible(binned)
        self.full_size.setToolTip(
            "The measured tilts as they are in the file, the synthesized ones padded to their "
            "size; the band limit of the binned series stays"
        )
        if not binned:
            self.full_size.setChecked(False)

    def set_busy(self, busy: bool, status: str = "") -> None:
        """Say that a file is being written."""
        self._busy = busy
        self.show_status(status)
        self.refresh()

    def show_status(self, status: str) -> None:
        """Say what was written."""
        show_text(self._status, status)
        if status:
            bring_into_view(self._status)

    def _forget(self, *_: object) -> None:
        """What was saved is not of this series, or of this run."""
        if not self._busy:
            self.show_status("")

    def _folder(self) -> Path:
        series = self._session.series
        source = None if series is None else series.source
        return Path.home() if source is None else source.parent

    def _choose_stack(self) -> None:
        start = self._folder() / f"{self._session.result.series.name}_lbn.mrc"
        path, _ = QFileDialog.getSaveFileName(
            self,
            "Save augmented stack",
            str(start),
            "MRC stack (*.mrc *.st *.mrcs)",
            # the saver asks: it knows the suffix that is added, and the files beside the stack
            options=QFileDialog.Option.DontConfirmOverwrite,
        )
        if path:
            self.stack_requested.emit(mrc_file(path))

    def _choose_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(
            self, "Folder for both tomograms", str(self._folder())
        )
        if folder:
            self.tomograms_requested.emit(Path(folder))
