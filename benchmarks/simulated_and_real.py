"""A simulated tilt series beside a real one: tilts, a WBP section, spectra, statistics.

    napari-lbn simulate --out SIM --pixel-size 20 --size 150 326 --thickness 250 --with cell,beads
    python benchmarks/simulated_and_real.py SIM/simulated.mrc REAL.mrc --out compared.png

Nothing is fitted to the real series: this is for looking, and for docs/simulation.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

from napari_lbn.engine.evaluation.baselines import neighbours
from napari_lbn.engine.evaluation.figures import new_figure
from napari_lbn.engine.evaluation.metrics import averaged, correlation
from napari_lbn.engine.geometry import measured_weights
from napari_lbn.engine.intensity import normalise
from napari_lbn.engine.io import open_tilt_series
from napari_lbn.engine.reconstruction.wbp import WBPSettings, back_project_slab

SHOWN = (-54.0, -24.0, 0.0, 39.0)
BINS = 40


def spectrum(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Frequency in cycles per pixel, and power of the image over its mean squared."""
    relative = image / image.mean() - 1
    relative -= relative.mean()
    window = np.hanning(image.shape[0])[:, None] * np.hanning(image.shape[1])
    power = np.abs(np.fft.fft2(relative * window)) ** 2 / (window**2).sum()
    axes = (np.fft.fftfreq(n) for n in image.shape)
    radius = np.hypot(*np.meshgrid(*axes, indexing="ij"))
    ring = (radius * 2 * BINS).astype(int).ravel()
    count = np.bincount(ring)
    mean = np.bincount(ring, power.ravel()) / np.maximum(count, 1)
    return (np.arange(BINS) + 0.5) / (2 * BINS), mean[:BINS]


def section(images: np.ndarray, angles: np.ndarray, thickness: int) -> np.ndarray:
    """An xz section of WBP, low-passed."""
    tilts = normalise(images, angles)[0]
    middle = images.shape[1] // 2
    rows = tilts[:, middle - 8 : middle + 8]
    settings = WBPSettings(thickness=thickness)
    volume = back_project_slab(rows, angles, measured_weights(angles), settings)
    return gaussian_filter(volume, (1, 2, 1))[:, 8]


def statistics(images: np.ndarray, angles: np.ndarray) -> list[str]:
    """Fall of the mean with the tilt, contrast, and likeness of neighbouring tilts."""
    middle = int(np.argmin(np.abs(angles)))
    means = images.mean(axis=(1, 2))
    path = 1 / np.cos(np.deg2rad(angles)) - 1
    slope = -np.polyfit(path, np.log(means / means[middle]), 1)[0]
    hidden = np.arange(angles.size) % 4 == 2
    visible, _ = normalise(images[~hidden], angles[~hidden])
    found = neighbours(visible, angles[~hidden], angles[hidden])
    lines = [
        f"thickness over mean free path (from the means): {slope:.2f}",
        f"deviation over mean, untilted: {images[middle].std() / means[middle]:.3f}",
    ]
    for factor in (1, 2, 4):
        pairs = zip(found, images[hidden], strict=True)
        r = np.mean([correlation(averaged(a, factor), averaged(b, factor)) for a, b in pairs])
        lines.append(f"neighbours against the hidden fourth, averaged {factor} x {factor}: {r:.3f}")
    return lines


def main() -> None:
    """Draw both series, one above the other, and print their statistics."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("series", nargs=2, type=Path)
    parser.add_argument("--thickness", type=int, default=140, help="pixels of the sections")
    parser.add_argument("--out", type=Path, default=Path("compared.png"))
    given = parser.parse_args()
    figure = new_figure(16, 8)
    grid = figure.add_gridspec(3, len(SHOWN))
    spectra = figure.add_subplot(grid[2, 2:])
    for row, path in enumerate(given.series):
        series = open_tilt_series(path)
        images, angles = series.read(), series.angles
        print(path.name, *statistics(images, angles), sep="\n  ")
        for column, angle in enumerate(SHOWN):
            nearest = int(np.argmin(np.abs(angles - angle)))
            axes = figure.add_subplot(grid[row, column])
            low, high = np.percentile(images[nearest], (1, 99))
            axes.imshow(images[nearest], cmap="gray", vmin=low, vmax=high)
            axes.set_title(f"{path.stem}, {angles[nearest]:.0f}°", fontsize=8)
            axes.set_axis_off()
            frequency, power = spectrum(images[nearest])
            spectra.loglog(frequency, power, "-" if row else "--", label=f"{path.stem} {angle:g}°")
        axes = figure.add_subplot(grid[2, row])
        plane = section(images, angles, given.thickness)
        low, high = np.percentile(plane, (1, 99))
        axes.imshow(plane, cmap="gray", vmin=low, vmax=high)
        axes.set_title(f"{path.stem}: xz section of WBP", fontsize=8)
        axes.set_axis_off()
    spectra.set_xlabel("cycles per pixel")
    spectra.set_ylabel("power of the relative intensity")
    spectra.legend(fontsize=6)
    figure.savefig(given.out, dpi=100)


if __name__ == "__main__":
    main()
