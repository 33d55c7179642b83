"""Encoding of the visible tilts, each on its own; encoded tilts may be kept between runs."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import torch
from torch import Tensor

from ..network import in_bands

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..network import LBN
    from .pieces import Pieces
    from .seen import SeenTilts

Latents: TypeAlias = "dict[tuple[int, bool, float], Tensor]"
"""Encoded tilts by their index in the series, whether they are mirrored, and how far smoothed."""


class TiltEncoder:
    """The encoder on the tilts that the network sees, a few at a time.

    Parameters
    ----------
    network : LBN
        On its device.
    seen : SeenTilts
    pieces : Pieces
        How many tilts, and how many of their rows, at a time.
    kept : dict, optional
        Encoded tilts of before; used and added to.
    mirrored : bool
        What `seen` are, for their place among those.
    """

    def __init__(
        self,
        network: LBN,
        seen: SeenTilts,
        pieces: Pieces,
        kept: Latents | None = None,
        *,
        mirrored: bool = False,
    ) -> None:
        self._network, self._seen, self._pieces = network, seen, pieces
        self._kept, self._mirrored = kept, mirrored

    def latents(self) -> Iterator[tuple[int, Tensor]]:
        """Index of the first, and latents ``(n, latent, y, x)``, of some tilts after the other."""
        done, count = 0, len(self._seen)
        while done < count:
            some = self._pieces.retrying(partial(self._some, done))
            yield done, some
            done += len(some)

    def _some(self, first: int) -> Tensor:
        indices = range(first, min(first + self._pieces.tiling.tilts, len(self._seen)))
        if self._kept is None:
            return self._encoded(indices)
        keys = {i: (self._seen.index(i), self._mirrored, self._seen.sigma) for i in indices}
        missing = [i for i in indices if keys[i] not in self._kept]
        if missing:
            for i, latent in zip(missing, self._encoded(missing).cpu(), strict=True):
                self._kept[keys[i]] = latent
        device = next(self._network.parameters()).device
        return torch.stack([self._kept[keys[i]] for i in indices]).to(device)

    def _encoded(self, indices: Iterable[int]) -> Tensor:
        images = np.stack([self._seen.tilt(i) for i in indices])
        device = next(self._network.parameters()).device
        with in_bands(self._pieces.tiling.tilt_rows):
            return self._network.encode(torch.from_numpy(images[:, None]).to(device))
