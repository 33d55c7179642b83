"""Weights that one dock has made and every dock can choose."""

from __future__ import annotations

from qtpy.QtCore import QObject, Signal


class OfferedWeights(QObject):
    """Files that a training left, for the weights choosers of this session of napari.

    Qt's signals: a chooser whose dock was closed is no longer called.

    Signals
    -------
    offered(str)
        A file that can be chosen from now on.
    wanted(str)
        One that the next correction shall use.
    """

    offered = Signal(str)
    wanted = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.files: list[str] = []
        self.last_wanted = ""

    def offer(self, file: str) -> None:
        """Let every chooser list a file."""
        if file not in self.files:
            self.files.append(file)
            self.offered.emit(file)

    def want(self, file: str) -> None:
        """Let corrections use it, those of docks that are opened later too."""
        self.offer(file)
        self.last_wanted = file
        self.wanted.emit(file)

    def forget(self, file: str) -> None:
        """List it no more in choosers that are opened later."""
        self.files = [other for other in self.files if other != file]
        if self.last_wanted == file:
            self.last_wanted = ""


OFFERED = OfferedWeights()
"""Those of this process."""
