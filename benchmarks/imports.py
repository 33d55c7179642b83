"""TS254, raw, through Warp's and IMOD's alignment files, beside the stack its authors aligned.

    python benchmarks/imports.py FOLDER

FOLDER holds TS254_raw_20A.mrc, TS254_dev_20A.mrc, 00254.xml and xf_import/. For each tilt: the
correlation with the aligned stack (pixels as they are, and after smoothing by 1.5 pixels), the
shift against it, the correlation once that shift is undone, and how deep the gold beads are in
units of those of the aligned stack, which a blur would flatten.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import mrcfile
import numpy as np
from scipy import ndimage

from napari_lbn.engine.io import open_tilt_series

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_lbn.engine.tilt_series import TiltSeries

EDGE = 24
"""Pixels; further than any image is moved."""
SMOOTH = 1.5
BEADS = 20
BEAD_PX = 9
SHARPER = 0.8
"""Pixels of the unsharp mask that beads are looked for in."""
HEAD = "angle   as it is  smooth  moved y  moved x  smooth, moved back  beads"


def inner(image: NDArray[np.floating]) -> NDArray[np.floating]:
    """Without the edge, which alignments fill."""
    return image[EDGE:-EDGE, EDGE:-EDGE]


def correlation(a: NDArray[np.floating], b: NDArray[np.floating], sigma: float = 0.0) -> float:
    """Of two images, after smoothing."""
    if sigma:
        a, b = (ndimage.gaussian_filter(image, sigma) for image in (a, b))
    return float(np.corrcoef(inner(a).ravel(), inner(b).ravel())[0, 1])


def shift_between(a: NDArray[np.floating], b: NDArray[np.floating]) -> NDArray[np.float64]:
    """(y, x) by which `a` is moved against `b`: the peak of their correlation, parabola fitted."""
    window = np.outer(np.hanning(a.shape[0]), np.hanning(a.shape[1]))
    spectra = [np.fft.rfft2((image - image.mean()) * window) for image in (a, b)]
    peak = np.fft.fftshift(np.fft.irfft2(spectra[0] * spectra[1].conj(), s=a.shape))
    y, x = np.unravel_index(peak.argmax(), peak.shape)
    fine = [
        0.5 * (line[0] - line[2]) / (line[0] - 2 * line[1] + line[2])
        for line in (peak[y - 1 : y + 2, x], peak[y, x - 1 : x + 2])
    ]
    return np.array([y, x]) - np.array(a.shape) // 2 + fine


def bead_depth(image: NDArray[np.floating]) -> float:
    """How far the darkest beads lie below the image's median."""
    area = inner(image)
    lowest = ndimage.minimum_filter(area, BEAD_PX)
    depths = np.sort(np.median(area) - area[area == lowest])
    return float(depths[-BEADS:].mean())


def compare(series: TiltSeries, aligned: NDArray[np.floating]) -> NDArray[np.float64]:
    """A row of figures for each tilt, as in `HEAD`."""
    rows = []
    for tilt, angle in enumerate(series.angles):
        image = series.read([tilt], slice(0, aligned.shape[1]))[0].astype(np.float64)
        other = aligned[tilt].astype(np.float64)
        moved = shift_between(image, other)
        back = ndimage.shift(image, -moved, order=3, mode="nearest")
        rows.append(
            [
                angle,
                correlation(image, other),
                correlation(image, other, SMOOTH),
                *moved,
                correlation(back, other, SMOOTH),
                bead_depth(image) / bead_depth(other),
            ]
        )
    return np.array(rows)


def show(name: str, found: NDArray[np.float64]) -> None:
    """Print the table of one import, and what is worst and usual in it."""
    print(f"\n{name}\n{HEAD}")
    for row in found:
        print("{:6.2f}  {:8.4f}  {:6.4f}  {:7.3f}  {:7.3f}  {:18.4f}  {:5.2f}".format(*row))
    worst = [*found[:, 1:3].min(axis=0), *np.abs(found[:, 3:5]).max(axis=0), found[:, 5].min()]
    usual = [*np.median(found[:, 1:3], axis=0), *np.median(np.abs(found[:, 3:5]), axis=0)]
    text = "{:>6}  {:8.4f}  {:6.4f}  {:7.3f}  {:7.3f}  {:18.4f}  {:5.2f}"
    print(text.format("worst", *worst, found[:, 6].min()))
    print(text.format("median", *usual, np.median(found[:, 5]), np.median(found[:, 6])))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    raw = folder / "TS254_raw_20A.mrc"
    aligned = np.array(mrcfile.mmap(folder / "TS254_dev_20A.mrc").data)
    warp = open_tilt_series(raw, alignment=folder / "00254.xml")
    show("Warp: 00254.xml", compare(warp, aligned))
    imod = open_tilt_series(raw, alignment=folder / "xf_import", alignment_pixel_size=10.0)
    show("IMOD: xf_import/00254.xf, pixels of 10 Å", compare(imod, aligned))


if __name__ == "__main__":
    main()
