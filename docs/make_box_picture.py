"""XZ slices of a series without LBN, with the whole specimen's tilts in the wedge, and the box's.

    python docs/make_box_picture.py TS.mrc --thickness 200 --out docs/images/xz_slices.png

WBP, WBP + LBN with the weights `fast`, which know no box, and with `base`: means of 21 rows
around three places, low-passed by two pixels, on one grey scale for each place.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib as mpl
import numpy as np
from scipy import ndimage

from napari_lbn.engine.correct import CorrectionSettings, correct
from napari_lbn.engine.events import SlabReady, drain
from napari_lbn.engine.io import open_tilt_series

mpl.use("Agg")
from matplotlib import pyplot as plt

HALF_ROWS, SIGMA, CONTRAST = 10, 2.0, 3.0
PLACES = (0.2, 0.5, 0.8)
"""Of the rows."""


def tomograms(path: Path, thickness: int) -> dict[str, np.ndarray]:
    """By name."""
    series = open_tilt_series(path)
    found = {}
    for weights in ("fast", "base"):
        parts: dict[str, list[np.ndarray]] = {"measured": [], "synthesized": []}

        def take(event, parts=parts) -> None:
            if isinstance(event, SlabReady):
                parts[event.part].append(event.slab)

        settings = CorrectionSettings(
            thickness=thickness, weights=weights, reproject_measured=False
        )
        drain(correct(series, settings), take)
        measured, added = (np.concatenate(slabs, axis=1) for slabs in parts.values())
        found["WBP"] = measured
        found[f"WBP + LBN, weights {weights}"] = measured + added
    return found


def main() -> None:
    """Draw."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("series", type=Path)
    parser.add_argument("--thickness", type=int, default=200)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    found = tomograms(given.series, given.thickness)
    figure, axes = plt.subplots(len(found), len(PLACES), figsize=(15, 5.4), layout="tight")
    for column, place in zip(axes.T, PLACES, strict=True):
        limit = None
        for axis, (name, volume) in zip(column, found.items(), strict=True):
            row = round(place * volume.shape[1])
            slab = volume[:, row - HALF_ROWS : row + HALF_ROWS + 1].mean(axis=1)
            slab = ndimage.gaussian_filter(slab, SIGMA)
            limit = limit or CONTRAST * slab.std()
            axis.imshow(slab, cmap="gray", vmin=-limit, vmax=limit)
            axis.set_title(f"{name}, y = {row}", fontsize=9)
            axis.set_axis_off()
    figure.savefig(given.out, dpi=72)


if __name__ == "__main__":
    main()
