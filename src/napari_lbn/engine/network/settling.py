"""Settle what changes slowly: a volume of one low-passed channel that the measured tilts agree on.

Two rounds of updates (`tomography`). The first explains the tilts as they are. They come with one
standard deviation each, which projections of a specimen do not have: so the second round
explains tilts that are brought to one scale, each by the contrast that the first volume asks for.
And it begins where material goes on beside the field of view. No visible tilt sees all of
what an outermost one shows there, and updates leave empty what nothing tells. Neither is
done where no volume explains the tilts: in noise it would invent.
docs/method.md has what each gave.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from .banding import add_in_place
from .coarse import SAMPLES, low_passed
from .latent_solver import Solver
from .tilt_agreement import confidence, explained_share, tilt_scales

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from .config import LBNConfig
    from .latent_grid import LatentGrid

EDGE = 0.1
"""Of the field of view, on each side: its mean is what goes on beside it."""
POWER = 1.5
"""Of those scales: the first round explains a part of what tells tilts apart."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Slow:
    """What changes slowly in measured tilts and in the image channels of their latent volume.

    Attributes
    ----------
    measured : Tensor
        ``(n, 1, y, x)`` tilts, low-passed; means over the image rows of each latent row.
    left : Tensor
        The same, what the image channels leave unexplained of them.
    image : Tensor
        ``(z, x, 1, y)`` these channels.
    pool : int
        Samples of the image channels along x and z in one.
    """

    measured: Tensor
    left: Tensor
    image: Tensor
    pool: int

    @classmethod
    def of(
        cls, bands: Sequence[tuple[Tensor, Tensor, Tensor]], config: LBNConfig, grid: LatentGrid
    ) -> Slow:
        """From bands of rows of the three, at full sampling and not low-passed."""
        measured, left = (torch.cat([band[i] for band in bands], dim=2) for i in (0, 1))
        image = torch.cat([band[2] for band in bands], dim=3)
        pool = grid.subpixels // SAMPLES if grid.subpixels % SAMPLES == 0 else 1
        down = config.coarse_sigma / config.downsampling
        right = down * grid.subpixels / pool
        measured, left = (
            low_passed(functional.avg_pool2d(part, (1, pool)), (down, right))
            for part in (measured, left)
        )
        planes = functional.avg_pool2d(image.permute(3, 2, 0, 1), pool) * pool
        image = low_passed(planes, (right, right)).permute(2, 3, 1, 0)
        return cls(measured=measured, left=left, image=image, pool=pool)


def settled(slow: Slow, angles: ArrayLike, config: LBNConfig, grid: LatentGrid) -> Tensor:
    """What the image channels lack to explain what changes slowly.

    Parameters
    ----------
    slow : Slow
        Of tilts and latent volume.
    angles : array_like
        ``(n,)`` degrees.
    config : LBNConfig
        Of the network.
    grid : LatentGrid
        Of the latent volume.

    Returns
    -------
    Tensor
        ``(z, x, 1, y)``, sampled as `Slow.image`.
    """
    lattice = replace(grid, subpixels=grid.subpixels // slow.pool)
    solver = Solver(config, angles, lattice, slow.left.device)
    volume = solver.back(slow.left)
    volume = _updated(volume, slow.left, solver, config.coarse_updates - 1)
    if not (config.coarse_sideways and grid.flat):
        return volume
    explained = slow.measured - solver.residual(volume, slow.left)
    sure = confidence(explained_share(explained, slow.measured, angles))
    scales = tilt_scales(explained, slow.measured, angles) ** (POWER * sure)
    scales = scales / scales.mean()
    left = slow.measured / scales.view(-1, 1, 1, 1) - (slow.measured - slow.left)
    view = slice(lattice.view.start * lattice.subpixels, lattice.view.stop * lattice.subpixels)
    sideways = config.coarse_sideways * sure
    volume = gone_on(volume + slow.image, view, sideways) - slow.image
    return _updated(volume, left, solver, config.coarse_updates)


def gone_on(volume: Tensor, view: slice, share: float) -> Tensor:
    """A volume that goes on beside the field of view as it is at its edges.

    Parameters
    ----------
    volume : Tensor
        ``(z, x, 1, y)``.
    view : slice
        Samples along x that the untilted view shows.
    share : float
        How far what lies beside it is taken to the mean of the outermost tenth, row by row and
        layer by layer: 0 to 1.
    """
    width = max(round((view.stop - view.start) * EDGE), 1)
    before, inside, after = volume.tensor_split((view.start, view.stop), dim=1)
    near, far = (part.mean(dim=1, keepdim=True) for part in (inside[:, :width], inside[:, -width:]))
    return torch.cat([before.lerp(near, share), inside, after.lerp(far, share)], dim=1)


def _updated(volume: Tensor, images: Tensor, solver: Solver, count: int) -> Tensor:
    for _ in range(count):
        volume = add_in_place(volume, solver.back(solver.residual(volume, images)))
    return volume
