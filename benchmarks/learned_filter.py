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
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np
import torch
from learned_filter_figures import EARLY, PLANE, RAMP, ROUND, ZERO, draw, print_phenomena

from napari_lbn.engine.events import drain
from napari_lbn.engine.geometry import measured_weights
from napari_lbn.engine.reconstruction import filter_tilts
from napari_lbn.engine.reconstruction.learned import (
    Example,
    FilterConfig,
    FilterTraining,
    LearnedFilter,
    LossSettings,
    hold_out_examples,
    load_filter,
    save_filter,
    simulated_examples,
    train_filter,
    transfer,
)
from napari_lbn.engine.reconstruction.learned.back_projection import RowBackProjector
from napari_lbn.engine.reconstruction.learned.self_supervision import FOLDS, HoldOut

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

KINDS = [
    ("tilt-2d", "ramp"),
    ("tilt-2d", "zero"),
    ("3d", "ramp"),
    ("separable", "ramp"),
    ("separable", "symmetric-ramp"),
    ("tilt-1d", "ramp"),
    ("plane-2d", "ramp"),
    ("plane-2d", "symmetric-ramp"),
    ("plane-2d", "zero"),
    ("radial", "ramp"),
]
AVERAGED = 4
EARLY_SHARE = 10
"""One in so many steps of a training: where the start can still be told."""


@dataclass(frozen=True, kw_only=True)
class Scores:
    """A reconstruction against the truth."""

    correlation: float
    misfit: float
    low: float
    high: float


def score(volume: np.ndarray, truth: np.ndarray) -> Scores:
    """Correlation, misfit at the best scale, and FSC of low and of high frequencies."""
    a, b = volume - volume.mean(), truth - truth.mean()
    scale = (a * b).sum() / max((a * a).sum(), 1e-30)
    spectra = np.fft.rfftn(a), np.fft.rfftn(b)
    grid = [np.fft.fftfreq(n) for n in truth.shape[:2]] + [np.fft.rfftfreq(truth.shape[2])]
    radius = np.sqrt(sum(f**2 for f in np.meshgrid(*grid, indexing="ij")))

    def fsc(inside: np.ndarray) -> float:
        one, other = spectra[0][inside], spectra[1][inside]
        power = np.sqrt((np.abs(one) ** 2).sum() * (np.abs(other) ** 2).sum())
        return float((one * other.conj()).sum().real / max(power, 1e-30))

    return Scores(
        correlation=float((a * b).sum() / max(np.sqrt((a * a).sum() * (b * b).sum()), 1e-30)),
        misfit=float(((scale * a - b) ** 2).mean() / (b * b).mean()),
        low=fsc(radius < 0.1),
        high=fsc((radius > 0.2) & (radius < 0.5)),
    )


def reconstruct(example: Example, filtered: Callable[[Tensor], Tensor]) -> np.ndarray:
    """Back-projection of filtered tilts, ``(z, y, x)``."""
    back_project = RowBackProjector(example.angles, example.tilts.shape[2], example.thickness)
    with torch.no_grad():
        tilts = filtered(torch.from_numpy(example.tilts))
        parts = [back_project(tilts[:, y : y + 64]) for y in range(0, tilts.shape[1], 64)]
    return torch.cat(parts, dim=1).numpy()


class Keeper:
    """Learns filters, and keeps them in a folder so that a stopped run goes on.

    Filters of other data or settings are learned anew.

    Parameters
    ----------
    folder : Path or None
        Where they are kept; None keeps nothing.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def learn(
        self,
        name: str,
        config: FilterConfig,
        examples: Sequence[Example],
        training: FilterTraining,
    ) -> tuple[LearnedFilter, float]:
        """A filter learned on these examples, and the processor's seconds that it took."""
        data = b"".join(example.tilts.tobytes() for example in examples)
        made = {"data": f"{crc32(data):08x}", "training": json.loads(json.dumps(asdict(training)))}
        path = None
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
            stem = "".join(c if c.isalnum() or c == "-" else "_" for c in name)
            path = self._folder / f"{stem}.safetensors"
        if path is not None and path.exists():
            model, description = load_filter(path)
            same = {key: description.get(key) for key in made} == made
            if same and model.config == config:
                return model, description["seconds"]
        model, start = LearnedFilter(config), process_time()
        history = drain(train_filter(model, examples, training))
        seconds = process_time() - start
        if path is not None:
            save_filter(path, model, {**made, "seconds": seconds, "fidelity": history})
        return model, seconds


def config_for(example: Example, variant: str, initial: str, **more: bool) -> FilterConfig:
    """A filter for the tilts of an example."""
    return FilterConfig(
        angles=tuple(example.angles),
        shape=example.tilts.shape[1:],
        variant=variant,
        initial=initial,
        **more,
    )


def print_row(name: str, found: Scores, seconds: float | None = None) -> None:
    """One line of a table."""
    took = "" if seconds is None else f"{seconds:>9.1f}"
    numbers = f"{found.correlation:>12.3f}{found.misfit:>9.3f}{found.low:>9.3f}{found.high:>9.3f}"
    print(f"{name:<38}{numbers}{took}", flush=True)


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
