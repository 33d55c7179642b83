"""LBN beside the programs that correct tomograms by self-supervision, on one simulated specimen.

    python benchmarks/peers.py --out DIR [--weights base] [--minutes 2 5]
    python benchmarks/peers.py --out DIR --import DeepDeWedge=dd.mrc Icecream=ice.mrc

64 x 128 x 128 voxels, 41 tilts within 60 degrees, SNR 0.4. Fourier shell correlation with the
truth in 16 shells, inside the missing wedge (with and without flat parts) and outside it, and the
correlation of the volumes themselves. The truth is the tomogram of clean tilts of the
reconstruction box at every degree.

DIR/for_peers holds tilts.mrc, tilts.tlt and wbp.mrc for other programs; their tomograms (z, y, x)
of the same box come back with --import. The rows marked "recorded elsewhere" are those of the
project's plan: other programs, and a prototype, on a specimen of the same size, tilts and SNR that
no longer exists. They show the order of magnitude, not a race on equal data.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import mrcfile
import numpy as np
from scipy import fft
from scipy.signal.windows import tukey

from napari_lbn.engine.angular_weights import measured_weights
from napari_lbn.engine.correct import CorrectionSettings, correct
from napari_lbn.engine.errors import InputError
from napari_lbn.engine.events import drain
from napari_lbn.engine.fourier_regions import INSIDE, OUTSIDE, wedge_regions
from napari_lbn.engine.io import VolumeWriter, write_stack, write_tilt_angles
from napari_lbn.engine.reconstruction.wbp import WBPSettings, back_project_slab
from napari_lbn.engine.results.tomograms import Tomograms
from napari_lbn.engine.simulation.imaging.noise import add_noise, noise_profile
from napari_lbn.engine.simulation.series import SimulationSettings, clean_tilts, draw_imaging
from napari_lbn.engine.simulation.specimens.settings import SpecimenSettings
from napari_lbn.engine.simulation.specimens.specimen import make_specimen
from napari_lbn.engine.tilt_series import TiltSeries

if TYPE_CHECKING:
    from numpy.typing import NDArray

DEPTH, SIZE, SNR, PIXEL_SIZE = 64, 128, 0.4, 10.0
THICKNESS = 46.0
"""Pixels of ice in the box, so that uneven surfaces stay inside."""
INGREDIENTS = {
    **dict.fromkeys(("molecules", "vesicles", "filaments"), 1.0),
    **dict.fromkeys(("cell", "cloud", "sheets", "granules", "beads", "carbon"), 0.0),
}
"""Crowded molecules, vesicles and filaments in ice: as plain as what the recorded rows saw."""
SHELLS, SHOWN = 16, 8
SIDEWAYS, FLAT = "inside the wedge, flat parts left out", 1 / 64
"""Cycles a pixel along x and y below which a wave is flat: the surfaces of the ice, most of all.
Few coefficients, much of a shell's power, and they say nothing of objects."""
TOLD = {"inside": "inside the wedge", "sideways": SIDEWAYS, "outside": "outside the wedge"}
ANGLES = np.arange(-60.0, 61.0, 3.0)
SEED = 1_700_003
RECORDED = {
    "DeepDeWedge, 5.5 min": (0.93, 0.77, 0.67, 0.64, 0.51, 0.36, 0.20, 0.11),
    "Icecream, 11 min": (0.76, 0.72, 0.65, 0.54, 0.37, 0.25, 0.14, 0.07),
    "WBP": (0.78, 0.69, 0.41, 0.24, 0.16, 0.14, 0.05, 0.07),
    "LBN prototype": (0.97, 0.86, 0.62, 0.43, 0.25, 0.16, 0.05, 0.07),
}


@dataclass(frozen=True, kw_only=True)
class Specimen:
    """What everybody gets, and the truth; dense is dark."""

    series: TiltSeries
    truth: NDArray[np.float32]


def simulate(seed: int) -> Specimen:
    """One specimen, imaged within the range and, its box alone and clean, everywhere."""
    settings = SimulationSettings(
        specimen=SpecimenSettings(
            field=(SIZE, SIZE),
            views=1,
            pixel_size=(PIXEL_SIZE, PIXEL_SIZE),
            thickness=(THICKNESS, THICKNESS),
            gradient=0.1,
            **INGREDIENTS,
        ),
        angles=tuple(ANGLES),
    )
    specimen = make_specimen(settings.specimen, seed)
    angles, imaging = draw_imaging(settings, seed, 0)
    clean = clean_tilts(specimen, imaging, angles, view=0)
    rng = np.random.default_rng(seed)
    noisy = -add_noise(clean, SNR, rng, profile=noise_profile(clean, imaging.exposure))
    around = np.arange(-89.0, 91.0)
    box = -clean_tilts(specimen, imaging.still(around), around, view=0, box_only=True)
    box -= box.mean(axis=(1, 2), keepdims=True)
    wbp = WBPSettings(thickness=DEPTH)
    truth = back_project_slab(box, around, measured_weights(around), wbp)
    series = TiltSeries.from_array(
        noisy.astype(np.float32), angles, pixel_size=PIXEL_SIZE, name="specimen"
    )
    return Specimen(series=series, truth=truth)


@dataclass(frozen=True, kw_only=True)
class Way:
    """How LBN is used: minutes of adapting, groups of a jackknife, mirrored tilts as well."""

    minutes: float = 0.0
    jackknife: int = 0
    mirrored: bool = False

    @property
    def told(self) -> str:
        """For the names of rows; empty for weights as they are."""
        told = f" adapted {self.minutes:g} min" if self.minutes else ""
        told += " mirrored" if self.mirrored else ""
        return told + (f" jackknife {self.jackknife}" if self.jackknife else "")


def tomograms(
    series: TiltSeries, weights: str, way: Way
) -> tuple[dict[str, NDArray[np.float32]], dict]:
    """WBP, WBP + LBN and the denoised one, and how the weights were adapted."""
    settings = CorrectionSettings(
        thickness=DEPTH,
        weights=weights,
        denoised=True,
        adapt_minutes=way.minutes,
        jackknife=way.jackknife,
        mirrored=way.mirrored,
    )
    tomograms = Tomograms()
    result = drain(correct(series, settings), tomograms)
    told = way.told
    made = {
        "WBP": tomograms["measured"],
        f"WBP + LBN{told}": tomograms.blended(),
        f"denoised LBN{told}": tomograms["denoised"],
    }
    return made, result.provenance["adaptation"] or {}


def shell_correlations(
    volume: NDArray, truth: NDArray, angles: NDArray
) -> dict[str, NDArray[np.float64]]:
    """Fourier shell correlation in 16 shells, inside the wedge and outside it."""
    spectra = []
    for one in (volume, truth):
        values = one - one.mean()
        for axis, size in enumerate(values.shape):
            window = tukey(size + 2, 0.25)[1:-1]
            values = values * window.reshape([-1 if a == axis else 1 for a in range(3)])
        spectra.append(fft.rfftn(values))
    nz, ny, nx = truth.shape
    kz = fft.fftfreq(nz)[:, None, None]
    ky, kx = fft.fftfreq(ny)[None, :, None], fft.rfftfreq(nx)[None, None, :]
    radius = np.sqrt(kz**2 + ky**2 + kx**2)
    shell = (radius * 2 * SHELLS).astype(int)
    weight = np.broadcast_to(np.where((kx == 0) | (kx == 0.5), 1.0, 2.0), radius.shape)
    a, b = spectra
    terms = ((a * b.conj()).real, np.abs(a) ** 2, np.abs(b) ** 2)
    regions = {name: region(kz, ky, kx) for name, region in wedge_regions(angles).items()}
    regions[SIDEWAYS] = regions[INSIDE] & (np.hypot(ky, kx) >= FLAT)
    found = {}
    for name, region in regions.items():
        chosen = (shell < SHELLS) & (radius > 0) & region
        cross, first, second = (
            np.bincount(shell[chosen], (weight * t)[chosen], minlength=SHELLS) for t in terms
        )
        found[name] = cross / np.sqrt(np.maximum(first * second, 1e-30))
    return found


def row(volume: NDArray, specimen: Specimen) -> dict:
    """Everything that is told about one tomogram."""
    if volume.shape != specimen.truth.shape:
        raise InputError(f"A tomogram has {volume.shape} voxels, not {specimen.truth.shape}.")
    shells = shell_correlations(volume, specimen.truth, specimen.series.angles)
    return {
        "inside": [round(float(v), 3) for v in shells[INSIDE][:SHOWN]],
        "sideways": [round(float(v), 3) for v in shells[SIDEWAYS][:SHOWN]],
        "outside": [round(float(v), 3) for v in shells[OUTSIDE][:SHOWN]],
        "correlation": round(float(np.corrcoef(volume.ravel(), specimen.truth.ravel())[0, 1]), 3),
    }


def export(specimen: Specimen, folder: Path) -> None:
    """What other programs need; the truth stays beside, for nobody to train on."""
    folder.mkdir(parents=True, exist_ok=True)
    series = specimen.series
    write_stack(folder / "tilts.mrc", series.read(), pixel_size=PIXEL_SIZE)
    write_tilt_angles(folder / "tilts.tlt", series.angles)
    tilts = series.read()
    tilts = tilts - tilts.mean(axis=(1, 2), keepdims=True)
    weights, settings = measured_weights(series.angles), WBPSettings(thickness=DEPTH)
    volumes = {
        folder / "wbp.mrc": back_project_slab(tilts, series.angles, weights, settings),
        folder.parent / "truth.mrc": specimen.truth,
    }
    for path, volume in volumes.items():
        with VolumeWriter(path, volume.shape, PIXEL_SIZE, ["simulated"]) as writer:
            writer.write_slab(0, volume)


def table(rows: dict[str, dict]) -> str:
    """Markdown."""
    numbers = " | ".join(str(i + 1) for i in range(SHOWN))
    text = []
    for region, where in TOLD.items():
        text += [f"\n### FSC with the truth, {where}, shells 1 to {SHOWN} of {SHELLS}\n"]
        text += [f"| tomogram | {numbers} | correlation |", f"|{'---|' * (SHOWN + 2)}"]
        for name, found in rows.items():
            values = " | ".join(f"{v:.2f}" for v in found[region])
            text.append(f"| {name} | {values} | {found['correlation']:.2f} |")
        if region == "inside":
            for name, recorded in RECORDED.items():
                values = " | ".join(f"{v:.2f}" for v in recorded)
                text.append(f"| *{name}, recorded elsewhere* | {values} | |")
    return "\n".join(text) + "\n"


def ways(given: argparse.Namespace) -> list[Way]:
    """As it is, adapted, with jackknives; on request the first and the last ones mirrored."""
    adapted = [Way(minutes=minutes) for minutes in given.minutes]
    plain = [Way(jackknife=groups) for groups in (0, *given.jackknife)]
    mirrored = [replace(way, mirrored=True) for way in plain if given.mirrored]
    return [*plain[:1], *adapted, *plain[1:], *mirrored]


def main() -> None:
    """Simulate, correct, compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--weights", default="base")
    parser.add_argument("--minutes", type=float, nargs="*", default=(2.0, 5.0))
    parser.add_argument("--jackknife", type=int, nargs="*", default=(), metavar="N")
    parser.add_argument("--mirrored", action="store_true", help="each of these ways as well")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--import", dest="imported", nargs="*", default=(), metavar="NAME=FILE")
    given = parser.parse_args()
    specimen = simulate(given.seed)
    export(specimen, given.out / "for_peers")
    rows: dict[str, dict] = {}
    for way in ways(given):
        began = time.monotonic()
        made, adaptation = tomograms(specimen.series, given.weights, way)
        for name, volume in made.items():
            if name not in rows:
                rows[name] = row(volume, specimen) | {"adaptation": adaptation}
        print(f"LBN{way.told}: {time.monotonic() - began:.0f} s {adaptation}", flush=True)
    for text in given.imported:
        name, _, path = text.partition("=")
        rows[name] = row(np.asarray(mrcfile.read(path), np.float32), specimen)
    (given.out / "rows.json").write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")
    (given.out / "table.md").write_text(table(rows), encoding="utf-8")
    print(table(rows))


if __name__ == "__main__":
    main()
