"""A simulated tilt series beside a real one: tilts, a WBP section, spectra, statistics.

    napari-lbn simulate --out SIM --pixel-size 20 --size 150 326 --thickness 250 --with cell,beads
    python benchmarks/simulated_and_real.py SIM/simulated.mrc REAL.mrc --out compared.png

Beside a simulated series its truth is drawn too, if it is there. Nothing is fitted to the real
series: this is for looking, and for docs/simulation.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

from napari_lbn.engine.angular_weights import measured_weights
from napari_lbn.engine.evaluation.metrics import averaged, correlation
from napari_lbn.engine.evaluation.prediction.baselines import neighbours
from napari_lbn.engine.evaluation.report.figures import new_figure
from napari_lbn.engine.intensity import normalise
from napari_lbn.engine.io import open_tilt_series, open_volume
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


def sections(path: Path, series, thickness: int) -> dict[str, np.ndarray]:
    """Sections to show, xz: WBP, and the truth where a simulation wrote it."""
    shown = {"WBP, xz": section(series.read(), series.angles, thickness)}
    truth = path.with_name(f"{path.stem}_truth_tomogram.mrc")
    if truth.is_file():
        volume, _ = open_volume(truth)
        shown["truth, xz"] = np.asarray(volume[:, volume.shape[1] // 2])
        shown["truth, xy"] = np.asarray(volume[volume.shape[0] // 2])
    return shown


def show(figure, place, image: np.ndarray, title: str) -> None:
    """One grey picture."""
    axes = figure.add_subplot(place)
    low, high = np.percentile(image, (1, 99))
    axes.imshow(image, cmap="gray", vmin=low, vmax=high)
    axes.set_title(title, fontsize=8)
    axes.set_axis_off()


def main() -> None:
    """Draw each series in two rows, their spectra below, and print their statistics."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("series", nargs="+", type=Path)
    parser.add_argument("--thickness", type=int, default=140, help="pixels of the sections")
    parser.add_argument("--out", type=Path, default=Path("compared.png"))
    given = parser.parse_args()
    rows = 2 * len(given.series)
    figure = new_figure(14, 3 * rows)
    grid = figure.add_gridspec(rows, len(SHOWN))
    spectra = figure.add_subplot(grid[rows - 1, len(SHOWN) - 1])
    for number, path in enumerate(given.series):
        series = open_tilt_series(path)
        images, angles = series.read(), series.angles
        print(path.name, *statistics(images, angles), sep="\n  ")
        for column, angle in enumerate(SHOWN):
            nearest = int(np.argmin(np.abs(angles - angle)))
            title = f"{path.stem}, {angles[nearest]:.0f}°"
            show(figure, grid[2 * number, column], images[nearest], title)
            frequency, power = spectrum(images[nearest])
            style = "-" if number else "--"
            spectra.loglog(frequency, power, style, label=f"{path.stem} {angle:g}°")
        for column, (name, plane) in enumerate(sections(path, series, given.thickness).items()):
            show(figure, grid[2 * number + 1, column], plane, f"{path.stem}: {name}")
    spectra.set_xlabel("cycles per pixel", fontsize=8)
    spectra.set_title("power of the relative intensity", fontsize=8)
    spectra.legend(fontsize=6)
    figure.savefig(given.out, dpi=90)


if __name__ == "__main__":
    main()
