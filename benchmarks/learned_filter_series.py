"""Learned filters on a real series, whose held-out tilts tell; see ``learned_filter.py``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from learned_filter_parts import KINDS, Keeper, config_for
from torch import Tensor

from napari_lbn.engine.reconstruction import filter_tilts
from napari_lbn.engine.reconstruction.learned import (
    Example,
    FilterTraining,
    LearnedFilter,
    hold_out_examples,
)
from napari_lbn.engine.reconstruction.learned.self_supervision import FOLDS, HoldOut

if TYPE_CHECKING:
    from pathlib import Path

AVERAGED = 4
"""Pixels to a side that are averaged: most of a single pixel is noise."""


def held_out_misfits(example: Example, filtered: LearnedFilter | str) -> tuple[float, float]:
    """Misfit at held-out tilts of rays seen whole, mean over the folds.

    Of single pixels, most of which is noise, and of means over 4 x 4 pixels.
    """
    tilts = torch.from_numpy(example.tilts)
    rows = slice(0, tilts.shape[1])
    found = []
    for k in range(FOLDS):
        fold = HoldOut(example, k)
        with torch.no_grad():
            if isinstance(filtered, str):
                volume = fold.back_project(filter_tilts(tilts[fold.visible], filtered))
            else:
                _, volume = fold.predict(filtered, tilts, rows)
            predicted, target = fold.re_project(volume), tilts[fold.hidden]
        found.append([misfit(predicted, target, fold.seen, n) for n in (1, AVERAGED)])
    single, averaged = np.mean(found, axis=0)
    return float(single), float(averaged)


def misfit(predicted: Tensor, target: Tensor, seen: Tensor, n: int) -> float:
    """Squared error over squared target of means over n x n pixels, all of them seen."""
    error, target, seen = (
        torch.nn.functional.avg_pool2d(part[:, None], n)[:, 0]
        for part in (predicted - target, target, seen.expand_as(target))
    )
    whole = (seen > 1 - 1e-6).to(error)
    return float((error**2 * whole).sum() / (target**2 * whole).sum())


def compare_on_series(
    path: Path, thickness: int, training: FilterTraining, out: Path | None
) -> None:
    """Learned from the lower half of a real series' rows, tested on the upper one."""
    from napari_lbn.engine.correct import measure_intensities
    from napari_lbn.engine.correct.sources import measured_source
    from napari_lbn.engine.io import open_tilt_series

    series = open_tilt_series(path)
    source = measured_source(series, measure_intensities(series))
    half = series.image_shape[0] // 2
    test, example = (
        hold_out_examples(source.read_rows(rows), source.angles, thickness)[0]
        for rows in (slice(0, half), slice(half, 2 * half))
    )
    keeper = Keeper(out)
    print(f"\n{path.name}: misfit to held-out tilts of rows that were not learned from")
    print(f"{'':<38}{'pixels':>12}{'4 x 4':>9}{'CPU s':>9}")
    for name in ("ramp", "shepp-logan", "hamming", "cosine"):
        found = held_out_misfits(test, name)
        print(f"{'plain FBP, ' + name:<38}{found[0]:>12.3f}{found[1]:>9.3f}", flush=True)
    for variant, initial in KINDS:
        name = f"{variant}, from {initial}"
        config = config_for(example, variant, initial)
        model, seconds = keeper.learn(name, config, [example], training)
        found = held_out_misfits(test, model)
        print(f"{name:<38}{found[0]:>12.3f}{found[1]:>9.3f}{seconds:>9.1f}", flush=True)
