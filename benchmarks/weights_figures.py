"""Figures of weights beside the baselines, on simulated specimens and on a real series.

    napari-lbn simulate-set TUNING --count 8 --seed0 1000300 SPECIMENS
    napari-lbn simulate-set TEST --count 12 --seed0 1000400 SPECIMENS
    python benchmarks/weights_figures.py --weights base fast --tuning TUNING --test TEST
    python benchmarks/weights_figures.py --real TS.mrc --thickness 200

SPECIMENS are those of the trainings with maps that did not train: --validation --thickness 30 230
--thickness-nm 60 350 --pre-tilt 10 --lean 4 --maps FOLDER --maps FOLDER --use choose (for
TEST: report).

Correlation with clean tilts (simulated) and with measured tilts (real). Held-out tilts show
the whole specimen; in the wedge of a simulated one the truth is the reconstruction box alone,
which is what a tomogram is made of. Every baseline stands there as it is and after the
Gaussian low-pass whose width suits it best on the tuning specimens, on a real series on the very
tilts that it is scored on, at full resolution; LBN is not filtered.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_lbn.engine.evaluation.metrics import averaged, correlation, field_of_view
from napari_lbn.engine.evaluation.prediction.baselines import (
    low_passed,
    nearest,
    neighbours,
    wbp_reprojection,
)
from napari_lbn.engine.events import drain
from napari_lbn.engine.intensity import normalise
from napari_lbn.engine.io import open_tilt_series
from napari_lbn.engine.io.weights.file import open_network
from napari_lbn.engine.simulation.imaging.noise import add_noise
from napari_lbn.engine.synthesis import SynthesisSettings, synthesize
from napari_lbn.engine.tilt_series import TiltSeries

Predict = Callable[[NDArray, NDArray, NDArray], NDArray]
Make = Callable[[int], Predict]
"""A predictor for a thickness in pixels."""
WIDTHS = (0.0, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 9.0)
MEASURED, LAST = 60.1, 81.1


def lbn(network, thickness: int, **options) -> Predict:
    """The network as a predictor; options are those of `SynthesisSettings`."""
    settings = SynthesisSettings(device="cpu", thickness=thickness, **options)

    def predict(tilts: NDArray, angles: NDArray, targets: NDArray) -> NDArray:
        series = TiltSeries.from_array(tilts, angles)
        return drain(synthesize(series, network, targets, settings)).tilts

    return predict


BASELINES: dict[str, Make] = {
    "WBP re-projection": lambda thickness: lambda t, a, b: wbp_reprojection(t, a, b, thickness),
    "neighbours, interpolated": lambda _: neighbours,
    "nearest tilt": lambda _: nearest,
}
"""What needs no network."""


def baselines(thickness: int) -> dict[str, Predict]:
    """The same for one thickness."""
    return {name: make(thickness) for name, make in BASELINES.items()}


def cases(folder: Path, snr: float):
    """Task, visible, angles, target angles, clean targets, thickness: two tasks a series."""
    for number, path in enumerate(sorted(folder.glob("*.npz"))):
        with np.load(path) as data:
            angles, clean = data["angles"], data["tilts"].astype(np.float32)
            inside = np.abs(angles) < MEASURED
            rng = np.random.default_rng(number)
            noisy = -add_noise(clean[inside], snr, rng, profile=data["profile"][inside])
            truth_angles, truth = data["truth_angles"], -data["truth_box"]
            depth = json.loads(str(data["metadata"]))["depth"]
        angles, clean = angles[inside], -clean[inside]
        hidden = np.arange(angles.size) % 4 == 2
        tilts = normalise(noisy, angles)[0]
        visible = normalise(noisy[~hidden], angles[~hidden])[0]
        yield "held-out", visible, angles[~hidden], angles[hidden], clean[hidden], depth
        beyond = (np.abs(truth_angles) > MEASURED) & (np.abs(truth_angles) < LAST)
        yield "wedge", tilts, angles, truth_angles[beyond], truth[beyond], depth


def score(make: Make, folder: Path, snr: float, widths=(0.0,)) -> dict[str, list[float]]:
    """Mean correlation of each task for each low-pass width."""
    found: dict[str, list[list[float]]] = {"held-out": [], "wedge": []}
    for task, tilts, angles, targets, clean, depth in cases(folder, snr):
        out = make(depth)(tilts, angles, targets)
        for one, truth in zip(out, clean, strict=True):
            rows = [correlation(low_passed(one[None], width)[0], truth) for width in widths]
            found[task].append(rows)
    return {task: list(np.mean(rows, axis=0)) for task, rows in found.items()}


def simulated_table(networks: dict[str, Make], tuning: Path, test: Path, snr: float) -> None:
    """Print the table for one signal-to-noise ratio."""
    print(f"\nSimulated specimens, SNR {snr:g}\n")
    print("| method | held-out, as it is | low-passed | wedge 63-81°, as it is | low-passed |")
    print("|---|---|---|---|---|")
    for name, baseline in BASELINES.items():
        tuned = score(baseline, tuning, snr, WIDTHS)
        best = {task: int(np.argmax(values)) for task, values in tuned.items()}
        tested = score(baseline, test, snr, WIDTHS)
        cells = []
        for task in ("held-out", "wedge"):
            width = WIDTHS[best[task]]
            cells += [f"{tested[task][0]:.3f}", f"{tested[task][best[task]]:.3f} (σ {width:g} px)"]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
    for name, make in networks.items():
        own = score(make, test, snr)
        cells = [f"**{own[task][0]:.3f}**" for task in ("held-out", "wedge")]
        print(f"| **LBN, `{name}`** | {cells[0]} | | {cells[1]} | |", flush=True)


def measured(given: argparse.Namespace, path: Path) -> tuple[NDArray, NDArray]:
    """Images and angles of a real series, averaged and transposed as asked for."""
    series = open_tilt_series(path)
    images = series.read()
    if given.transpose:
        images = images.transpose(0, 2, 1)
    return np.stack([averaged(image, given.average) for image in images]), series.angles


def agreement(predicted: NDArray, images: NDArray, angles: NDArray, *, view: bool) -> NDArray:
    """Mean correlation at full resolution, after 2 x 2 and after 4 x 4 averaging."""
    rows = []
    for pair in zip(predicted, images, angles, strict=True):
        own, other = (field_of_view(image, pair[2]) if view else image for image in pair[:2])
        rows.append([correlation(averaged(own, f), averaged(other, f)) for f in (1, 2, 4)])
    return np.mean(rows, axis=0)


def real_table(networks: dict[str, Make], path: Path, given: argparse.Namespace) -> None:
    """Print correlations with hidden measured tilts: every fourth one, and the edges."""
    images, angles = measured(given, path)
    hidden = {"every 4th tilt": np.arange(angles.size) % 4 == 2}
    for limit in given.beyond:
        hidden[f"beyond {limit:g}°"] = np.abs(angles) > limit + 0.5
    cells: dict[str, list[str]] = {}
    for out in hidden.values():
        visible = normalise(images[~out], angles[~out])[0]
        for name, make in {**networks, **BASELINES}.items():
            predicted = make(given.thickness)(visible, angles[~out], angles[out])
            agree = partial(agreement, images=images[out], angles=angles[out], view=given.view)
            told = name if name in BASELINES else f"**LBN, `{name}`**"
            cells.setdefault(told, []).append(_three(agree(predicted)))
            if name in BASELINES:
                found = [agree(low_passed(predicted, width)) for width in WIDTHS[1:]]
                best = int(np.argmax([row[0] for row in found]))
                text = f"{_three(found[best])} (σ {WIDTHS[1 + best]:g} px)"
                cells.setdefault(f"{name}, low-passed", []).append(text)
    print(f"\n{path.name}: full resolution, 2 x 2, 4 x 4\n")
    print(f"| method | {' | '.join(hidden)} |\n|{'---|' * (len(hidden) + 1)}")
    for told, row in cells.items():
        print(f"| {told} | {' | '.join(row)} |", flush=True)


def _three(values: NDArray) -> str:
    return " ".join(f"{value:.3f}" for value in values)


def makers(given: argparse.Namespace, beyond: str) -> dict[str, Make]:
    """Predictors by name: all weights, each with every jackknife, on request mirrored as well."""
    made: dict[str, Make] = {}
    ways = product(given.jackknife, (False, True) if given.mirrored else (False,))
    for name, (groups, mirrored) in product(given.weights, list(ways)):
        network = open_network(name)
        told = Path(name).stem + (", mirrored" if mirrored else "")
        told += f", jackknife {groups}" if groups else ""
        made[told] = partial(lbn, network, beyond=beyond, jackknife=groups, mirrored=mirrored)
    return made


def main() -> None:
    """Print every table that was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", nargs="+", default=("base",))
    parser.add_argument("--tuning", type=Path)
    parser.add_argument("--test", type=Path)
    parser.add_argument("--snr", type=float, nargs="+", default=(0.1, 0.3, 1.0))
    parser.add_argument("--real", type=Path, nargs="*", default=())
    parser.add_argument("--thickness", type=int, default=200, help="of the real series, pixels")
    parser.add_argument("--beyond", type=float, nargs="+", default=(51.0, 45.0), help="degrees")
    parser.add_argument("--view", action="store_true", help="in the field of view of each tilt")
    parser.add_argument("--average", type=int, default=1, metavar="N", help="N x N pixels first")
    parser.add_argument("--transpose", action="store_true", help="the tilt axis lies along x")
    parser.add_argument("--jackknife", type=int, nargs="+", default=(0,), metavar="N")
    parser.add_argument("--mirrored", action="store_true", help="and with mirrored tilts")
    given = parser.parse_args()
    if given.tuning and given.test:
        boxed = makers(given, "box")
        for snr in given.snr:
            simulated_table(boxed, given.tuning, given.test, snr)
    whole = makers(given, "whole")
    for path in given.real:
        real_table(whole, path, given)


if __name__ == "__main__":
    main()
