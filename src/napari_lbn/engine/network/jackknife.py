"""Extrapolate a latent volume to more tilts than there are, by leaving groups of them out.

The fewer tilts the network is given, the more it leaves out of the volume. How much more, tells
the volume of all tilts beside those that lack one group of them each: Quenouille's jackknife, of
which half a step is taken. docs/method.md has what it gives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray
    from torch import Tensor

MOST_GROUPS = 8
LEAST_LEFT = 4
"""Tilts that each estimate must have."""
SHARE = 0.5
"""Of the jackknife's whole step."""


def require_groups(groups: int) -> None:
    """Refuse a number of groups that leaves nothing out, or too little to tell.

    Raises
    ------
    InputError
        Neither 0, for none, nor 2 to 8.
    """
    if groups != 0 and not 2 <= groups <= MOST_GROUPS:
        raise InputError(
            f"A jackknife over {groups} groups of tilts cannot be.", f"Take 2 to {MOST_GROUPS}."
        )


def kept_tilts(angles: ArrayLike, groups: int) -> list[NDArray[np.intp]]:
    """Indices of the tilts that stay, one group left out at a time.

    Groups are interleaved: every `groups`-th tilt in the order of the angles.

    Raises
    ------
    InputError
        Too few tilts for so many groups.
    """
    array = np.asarray(angles, float)
    if array.size - -(-array.size // groups) < LEAST_LEFT:
        raise InputError(
            f"{array.size} tilts are too few for a jackknife over {groups} groups.",
            "Leave it out.",
        )
    rank = np.argsort(np.argsort(array, kind="stable"))
    return [np.flatnonzero(rank % groups != left_out) for left_out in range(groups)]


def extrapolate(image: Tensor, mean: Tensor, groups: int) -> None:
    """Step on, in place, from the mean of the volumes that lack a group through that of all tilts.

    Parameters
    ----------
    image : Tensor
        Image channels of the volume of all tilts; changed.
    mean : Tensor
        The same of the others, averaged.
    groups : int
        How many there are. A bias that falls as one over the number of tilts is halved.
    """
    step = SHARE * (groups - 1)
    image.mul_(1 + step).sub_(mean, alpha=step)
