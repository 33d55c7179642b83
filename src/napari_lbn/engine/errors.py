"""The engine's errors.

None of them is a ``RuntimeError``: superqt's generator worker takes a ``RuntimeError``
for an aborted thread and reports neither an error nor an end, and
``torch.OutOfMemoryError`` is one. Jobs translate what they meet into these types.
"""

from __future__ import annotations


class LBNError(Exception):
    """Base of every error that a user can meet.

    Parameters
    ----------
    message : str
        What is wrong, naming the file or the value.
    remedy : str, optional
        What the user can do about it.
    """

    def __init__(self, message: str, remedy: str = "") -> None:
        self.message = message
        self.remedy = remedy
        super().__init__(f"{message} {remedy}".strip())


class InputError(LBNError):
    """A file or a value that cannot be used as given."""


class OutputError(LBNError):
    """A result that cannot be written; nothing half-written is left behind."""


class DownloadError(LBNError):
    """The network, or a server behind it, does not give what was asked for."""


class WeightsError(LBNError):
    """Weights that are foreign, damaged, or do not fit the tilt series."""


class MemoryBoundError(LBNError):
    """The work does not fit into the memory it was given, however small its pieces."""


class DeviceError(LBNError):
    """A compute device that is absent or failed."""


class InternalError(LBNError):
    """An unexpected failure inside a job; the original exception is its ``__cause__``."""


class Cancelled(LBNError):
    """The user cancelled the job. Not a failure: callers end quietly."""

    def __init__(self, message: str = "Cancelled.", remedy: str = "") -> None:
        super().__init__(message, remedy)
