"""Train the UNet of the reconstruction box alone, on volumes beside the truth (`fine_volumes.py`).

    python benchmarks/train_box.py VOLUMES --validation VALIDATION --weights fine.safetensors \
        --out base.safetensors [--minutes 9]

VOLUMES are to be made with the same weights, whose second UNet is trained already. The loss is
the squared error of the mean of each latent voxel, relative to the truth's power. Volumes are
mirrored at random; it learns them by heart soon, so the state that validates best is kept.
Started again with the same --out, it goes on from the last report.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from volume_training import Example, options, start, train

from napari_lbn.engine.io.weights import find_weights

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.random import Generator

    from napari_lbn.engine.network.box_unet import BoxUNet


class Box:
    """Mean and spread ``(z, y, x)`` of the image in each latent voxel, and the truth's mean."""

    def read(self, path: Path) -> Example:
        """All three."""
        found = torch.load(path)
        return found["mean"], found["spread"], found["true_mean"]

    def drawn(self, example: Example, rng: Generator) -> Example:
        """Mirrored at random."""
        axes = [axis for axis in range(3) if rng.random() < 0.5]
        return tuple(v.flip(axes) for v in example)

    def loss(self, unet: BoxUNet, example: Example) -> Tensor:
        """Squared error of the means, relative to the truth's power."""
        mean, spread, truth = example
        with torch.autocast("cpu", torch.bfloat16):
            change = unet.change(mean, spread)
        return (mean + interpolated(change.float()) - truth).square().mean() / truth.square().mean()


def interpolated(change: Tensor) -> Tensor:
    """What each latent voxel's mean becomes by interpolation to the image's lattice."""
    for axis, size in enumerate(change.shape):
        at = torch.arange(size)
        before = change.index_select(axis, (at - 1).clamp_min(0))
        after = change.index_select(axis, (at + 1).clamp_max(size - 1))
        change = 0.75 * change + 0.125 * (before + after)
    return change


def main() -> None:
    """Train from what the command line says."""
    parser = options(
        __doc__, widths=(24, 48, 64), minutes=9.0, every=1.0, batch=2, weight_decay=0.02
    )
    given = parser.parse_args()
    if given.weights is None:
        parser.error("--weights: those that the volumes were made with")
    network = start(find_weights(given.weights), "box_widths", tuple(given.widths))
    train(given, network, "box", Box())


if __name__ == "__main__":
    main()
