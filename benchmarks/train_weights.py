"""Train the bundled weights on simulated specimens, and watch their figures.

    napari-lbn simulate-set DATA --count 300
    napari-lbn simulate-set VALIDATION --count 8 --validation
    python benchmarks/train_weights.py DATA --validation VALIDATION --out base.safetensors

The validation folder (``--validation``) comes from seeds that never train. The data
folder may still be growing: new series are picked up while training goes on.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch

from napari_lbn.engine.evaluation.metrics import correlation
from napari_lbn.engine.evaluation.prediction.baselines import neighbours, wbp_reprojection
from napari_lbn.engine.intensity import normalise
from napari_lbn.engine.io.weights.file import save_weights
from napari_lbn.engine.network import LBN, LBNConfig
from napari_lbn.engine.network.initialise import start_as_back_projection
from napari_lbn.engine.simulation.imaging.noise import add_noise
from napari_lbn.engine.training.examples.draw import ExampleSettings, TrainingSeries
from napari_lbn.engine.training.optimisation.trainer import (
    Report,
    TrainingSettings,
    load_simulated,
    train,
)

MEASURED = 60.1
LAST = 81.1
DEPTH = 112


class GrowingFolder:
    """The training series of a folder, read again when files were added."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.loaded, self.checked = folder, {}, 0.0

    def __call__(self) -> list[TrainingSeries]:
        """The series there are now."""
        """All series that are there by now; new files are looked for every 30 seconds."""
        if time.monotonic() - self.checked > 30:
            self.checked = time.monotonic()
            for path in sorted(self.folder.glob("*.npz")):
                if path not in self.loaded:
                    self.loaded[path] = load_simulated([path])[0]
        return list(self.loaded.values())


def noisy(clean, snr, profile, rng):
    """Fresh noise, from white to slightly coloured."""
    return add_noise(clean, snr, rng, profile=profile, blur=float(rng.uniform(0, 0.3)))


class Validation:
    """Correlation with clean tilts: every fourth measured tilt hidden, and the wedge.

    Wedge truth is the whole specimen from 63 to 81 degrees; nearer to 90 degrees material
    that no measured tilt has seen covers the rest.
    """

    def __init__(self, paths: list[Path], snr: float = 0.3) -> None:
        self.cases = []
        for number, path in enumerate(paths):
            with np.load(path) as data:
                angles, clean = data["angles"], -data["tilts"].astype(np.float32)
                inside = np.abs(angles) <= MEASURED
                rng = np.random.default_rng(number)
                tilts = -add_noise(-clean[inside], snr, rng, profile=data["profile"][inside])
                truth_angles, truth = data["truth_angles"], -data["truth"]
                beyond = (np.abs(truth_angles) > MEASURED) & (np.abs(truth_angles) < LAST)
                case = (tilts, angles[inside], clean[inside], truth_angles[beyond], truth[beyond])
                self.cases.append(case)

    def score(self, predict) -> tuple[float, float]:
        """Mean correlation on held-out tilts and in the wedge."""
        held, wedge = [], []
        for tilts, angles, clean, wedge_angles, truth in self.cases:
            hidden = np.arange(angles.size) % 4 == 2
            visible = normalise(tilts[~hidden], angles[~hidden])[0]
            out = predict(visible, angles[~hidden], angles[hidden])
            held += [correlation(o, c) for o, c in zip(out, clean[hidden], strict=True)]
            out = predict(normalise(tilts, angles)[0], angles, wedge_angles)
            wedge += [correlation(o, c) for o, c in zip(out, truth, strict=True)]
        return float(np.mean(held)), float(np.mean(wedge))


def network_predictor(network: LBN):
    """A network as a `Validation.score` predictor."""

    def predict(visible, angles, targets):
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
            out = network(torch.from_numpy(visible[:, None]), angles, targets, DEPTH)
        return out[:, 0].float().numpy()

    return predict


def main() -> None:
    """Train, report, and keep the averaged weights at every report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--validation", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--start", type=Path, help="weights to go on from")
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--minutes", type=float, default=1e9)
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--outer-share", type=float, default=0.2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--report", type=int, default=250)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--offset", type=float, default=0.3, help="share of rotated specimens")
    parser.add_argument("--pixel-sizes", type=float, nargs=2, default=(9.0, 21.0))
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    network = LBN(LBNConfig())
    start_as_back_projection(network)
    if arguments.start:
        from napari_lbn.engine.io.weights.file import load_network
        from napari_lbn.engine.io.weights.info import read_weights_info

        network = load_network(read_weights_info(arguments.start)).requires_grad_(True)
    validation = Validation(sorted(arguments.validation.glob("*.npz")))
    print("WBP re-projection", validation.score(lambda t, a, b: wbp_reprojection(t, a, b, 96)))
    print("neighbours", validation.score(neighbours), flush=True)
    settings = TrainingSettings(
        steps=arguments.steps,
        learning_rate=arguments.rate,
        outer_share=arguments.outer_share,
        seed=arguments.seed,
        report_every=arguments.report,
        precision="bfloat16",
        examples=ExampleSettings(offset_probability=arguments.offset),
    )
    sources = GrowingFolder(arguments.data)
    for event in train(network, sources, settings, add_noise=noisy):
        if not isinstance(event, Report):
            continue
        held, wedge = validation.score(network_predictor(event.network))
        row = {
            "step": event.step,
            "loss": round(event.loss, 4),
            "minutes": round(event.seconds / 60, 1),
            "series": len(sources.loaded),
            "held_out": round(held, 4),
            "wedge": round(wedge, 4),
        }
        print(json.dumps(row), flush=True)
        save_weights(
            arguments.out,
            event.network,
            name=arguments.out.stem,
            pixel_sizes=tuple(arguments.pixel_sizes),
            summary={"trained_on": "simulated specimens", "last": row},
        )
        if event.seconds > 60 * arguments.minutes:
            break


if __name__ == "__main__":
    main()
