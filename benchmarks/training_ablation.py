"""The paper's ablations on a small budget: one table like its Figure 5.

    napari-lbn simulate-set DATA --count 100
    napari-lbn simulate-set VALIDATION --count 8 --validation
    python benchmarks/training_ablation.py DATA --validation VALIDATION --out ablation.json

With and without critic, both masking schemes, x8 and x16, latent dimension 16, 32 and 64,
and the rotation axis in latent coordinates. The network is the paper's, made narrow. Every
row trains the same number of steps on the same examples, from a random start, on one thread;
one row is trained a second time from another seed, to tell differences from chance. Rows that
the output holds already are kept, so the script goes on where it was stopped; ``--table`` only
prints.

Figures are against noise-free truth: every fourth measured tilt hidden; the wedge from 63 to 81
degrees; and hidden tilts at a width that is no multiple of the downsampling. The mean
square error is in units of the truth's variance, so 1 is what an empty image scores. Beside
them stands the correlation at each angle from -81 to 81 degrees, given the tilts to 60, which
``paper_tables.py ablation`` draws as Figure 5.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_lbn.engine.evaluation.metrics import correlation
from napari_lbn.engine.evaluation.prediction.baselines import neighbours, wbp_reprojection
from napari_lbn.engine.intensity import normalise
from napari_lbn.engine.io.files.atomic import atomic_path
from napari_lbn.engine.network import LBN, LBNConfig
from napari_lbn.engine.simulation.imaging.noise import add_noise
from napari_lbn.engine.training.configuration import read_configuration
from napari_lbn.engine.training.data import noisy
from napari_lbn.engine.training.examples.draw import ExampleSettings
from napari_lbn.engine.training.examples.wedge_targets import normalised_truth
from napari_lbn.engine.training.optimisation.trainer import Report, load_simulated, train
from napari_lbn.engine.training.settings import CriticSettings, TrainingSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

MEASURED, LAST = 60.1, 81.1
DEPTH = 96
ODD_WIDTH = 121
"""No multiple of 8: there the two rotation axes differ by other amounts than in training."""
SNR = 0.3
AROUND = "around"
"""Truth at every angle: of these the wedge's make a column, and all of them a curve."""
COLUMNS = ("held-out", "wedge", "odd width")

NETWORK = replace(
    read_configuration("paper-ablation").network,
    widths=(8, 16, 32, 32, 64),
    unet_widths=(16, 32, 64, 64),
)
"""The paper's, but narrow."""
EXAMPLES = ExampleSettings(
    crop=64, n_targets=8, masking="independent", range_low=(-72.0, -54.0), range_high=(54.0, 72.0)
)
CRITIC = CriticSettings(weight=1.0, channels=16)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One training of the table."""

    network: LBNConfig = NETWORK
    masking: str = "independent"
    critic: bool = False
    seed: int = 0


def rows() -> dict[str, Row]:
    """By name, as in Figure 5: first training, then architecture."""
    narrow = {d: replace(NETWORK, widths=(*NETWORK.widths[:-1], d)) for d in (16, 32)}
    return {
        "independent masking": Row(),
        "independent masking, critic": Row(critic=True),
        "uniform masking": Row(masking="uniform"),
        "uniform masking, critic": Row(masking="uniform", critic=True),
        "x16": Row(network=replace(NETWORK, strides=(2, 1, 2, 2, 2))),
        "latent dimension 16": Row(network=narrow[16]),
        "latent dimension 32": Row(network=narrow[32]),
        "axis at the grid's centre": Row(network=replace(NETWORK, axis="centre")),
        "another seed": Row(seed=1),
    }


@dataclass(frozen=True, kw_only=True)
class Case:
    """Visible tilts, and noise-free ones to predict, on one scale."""

    column: str
    visible: NDArray[np.float32]
    visible_angles: NDArray[np.float64]
    truth: NDArray[np.float32]
    target_angles: NDArray[np.float64]


def make_cases(path: Path, seed: int) -> list[Case]:
    """The cases of one validation series."""
    with np.load(path) as data:
        angles, clean, profile = data["angles"], data["tilts"].astype(np.float32), data["profile"]
        truth_angles, truth = data["truth_angles"], data["truth"]
    inside = np.abs(angles) <= MEASURED
    angles, clean, profile = angles[inside], clean[inside], profile[inside]
    tilts = -add_noise(clean, SNR, np.random.default_rng(seed), profile=profile)
    hidden = np.arange(angles.size) % 4 == 2
    known = np.abs(truth_angles) < LAST
    side = (clean.shape[2] - ODD_WIDTH + 1) // 2
    middle = slice(side, side + ODD_WIDTH)
    wanted = {
        "held-out": (tilts[~hidden], angles[~hidden], clean[hidden], angles[hidden]),
        AROUND: (tilts, angles, truth[known], truth_angles[known]),
        "odd width": (
            tilts[~hidden][..., middle],
            angles[~hidden],
            clean[hidden][..., middle],
            angles[hidden],
        ),
    }
    cases = []
    for column, (seen, seen_angles, target, target_angles) in wanted.items():
        visible, stats = normalise(seen, seen_angles)
        scaled = normalised_truth((target, target_angles), stats, np.float32(-1))
        cases.append(
            Case(
                column=column,
                visible=visible,
                visible_angles=seen_angles,
                truth=scaled,
                target_angles=target_angles,
            )
        )
    return cases


def score(predict: Callable[[Case], NDArray[np.float32]], cases: Sequence[Case]) -> dict:
    """Mean correlation and relative mean square error in each column, and the curve."""
    found: dict[str, list[tuple[float, float]]] = {column: [] for column in COLUMNS}
    around: dict[float, list[float]] = {}
    for case in cases:
        for made, truth, angle in zip(predict(case), case.truth, case.target_angles, strict=True):
            r, error = correlation(made, truth), float(np.mean((made - truth) ** 2) / truth.var())
            if case.column == AROUND:
                around.setdefault(round(float(angle), 2), []).append(r)
            column = "wedge" if case.column == AROUND else case.column
            if case.column != AROUND or abs(angle) > MEASURED:
                found[column].append((r, error))
    means = {column: np.mean(values, axis=0).tolist() for column, values in found.items()}
    return {
        "scores": {
            column: {"correlation": round(r, 4), "mse": round(e, 4)}
            for column, (r, e) in means.items()
        },
        "curve": [[angle, round(float(np.mean(own)), 4)] for angle, own in around.items()],
    }


def network_predictor(network: LBN) -> Callable[[Case], NDArray[np.float32]]:
    """A network for `score`."""

    def predict(case: Case) -> NDArray[np.float32]:
        visible = torch.from_numpy(np.ascontiguousarray(case.visible[:, None]))
        with torch.inference_mode():
            out = network(visible, case.visible_angles, case.target_angles, DEPTH)
        return out[:, 0].numpy()

    return predict


BASELINES: dict[str, Callable[[Case], NDArray[np.float32]]] = {
    "WBP re-projection": lambda c: wbp_reprojection(
        c.visible, c.visible_angles, c.target_angles, DEPTH
    ),
    "neighbours": lambda c: neighbours(c.visible, c.visible_angles, c.target_angles),
}


def train_row(row: Row, series: Sequence, cases: Sequence[Case], steps: int) -> dict:
    """Train one row from a random start, and score it."""
    torch.manual_seed(row.seed)
    network = LBN(row.network)
    settings = TrainingSettings(
        steps=steps,
        warm_up=min(50, steps),
        ema=0.99,
        precision="float32",
        seed=row.seed,
        report_every=max(steps // 4, 1),
        critic=replace(CRITIC, warm_up=steps // 2) if row.critic else CriticSettings(),
        examples=replace(EXAMPLES, masking=row.masking),
    )
    started = time.process_time()
    for event in train(network, lambda: series, settings, add_noise=noisy):
        if isinstance(event, Report):
            print(f"  step {event.step}: loss {event.loss:.4f}", flush=True)
            network = event.network
    seconds = time.process_time() - started
    return {
        **score(network_predictor(network), cases),
        "steps": steps,
        "seconds": round(seconds, 1),
        "parameters": sum(p.numel() for p in network.parameters()),
    }


def print_table(results: dict[str, dict]) -> None:
    """Everything that is there, best seen beside the baselines."""
    head = "".join(f"{column:>20}" for column in COLUMNS)
    print(f"{'':<30}{head}{'CPU s':>8}")
    print(f"{'correlation, MSE':<30}")
    for name, result in results.items():
        values = (result["scores"][column] for column in COLUMNS)
        cells = "".join(f"{v['correlation']:>12.3f}{v['mse']:>8.3f}" for v in values)
        print(f"{name:<30}{cells}{result.get('seconds', 0):>8.0f}")


def keep(path: Path, results: dict[str, dict]) -> None:
    """Write all results at once."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(results, indent=1) + "\n")


def train_all(
    training: Sequence[Path], validation: Sequence[Path], out: Path, steps: int
) -> dict[str, dict]:
    """Every row that `out` does not hold yet, trained and kept; all results by name."""
    torch.set_num_threads(1)
    results = json.loads(out.read_text()) if out.exists() else {}
    cases = [case for seed, path in enumerate(validation) for case in make_cases(path, seed)]
    for name, predict in BASELINES.items():
        results.setdefault(name, score(predict, cases))
    wanted = {name: row for name, row in rows().items() if name not in results}
    series = load_simulated(training) if wanted else []
    for name, row in wanted.items():
        print(name, flush=True)
        results[name] = train_row(row, series, cases, steps)
        keep(out, results)
    return results


def main() -> None:
    """Train the rows that are missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--validation", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--series", type=int, default=100, help="series that train")
    parser.add_argument("--cases", type=int, default=4, help="series that validate")
    parser.add_argument("--table", action="store_true", help="only print what there is")
    given = parser.parse_args()
    if given.table:
        print_table(json.loads(given.out.read_text()))
        return
    paths = sorted(given.validation.glob("*.npz"))[: given.cases]
    training = sorted(given.data.glob("*.npz"))[: given.series]
    print_table(train_all(training, paths, given.out, given.steps))


if __name__ == "__main__":
    main()
