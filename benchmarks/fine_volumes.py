"""Latent volumes of simulated series beside the truth, for `train_fine.py` and `train_box.py`.

    python -m napari_lbn.engine.simulation.dataset DATA --count 600 --views 2 --truth box
    python benchmarks/fine_volumes.py DATA --out VOLUMES [--weights fast]

Each file holds what the second 3D UNet is given, the field of view of a latent volume before
it, and what should come out: the specimen in the reconstruction box, from its noise-free
tilts around the circle. Beside them what the UNet of the box is given, of the complete volume,
and what should come out there. Files that exist are kept, so an interrupted run goes on.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from napari_lbn.engine.geometry import measured_weights
from napari_lbn.engine.intensity import normalise
from napari_lbn.engine.io.weights import find_weights, load_network, read_weights_info
from napari_lbn.engine.network.box_unet import pooled
from napari_lbn.engine.network.latent_projection import LatentGrid, to_channels, to_fine
from napari_lbn.engine.reconstruction.wbp import WBPSettings, back_project_slab
from napari_lbn.engine.simulation.borders import BorderSettings, blank_borders, blanked
from napari_lbn.engine.simulation.noise import add_noise

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_lbn.engine.network import LBN

RANGE = (42.0, 72.0)
"""Degrees: where the measured range ends on each side."""
SNR = (0.05, 3.0)
DEPTH_STEP = 16


@dataclass(frozen=True, kw_only=True)
class View:
    """A field of view of a simulated specimen; dense is positive."""

    angles: NDArray[np.float64]
    clean: NDArray[np.float32]
    profile: NDArray[np.float64]
    truth_angles: NDArray[np.float64]
    box: NDArray[np.float32]
    depth: int

    @classmethod
    def read(cls, path: Path) -> View:
        """From a file of `simulation.dataset`, written with its truth."""
        with np.load(path) as data:
            return cls(
                angles=data["angles"],
                clean=data["tilts"].astype(np.float32),
                profile=data["profile"],
                truth_angles=data["truth_angles"],
                box=data["truth_box"].astype(np.float32),
                depth=json.loads(str(data["metadata"]))["depth"],
            )


def measured(view: View, rng: np.random.Generator) -> tuple[NDArray, NDArray, int]:
    """Noisy tilts of a random range with gaps, their angles, and the sign of density."""
    low, high = -rng.uniform(*RANGE), rng.uniform(*RANGE)
    keep = np.flatnonzero((view.angles >= low) & (view.angles <= high))
    step = int(rng.choice((1, 1, 2)))
    keep = keep[rng.integers(step) :: step]
    if rng.random() < 0.25:
        seen = rng.random(keep.size) >= rng.uniform(0, 0.6)
        keep = keep[seen] if seen.sum() > 8 else keep
    snr = float(np.exp(rng.uniform(*np.log(SNR))))
    sign = 1 if rng.random() < 0.15 else -1
    blur = float(rng.uniform(0, 0.3))
    noisy = add_noise(view.clean[keep], snr, rng, profile=view.profile[keep], blur=blur)
    angles = view.angles[keep]
    if rng.random() < 0.15:
        blank = blank_borders(noisy.shape[1:], angles, BorderSettings.draw(rng), rng)
        return blanked(sign * noisy, blank), angles, sign
    return sign * noisy, angles, sign


def usual(view: View, rng: np.random.Generator) -> tuple[NDArray, NDArray, int]:
    """All tilts within 60 degrees at SNR 0.3, dense dark: what validation looks at."""
    keep = np.abs(view.angles) < 60.1
    return -add_noise(view.clean[keep], 0.3, rng, profile=view.profile[keep]), view.angles[keep], -1


def image_volumes(
    network: LBN, tilts: NDArray, angles: NDArray, grid: LatentGrid
) -> tuple[Tensor, Tensor]:
    """Image channels in the field of view: as the second UNet gets them, and complete."""
    view = slice(grid.margin, grid.margin + grid.width)
    n_image = network.config.downsampling * grid.subpixels**2
    with torch.inference_mode():
        with torch.autocast("cpu", torch.bfloat16):
            latents = network.encode(torch.from_numpy(tilts[:, None]))
            volume = network.correct(network.tomography.back_project(latents, angles, grid))
        volume = network.tomography.make_consistent(volume, latents, angles, grid)
        before = volume[-n_image:, ..., view].float().clone()
        if network.fine is not None:
            volume = network.fine(volume, grid)
        volume = network.tomography.settle(volume, latents, angles, grid)
        return before, volume[-n_image:, ..., view].float()


def truth_on_lattice(
    tilts: NDArray[np.float32], angles: NDArray, grid: LatentGrid, downsampling: int
) -> NDArray[np.float32]:
    """Density of the box where the lattice of the image channels has its voxels.

    Parameters
    ----------
    tilts : ndarray
        ``(n, y, x)`` of the box alone, around the half circle.
    angles : ndarray
        ``(n,)`` degrees.
    grid : LatentGrid
        Of the latent volume.
    downsampling : int
        Of the network.

    Returns
    -------
    ndarray
        ``(z, x, D, y)`` as `to_fine` orders it; a ray's sum is about the tilt's pixel.
    """
    rows, columns = tilts.shape[1:]
    settings = WBPSettings(thickness=grid.nz * downsampling, filter="ramp")
    density = back_project_slab(
        np.ascontiguousarray(tilts), angles, measured_weights(angles), settings
    )
    step = downsampling // grid.subpixels
    smooth = ndimage.gaussian_filter(density, (step / 2, 0, step / 2))
    z = np.arange(grid.nz * grid.subpixels)
    x = np.arange(grid.width * grid.subpixels) + grid.margin * grid.subpixels
    places = np.meshgrid(
        (density.shape[0] - 1) / 2 + step * (z - (z.size - 1) / 2),
        np.arange(rows),
        (columns - 1) / 2 + step * (x - (grid.nx * grid.subpixels - 1) / 2),
        indexing="ij",
    )
    found = step * ndimage.map_coordinates(smooth, places, order=1, mode="constant")
    ordered = found.reshape(z.size, rows // downsampling, downsampling, x.size)
    return ordered.transpose(0, 3, 2, 1).astype(np.float32)


def pair(network: LBN, view: View, rng: np.random.Generator, *, fixed: bool) -> dict[str, Tensor]:
    """What both UNets get, and what should come out."""
    tilts, angles, sign = (usual if fixed else measured)(view, rng)
    inputs, stats = normalise(tilts, angles)
    depth = -(-view.depth // DEPTH_STEP) * DEPTH_STEP
    depth += 0 if fixed else DEPTH_STEP * int(rng.integers(3))
    grid = LatentGrid.of(network.config, view.clean.shape[2], depth)
    image, complete = image_volumes(network, inputs, angles, grid)
    box = sign * (view.box - view.box.mean(axis=(1, 2), keepdims=True))
    box /= stats.at(view.truth_angles)[1].astype(np.float32)[:, None, None]
    truth = truth_on_lattice(box, view.truth_angles, grid, network.config.downsampling)
    mean, spread = pooled(complete)
    return {
        "image": to_fine(image, grid.subpixels).half(),
        "truth": torch.from_numpy(truth).half(),
        "mean": mean,
        "spread": spread,
        "true_mean": to_channels(torch.from_numpy(truth), grid.subpixels).mean(dim=0),
    }


def main() -> None:
    """Write the pairs of a folder."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--weights", default="fast")
    parser.add_argument("--variants", type=int, default=2, help="of each view: ranges and noise")
    parser.add_argument("--fixed", action="store_true", help="60 degrees, SNR 0.3: for validation")
    given = parser.parse_args()
    network = load_network(read_weights_info(find_weights(given.weights)))
    network.eval().requires_grad_(False)
    given.out.mkdir(parents=True, exist_ok=True)
    for path in sorted(given.data.glob("*.npz")):
        for variant in range(1 if given.fixed else given.variants):
            target = given.out / f"{path.stem}_{variant}.pt"
            if target.exists():
                continue
            _, seed, view = path.stem.split("_")
            rng = np.random.default_rng((int(seed), int(view), variant))
            part = target.with_suffix(".part")
            torch.save(pair(network, View.read(path), rng, fixed=given.fixed), part)
            part.rename(target)
            print(target, flush=True)


if __name__ == "__main__":
    main()
