"""The learned filter beside plain back-projection, and the four phenomena of the document.

    python benchmarks/learned_filter.py [--size 32,64,96] [--tilts 61] [--steps 150] [--out DIR]
    python benchmarks/learned_filter.py --size 90,256,256 --steps 300 --rows 32 --out DIR
    python benchmarks/learned_filter.py --series TS.mrc --thickness 100

Trains on simulated volumes 1 to 9 and tests on volume 0, 61 tilts in +-60 degrees, as the
document does; the second line is its size. Prints a table of every variant and start, of
transfers to 35 tilts, and with ``--series`` of held-out tilts of a real one. What is learned
is kept in ``--out``: the same command goes on where it was stopped, and draws (needs
matplotlib) what ``learned_filter_figures.py`` lists.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from learned_filter_figures import EARLY, PLANE, RAMP, ROUND, ZERO, draw, print_phenomena
from learned_filter_parts import KINDS, Keeper, config_for, print_row, reconstruct, score
from learned_filter_series import compare_on_series

from napari_lbn.engine.angular_weights import measured_weights
from napari_lbn.engine.reconstruction import filter_tilts
from napari_lbn.engine.reconstruction.learned import (
    Example,
    FilterTraining,
    LearnedFilter,
    LossSettings,
    simulated_examples,
    transfer,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

EARLY_SHARE = 10
"""One in so many steps of a training: where the start can still be told."""


def compare_variants(
    test: Example, examples: Sequence[Example], training: FilterTraining, keeper: Keeper
) -> tuple[dict[str, LearnedFilter], dict[str, np.ndarray]]:
    """The table of all kinds on the test volume."""
    header = f"{'correlation':>12}{'misfit':>9}{'FSC low':>9}{'FSC high':>9}{'CPU s':>9}"
    print(f"{'volume 0, not seen in training':<38}{header}")
    models: dict[str, LearnedFilter] = {}
    volumes: dict[str, np.ndarray] = {}
    for name in ("ramp", "shepp-logan", "hamming"):
        volumes[name] = reconstruct(test, lambda tilts, name=name: filter_tilts(tilts, name))
        print_row(f"plain FBP, {name}", score(volumes[name], test.truth))
    regularized = replace(training, loss=LossSettings(fidelity="huber", tv_volume=0.5))
    runs = [(variant, initial, training, {}) for variant, initial in KINDS]
    runs += [("tilt-2d", "ramp", regularized, {}), ("tilt-2d", "ramp", training, {"padding": True})]
    for variant, initial, settings, more in runs:
        notes = ["Huber + TV"] * (settings is regularized) + ["padded"] * bool(more)
        name = ", ".join([variant, f"from {initial}", *notes])
        config = config_for(test, variant, initial, **more)
        models[name], seconds = keeper.learn(name, config, examples, settings)
        volumes[name] = reconstruct(test, models[name])
        print_row(name, score(volumes[name], test.truth), seconds)
    volumes["truth"] = test.truth
    short = replace(training, steps=max(training.steps // EARLY_SHARE, 1))
    for name in (RAMP, ZERO, PLANE, ROUND):
        config, early = models[name].config, name + EARLY
        models[early], seconds = keeper.learn(early, config, examples, short)
        volumes[early] = reconstruct(test, models[early])
        print_row(early, score(volumes[early], test.truth), seconds)
    return models, volumes


def compare_transfers(
    model: LearnedFilter,
    shape: tuple[int, int, int],
    options: argparse.Namespace,
    training: FilterTraining,
    keeper: Keeper,
) -> dict[str, LearnedFilter]:
    """A filter of many tilts taken to 35, as the document's real data have."""
    angles = np.linspace(-57, 57, 35)
    seeds = range(options.volumes + 1)
    test, *examples = simulated_examples(seeds, shape, angles, snr=options.snr)
    print("\nat 35 other tilts")
    for name in ("ramp", "hamming"):
        plain = reconstruct(test, lambda tilts, name=name: filter_tilts(tilts, name))
        print_row(f"plain FBP, {name}", score(plain, test.truth))
    models = {}
    for method in ("linear", "polynomial"):
        models[method] = transfer(model, angles, method=method)
        found = score(reconstruct(test, models[method]), test.truth)
        print_row(f"{method} over the angle", found)
    both = LossSettings(fidelity="huber", tv_volume=0.5, tv_filtered=0.5)
    runs = {"regenerated": training, "regenerated, Huber + TV (15)": replace(training, loss=both)}
    for name, settings in runs.items():
        config = config_for(test, model.config.variant, "ramp")
        models[name], seconds = keeper.learn(f"35 {name}", config, examples, settings)
        print_row(
            f"projections {name}", score(reconstruct(test, models[name]), test.truth), seconds
        )
    return models


def compare_on_volumes(options: argparse.Namespace, training: FilterTraining) -> None:
    """All tables of simulated volumes, and the figures."""
    shape = tuple(int(part) for part in options.size.split(","))
    angles = np.linspace(-60, 60, options.tilts)
    weights = measured_weights(angles).sum()
    print(f"{shape} (z, y, x), {options.tilts} tilts ({np.rad2deg(weights):.0f} degrees), ", end="")
    print(f"{options.volumes} volumes, SNR {options.snr:g}, {options.steps} steps\n")
    test, *examples = simulated_examples(range(options.volumes + 1), shape, angles, snr=options.snr)
    keeper = Keeper(options.out)
    models, volumes = compare_variants(test, examples, training, keeper)
    print_phenomena(models, volumes)
    moved = compare_transfers(models["tilt-2d, from ramp"], shape, options, training, keeper)
    if options.out is not None:
        draw(options.out, {**models, **moved}, volumes)


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="32,64,96", help="z,y,x")
    parser.add_argument("--tilts", type=int, default=61)
    parser.add_argument("--volumes", type=int, default=9)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--rate", type=float, default=3e-2)
    parser.add_argument("--rows", type=int, default=16)
    parser.add_argument("--snr", type=float, default=0.5)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--series", type=Path)
    parser.add_argument("--thickness", type=int, default=100)
    options = parser.parse_args()
    training = FilterTraining(steps=options.steps, rows=options.rows, learning_rate=options.rate)
    if options.series is not None:
        compare_on_series(options.series, options.thickness, training, options.out)
    else:
        compare_on_volumes(options, training)


if __name__ == "__main__":
    main()
