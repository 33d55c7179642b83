"""What fine-tuning on a measured tilt series brings, on tilts that it never sees.

    python benchmarks/fine_tune.py TS.mrc [--minutes 1 5] [--cores 2] [--crop 150,216]
        [--start base] [--set training.learning_rate=1e-3] [--json FILE]

Every fourth tilt is taken away before anything begins: it neither trains nor chooses an epoch.
One training with the configuration `fine-tune`, as long as the largest of the minutes, is scored
on the way. A minute is so many seconds of processor time, times `--cores`, on one thread: the
same work as a minute of all those cores, and what else runs on the machine changes little.
`--crop` cuts the middle (y,x) out of every tilt first; training and scores see nothing else.

The table holds the mean Pearson correlation with the hidden measured tilts, noise included, at
full resolution and after averaging 2 x 2 and 4 x 4.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from napari_lbn.engine.evaluation.prediction.baselines import neighbours, wbp_reprojection
from napari_lbn.engine.io import open_tilt_series
from napari_lbn.engine.io.files.atomic import atomic_path
from napari_lbn.engine.tilt_series import TiltSeries
from napari_lbn.engine.training.configuration import read_configuration
from napari_lbn.engine.training.data import gather, make_network
from napari_lbn.engine.training.optimisation.state import TrainingState
from napari_lbn.engine.training.optimisation.trainer import prefetch
from napari_lbn.engine.training.validation import (
    HoldOut,
    Scores,
    hold_out,
    score_network,
    score_predictor,
    split,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from napari_lbn.engine.network import LBN
    from napari_lbn.engine.training.configuration import Configuration
    from napari_lbn.engine.training.data import TrainingData

EVERY = 4
TIMED_STEPS = 3
WHOLE = 1 << 16
"""Pixels a side: more than any image has."""


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """One training and what it reached."""

    scores: Scores
    steps: int = 0
    cpu_seconds: float = 0.0
    seconds: float = 0.0


def read(path: Path, crop: tuple[int, int] | None, pixel_size: float | None) -> TiltSeries:
    """The series, or the middle of its tilts."""
    series = open_tilt_series(path)
    if pixel_size:
        series = replace(series, pixel_size=pixel_size)
    if crop is None:
        return series
    (height, width), (rows, columns) = series.image_shape, crop
    top, left = max(height - rows, 0) // 2, max(width - columns, 0) // 2
    images = series.read()[:, top : top + rows, left : left + columns]
    return TiltSeries.from_array(
        images, series.angles, pixel_size=series.pixel_size, name=f"{series.name}, middle"
    )


def prepare(
    series: TiltSeries, configuration: Configuration
) -> tuple[TrainingData, HoldOut, Configuration]:
    """What trains, what is hidden from it, and the configuration with that series."""
    visible, held = split(series, EVERY)
    named = replace(
        configuration,
        data=replace(configuration.data, series=(series.name,), hold_out_every=0),
    )
    data = gather(named, {series.name: visible})
    thickness = data.series[0].thickness
    assert thickness is not None
    assert data.series[0].tilts.shape[1:] == series.image_shape, "give a series that needs no bins"
    return data, hold_out(visible, held, thickness, WHOLE), named


def seconds_per_step(network: LBN, data: TrainingData, configuration: Configuration) -> float:
    """Processor time of a step, on a copy."""
    state = TrainingState(copy.deepcopy(network), configuration.training)
    examples = prefetch(lambda: data.series, configuration.training, data.add_noise)
    state.step(examples)  # builds what later steps find ready
    began = time.process_time()
    for _ in range(TIMED_STEPS):
        state.step(examples)
    return (time.process_time() - began) / TIMED_STEPS


def tune(
    network: LBN,
    data: TrainingData,
    case: HoldOut,
    configuration: Configuration,
    marks: Sequence[int],
) -> Iterator[Tuned]:
    """Train a copy to the last of these steps, and score it at each."""
    settings = replace(configuration.training, steps=max(marks))
    state = TrainingState(copy.deepcopy(network), settings)
    examples = prefetch(lambda: data.series, settings, data.add_noise)
    busy, seconds = 0.0, 0.0
    for mark in sorted(marks):
        began, before = time.perf_counter(), time.process_time()
        while state.step_count < mark:
            state.step(examples)
        busy, seconds = (
            busy + time.process_time() - before,
            seconds + time.perf_counter() - began,
        )
        scores = score_network(state.average, [case])
        yield Tuned(scores=scores, steps=mark, cpu_seconds=busy, seconds=seconds)


def print_row(name: str, found: Tuned) -> None:
    """One line of the table."""
    cells = " | ".join(f"{c:.3f}" for c in found.scores.correlations)
    spent = (
        f"{found.steps} | {found.cpu_seconds:.0f} | {found.seconds:.0f}" if found.steps else "||"
    )
    print(f"| {name} | {cells} | {found.scores.mse:.4f} | {spent} |", flush=True)


def measure(given: argparse.Namespace) -> dict[str, Tuned]:
    """Every row of the table, printed as it comes."""
    configuration = read_configuration("fine-tune", (f"start={given.start}", *given.set))
    series = read(given.series, given.crop, given.pixel_size)
    network, configuration = make_network(configuration)
    data, case, configuration = prepare(series, configuration)
    shape = " x ".join(map(str, series.image_shape))
    print(f"{series.name}, {shape}: {len(case.target_angles)} hidden tilts\n")
    print("| | full | 2 x 2 | 4 x 4 | MSE | steps | CPU s | wall s |")
    print(f"|{'---|' * 8}")
    rows = {
        "WBP re-projection": Tuned(scores=score_predictor(wbp_reprojection, [case])),
        "neighbours": Tuned(scores=score_predictor(lambda v, a, t, _: neighbours(v, a, t), [case])),
        "LBN before": Tuned(scores=score_network(network.eval(), [case])),
    }
    for name, row in rows.items():
        print_row(name, row)
    step = seconds_per_step(network, data, configuration)
    minutes = sorted(given.minutes)
    marks = [max(round(60 * m * given.cores / step), 1) for m in minutes]
    tuned = tune(network, data, case, configuration, marks) if marks else ()
    for length, row in zip(minutes, tuned, strict=True):
        rows[f"LBN after {length:g} min"] = row
        print_row(f"LBN after {length:g} min", row)
    return rows


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("series", type=Path)
    parser.add_argument("--minutes", type=float, nargs="*", default=(1.0, 5.0))
    parser.add_argument("--cores", type=int, default=2, help="that a minute stands for")
    parser.add_argument("--crop", type=lambda text: tuple(map(int, text.split(","))))
    parser.add_argument("--pixel-size", type=float, help="in angstrom, where the file has none")
    parser.add_argument("--start", default="base")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    rows = measure(given)
    if given.json:
        with atomic_path(given.json) as temporary:
            found = {name: asdict(row) for name, row in rows.items()}
            temporary.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
