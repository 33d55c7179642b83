"""Work in pieces that the memory bound allows, and in smaller ones where memory runs out."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import torch

from ..device import is_out_of_memory, release_memory
from ..errors import MemoryBoundError
from ..events import CancelToken, raise_if_cancelled
from ..network import in_bands

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..cost.tiling import Tiling

Value = TypeVar("Value")


class Pieces:
    """How large the pieces of one synthesis are.

    Parameters
    ----------
    tiling : Tiling
        To begin with.
    where : str
        Series and device, for the error where not even the smallest pieces fit.
    cancel : CancelToken, optional
        Ends the work with `Cancelled` before its next piece.

    Attributes
    ----------
    tiling : Tiling
        In use now.
    """

    def __init__(self, tiling: Tiling, where: str, cancel: CancelToken | None) -> None:
        self.tiling = tiling
        self._where, self._cancel = where, cancel

    def retrying(self, work: Callable[[], Value]) -> Value:
        """Do a piece of work; where memory runs out, again in smaller pieces.

        Raises
        ------
        MemoryBoundError
            The smallest pieces do not fit.
        """
        while True:
            raise_if_cancelled(self._cancel)
            try:
                with torch.inference_mode(), in_bands(self.tiling.rows):
                    return work()
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                smaller = self.tiling.smaller()
            release_memory()
            if smaller is None:
                raise MemoryBoundError(
                    f"{self._where} does not suffice, even in the smallest pieces.",
                    "Bin the series more, or choose the CPU as device.",
                )
            self.tiling = smaller
