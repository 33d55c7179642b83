"""How far the weights' gain over the baselines reaches: one axis of the data after the other.

    python benchmarks/robustness.py --out DIR [--weights base] [--axes snr step] [--specimens 3]

Simulated specimens from seeds that never train, each axis varied around one default series
(10 Å, ±60° every 3°, 150 nm, SNR 0.3). Correlation with the *clean* tilts, of every fourth
measured tilt hidden, and of the missing wedge up to 78°, there of the reconstruction box alone.
Baselines stand there as they are and
after the Gaussian low-pass that suits them best on these very tilts, an advantage that
nobody has on real data; LBN is not filtered.

Each finished case is a line of DIR/cases.jsonl; the same command goes on where it was stopped,
and prints DIR/table.md from all of them.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from weights_figures import baselines, lbn

from napari_lbn.engine.binning import automatic_binning
from napari_lbn.engine.evaluation.metrics import correlation
from napari_lbn.engine.evaluation.prediction.baselines import low_passed
from napari_lbn.engine.fourier import fourier_crop
from napari_lbn.engine.intensity import normalise
from napari_lbn.engine.io.weights.file import load_network
from napari_lbn.engine.io.weights.find import weights_info
from napari_lbn.engine.simulation.imaging.microscope import MicroscopeSettings
from napari_lbn.engine.simulation.imaging.noise import add_noise, noise_profile
from napari_lbn.engine.simulation.series import (
    SimulationSettings,
    clean_tilts,
    draw_imaging,
    latent_depth,
)
from napari_lbn.engine.simulation.specimens.settings import SpecimenSettings
from napari_lbn.engine.simulation.specimens.specimen import make_specimen

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

SEED = 1_500_000
"""Among the validation seeds, far from those that other benchmarks use."""
LAST = 78.0
"""Degrees; nearer to 90° most rays cross material that no measured tilt has seen."""
WEDGE_STEP = 3.0
WIDTHS = (0.0, 0.7, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
TASKS = ("held-out", "wedge")


@dataclass(frozen=True, kw_only=True)
class Case:
    """One kind of tilt series: Å, degrees, nm, and the noise of the untilted image."""

    pixel_size: float = 10.0
    low: float = -60.0
    high: float = 60.0
    tilts: int = 41
    thickness: float = 150.0
    snr: float = 0.3

    @property
    def angles(self) -> NDArray[np.float64]:
        """Degrees."""
        return np.linspace(self.low, self.high, self.tilts)


def stepped(low: float, high: float, step: float) -> Case:
    """Tilts every `step` degrees."""
    return Case(low=low, high=high, tilts=round((high - low) / step) + 1)


AXES: dict[str, dict[str, Case]] = {
    "pixel size": {f"{p:g} Å": Case(pixel_size=p) for p in (5.0, 7.0, 10.0, 14.0, 20.0)},
    "step": {f"{s:g}°": stepped(-60, 60, s) for s in (1, 2, 3, 4, 5)},
    "range": {
        f"{a:g}° to {b:g}°": stepped(a, b, 3)
        for a, b in ((-39, 39), (-51, 51), (-60, 60), (-69, 69), (-39, 69), (-66, 51))
    },
    "tilts": {str(n): Case(tilts=n) for n in (15, 21, 31, 41, 61, 121)},
    "thickness": {f"{t:g} nm": Case(thickness=t) for t in (50.0, 100.0, 200.0, 300.0, 400.0)},
    "snr": {f"{s:g}": Case(snr=s) for s in (0.02, 0.05, 0.1, 0.3, 1.0, 2.0)},
}


@dataclass(frozen=True, kw_only=True)
class Tilts:
    """A simulated series at the pixel size that the weights take; dense is dark."""

    noisy: NDArray
    clean: NDArray
    angles: NDArray[np.float64]
    wedge: NDArray
    wedge_angles: NDArray[np.float64]
    depth: int


def simulate(case: Case, seed: int, size: int, pixel_sizes: tuple[float, float]) -> Tilts:
    """Simulate a specimen and image it as the case asks for."""
    binning = automatic_binning(case.pixel_size, pixel_sizes, "simulated")
    field = (size * binning, size * binning)
    settings = SimulationSettings(
        specimen=SpecimenSettings(
            field=field,
            views=1,
            pixel_size=(case.pixel_size, case.pixel_size),
            thickness=(1.0, 2000.0),
            thickness_nm=(case.thickness, case.thickness),
            max_angle=LAST,
            oversampling=1 if binning > 1 else 2,
        ),
        microscope=MicroscopeSettings(),
        angles=tuple(case.angles),
    )
    specimen = make_specimen(settings.specimen, seed)
    angles, imaging = draw_imaging(settings, seed, 0)
    clean = clean_tilts(specimen, imaging, angles, view=0)
    around = np.arange(-LAST, LAST + 0.1, WEDGE_STEP)
    wedge_angles = around[(around < case.low - 0.5) | (around > case.high + 0.5)]
    still = imaging.still(wedge_angles)
    wedge = clean_tilts(specimen, still, wedge_angles, view=0, box_only=True)
    rng = np.random.default_rng(seed)
    noisy = add_noise(clean, case.snr, rng, profile=noise_profile(clean, imaging.exposure))
    return Tilts(
        noisy=-binned(noisy, binning),
        clean=-binned(clean, binning),
        angles=angles,
        wedge=-binned(wedge, binning),
        wedge_angles=wedge_angles,
        depth=-(-latent_depth(specimen, imaging.pre_tilt) // binning),
    )


def binned(images: NDArray, factor: int) -> NDArray:
    """Fourier-cropped, as the engine bins series."""
    if factor == 1:
        return images
    return np.stack([fourier_crop(image, factor) for image in images])


def tasks(tilts: Tilts) -> Iterator[tuple[str, NDArray, NDArray, NDArray, NDArray]]:
    """Task, visible tilts and angles, target angles and clean targets."""
    hidden = np.arange(tilts.angles.size) % 4 == 2
    seen = tilts.angles[~hidden]
    visible = normalise(tilts.noisy[~hidden], seen)[0]
    yield TASKS[0], visible, seen, tilts.angles[hidden], tilts.clean[hidden]
    whole = normalise(tilts.noisy, tilts.angles)[0]
    yield TASKS[1], whole, tilts.angles, tilts.wedge_angles, tilts.wedge


def measure(network, tilts: Tilts) -> dict[str, dict[str, list[float]]]:
    """Mean correlation by task and method, for each width of the low-pass."""
    methods = {"LBN": lbn(network, tilts.depth, beyond="box"), **baselines(tilts.depth)}
    found: dict[str, dict[str, list[float]]] = {}
    for task, visible, angles, targets, truth in tasks(tilts):
        rows = found.setdefault(task, {})
        for name, predict in methods.items():
            made = predict(visible, angles, targets)
            widths = WIDTHS if name != "LBN" else WIDTHS[:1]
            rows[name] = [
                float(np.mean([correlation(a, b) for a, b in zip(smooth, truth, strict=True)]))
                for smooth in (low_passed(made, width) for width in widths)
            ]
    return found


def finished(path: Path) -> list[dict]:
    """Records of cases that are done; a line that a kill cut off is dropped."""
    records = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        try:
            records.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return records


def key(record: dict) -> str:
    """What makes a case the same."""
    return json.dumps([record[k] for k in ("weights", "case", "seed", "size")], sort_keys=True)


def run(given: argparse.Namespace) -> list[dict]:
    """Do what is missing, one line a case; gives all records of these weights."""
    info = weights_info(given.weights)
    network = load_network(info)
    path = given.out / "cases.jsonl"
    records = [r for r in finished(path) if r["weights"] == info.sha256]
    done = {key(record) for record in records}
    cases = {c: None for axis in given.axes for c in AXES[axis].values()}
    for number in range(given.specimens):
        for case in cases:
            record = {
                "weights": info.sha256,
                "case": asdict(case),
                "seed": SEED + number,
                "size": given.size,
            }
            if key(record) in done:
                continue
            began = time.monotonic()
            tilts = simulate(case, SEED + number, given.size, info.pixel_sizes)
            record |= {"scores": measure(network, tilts), "seconds": time.monotonic() - began}
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(record) + "\n")
            records.append(record)
            print(f"{case} specimen {number + 1}: {record['seconds']:.0f} s", flush=True)
    return records


def summary(records: list[dict], case: Case) -> dict[str, dict[str, list[float]]] | None:
    """Means over the specimens of a case; None where none is done."""
    own = [r["scores"] for r in records if r["case"] == asdict(case)]
    if not own:
        return None
    return {
        task: {m: list(np.mean([s[task][m] for s in own], axis=0)) for m in own[0][task]}
        for task in TASKS
    }


def cells(scores: dict[str, list[float]]) -> str:
    """LBN, the best baseline as it is and low-passed, and LBN's gain over both."""
    own = scores["LBN"][0]
    others = {name: values for name, values in scores.items() if name != "LBN"}
    plain = max(others, key=lambda name: others[name][0])
    smooth = max(others, key=lambda name: max(others[name]))
    first, second = others[plain][0], max(others[smooth])
    wbp = others["WBP re-projection"][0]
    return (
        f"{own:.3f} | {own - wbp:+.3f} | {first:.3f} ({plain.split()[0]}) | {own - first:+.3f} | "
        f"{second:.3f} ({smooth.split()[0]}) | {own - second:+.3f}"
    )


def table(records: list[dict], axes: list[str]) -> str:
    """Markdown: one table a task."""
    columns = "LBN | over WBP | best baseline | gain | best, low-passed | gain"
    text = []
    for task in TASKS:
        text += [f"\n### {task}\n", f"| axis | value | {columns} |", f"|{'---|' * 8}"]
        for axis in axes:
            for value, case in AXES[axis].items():
                found = summary(records, case)
                if found is not None:
                    text.append(f"| {axis} | {value} | {cells(found[task])} |")
    return "\n".join(text) + "\n"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--weights", default="base")
    parser.add_argument("--axes", nargs="+", choices=list(AXES), default=list(AXES))
    parser.add_argument("--specimens", type=int, default=2)
    parser.add_argument("--size", type=int, default=128, help="pixels a side, after binning")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    text = table(run(given), given.axes)
    (given.out / "table.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
