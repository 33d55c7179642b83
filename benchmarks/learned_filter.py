"""The learned filter beside plain back-projection, and the four phenomena of the document.

    python benchmarks/learned_filter.py [--size 32,64,96] [--tilts 61] [--steps 150] [--out DIR]
    python benchmarks/learned_filter.py --series TS.mrc --thickness 100

Trains on simulated volumes 1 to 9 and tests on volume 0, as the document does; its size is
``--size 90,256,256 --tilts 61`` (GPU, or hours). Prints a table of every variant and start,
of transfers to 35 tilts, and with ``--series`` of held-out tilts of a real one; draws with
``--out`` (needs matplotlib):

- ``1_low_frequencies.png``: profiles change at low frequencies (figures 5 to 9);
- ``2_edge_blurring.png``: beta_1 alone blurs edges (figure 10);
- ``3_anisotropy.png``: the start from the ramp along x stays anisotropic (figure 11);
- ``4_over_smoothing.png``: the start from zero smooths too much (figure 12).
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
import torch

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
    plane_response,
    radial_profile,
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


def learn(
    variant: str, initial: str, examples: Sequence[Example], training: FilterTraining, **more: bool
) -> tuple[LearnedFilter, float]:
    """A filter learned on these examples, and the seconds that it took."""
    model = LearnedFilter(
        FilterConfig(
            angles=tuple(examples[0].angles),
            shape=examples[0].tilts.shape[1:],
            variant=variant,
            initial=initial,
            **more,
        )
    )
    start = perf_counter()
    drain(train_filter(model, examples, training))
    return model, perf_counter() - start


def print_row(name: str, found: Scores, seconds: float | None = None) -> None:
    """One line of a table."""
    took = "" if seconds is None else f"{seconds:>9.1f}"
    numbers = f"{found.correlation:>12.3f}{found.misfit:>9.3f}{found.low:>9.3f}{found.high:>9.3f}"
    print(f"{name:<38}{numbers}{took}", flush=True)


def compare_variants(
    test: Example, examples: Sequence[Example], training: FilterTraining
) -> tuple[dict[str, LearnedFilter], dict[str, np.ndarray]]:
    """The table of all kinds on the test volume."""
    header = f"{'correlation':>12}{'misfit':>9}{'FSC low':>9}{'FSC high':>9}{'seconds':>9}"
    print(f"{'volume 0, not seen in training':<38}{header}")
    models: dict[str, LearnedFilter] = {}
    volumes: dict[str, np.ndarray] = {}
    for name in ("ramp", "shepp-logan", "hamming"):
        volumes[name] = reconstruct(test, lambda tilts, name=name: filter_tilts(tilts, name))
        print_row(f"plain FBP, {name}", score(volumes[name], test.truth))
    runs = [(v, i, training, {}) for v, i in KINDS]
    huber = FilterTraining(
        steps=training.steps,
        rows=training.rows,
        learning_rate=training.learning_rate,
        loss=LossSettings(fidelity="huber", tv_volume=0.5),
    )
    runs += [("tilt-2d", "ramp", huber, {}), ("tilt-2d", "ramp", training, {"padding": True})]
    for variant, initial, settings, more in runs:
        notes = ["Huber + TV"] * (settings is huber) + ["padded"] * bool(more)
        name = ", ".join([variant, f"from {initial}", *notes])
        models[name], seconds = learn(variant, initial, examples, settings, **more)
        volumes[name] = reconstruct(test, models[name])
        print_row(name, score(volumes[name], test.truth), seconds)
    volumes["truth"] = test.truth
    return models, volumes


def compare_transfers(
    model: LearnedFilter, shape: tuple[int, int, int], snr: float, training: FilterTraining
) -> None:
    """A filter of many tilts taken to 35, as the document's real data have."""
    angles = np.linspace(-57, 57, 35)
    test, *examples = simulated_examples(range(5), shape, angles, snr=snr)
    print("\nat 35 other tilts")
    plain = reconstruct(test, lambda tilts: filter_tilts(tilts, "ramp"))
    print_row("plain FBP, ramp", score(plain, test.truth))
    for method in ("linear", "polynomial"):
        moved = transfer(model, angles, method=method)
        print_row(f"{method} over the angle", score(reconstruct(test, moved), test.truth))
    again, seconds = learn(model.config.variant, "ramp", examples, training)
    print_row("projections regenerated", score(reconstruct(test, again), test.truth), seconds)


def held_out_misfit(example: Example, filtered: LearnedFilter | str) -> float:
    """Mean over the folds of the misfit at held-out tilts of rays seen whole."""
    tilts = torch.from_numpy(example.tilts)
    rows = slice(0, tilts.shape[1])
    losses = []
    for k in range(FOLDS):
        fold = HoldOut(example, k)
        with torch.no_grad():
            if isinstance(filtered, str):
                visible = filter_tilts(tilts[fold.visible], filtered)
                volume = fold._back_project(visible)
            else:
                _, volume = fold.predict(filtered, tilts, rows)
            losses.append(float(fold.loss(volume, tilts, rows, LossSettings())))
    return float(np.mean(losses))


def compare_on_series(path: Path, thickness: int, training: FilterTraining) -> None:
    """Learned from the upper half of a real series, tested on the lower one."""
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
    print(f"\n{path.name}: misfit to held-out tilts of rows that were not learned from")
    for name in ("ramp", "shepp-logan", "hamming", "cosine"):
        print(f"{'plain FBP, ' + name:<38}{held_out_misfit(test, name):>12.4f}")
    for variant, initial in KINDS:
        model, seconds = learn(variant, initial, [example], training)
        misfit = held_out_misfit(test, model)
        print(f"{variant + ', from ' + initial:<38}{misfit:>12.4f}{seconds:>9.1f}", flush=True)


def draw(folder: Path, models: dict[str, LearnedFilter], volumes: dict[str, np.ndarray]) -> None:
    """The four phenomena."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    folder.mkdir(parents=True, exist_ok=True)
    middle = volumes["truth"].shape[0] // 2

    def slices(name: str, chosen: dict[str, str]) -> None:
        figure, axes = plt.subplots(2, len(chosen), figsize=(3 * len(chosen), 5))
        for column, (key, title) in enumerate(chosen.items()):
            for row, image in enumerate(
                (volumes[key][middle], volumes[key][:, volumes[key].shape[1] // 2])
            ):
                low, high = np.percentile(image, [1, 99])
                axes[row, column].imshow(image, cmap="gray", vmin=low, vmax=high)
                axes[row, column].set_axis_off()
            axes[0, column].set_title(title, fontsize=9)
        figure.tight_layout()
        figure.savefig(folder / name)
        plt.close(figure)

    figure, axes = plt.subplots(1, 2, figsize=(9, 3.5))
    start = LearnedFilter(models["tilt-2d, from ramp"].config)
    shown = {"ramp": start, **{k: models[k] for k in ("tilt-2d, from ramp", "3d, from ramp")}}
    for name, model in shown.items():
        for axis, top in zip(axes, (1.0, 0.3), strict=True):
            radius, profile = radial_profile(model)
            axis.plot(radius[radius <= top], profile[radius <= top], label=name)
            axis.set_xlabel("radius (Nyquist = 1)")
    axes[0].legend(fontsize=7)
    axes[0].set_title("normalized radial profiles", fontsize=9)
    axes[1].set_title("the low frequencies of them", fontsize=9)
    figure.tight_layout()
    figure.savefig(folder / "1_low_frequencies.png")
    plt.close(figure)
    slices(
        "2_edge_blurring.png",
        {
            "truth": "truth",
            "ramp": "plain FBP",
            "tilt-1d, from ramp": "beta_1 alone",
            "plane-2d, from ramp": "beta_2 alone",
            "tilt-2d, from ramp": "a filter for each tilt",
        },
    )
    figure, axes = plt.subplots(1, 2, figsize=(7, 3.5))
    for axis, initial in zip(axes, ("ramp", "symmetric-ramp"), strict=True):
        axis.imshow(plane_response(models[f"plane-2d, from {initial}"])[0], cmap="gray")
        axis.set_title(f"beta_2 learned from the {initial}", fontsize=9)
    figure.tight_layout()
    figure.savefig(folder / "3_anisotropy.png")
    plt.close(figure)
    slices(
        "4_over_smoothing.png",
        {
            "truth": "truth",
            "ramp": "plain FBP",
            "tilt-2d, from ramp": "from the ramp",
            "tilt-2d, from zero": "from zero",
        },
    )
    print(f"\nfour figures in {folder}")


def print_phenomena(models: dict[str, LearnedFilter], volumes: dict[str, np.ndarray]) -> None:
    """The same four as numbers."""
    start = radial_profile(LearnedFilter(models["tilt-2d, from ramp"].config))
    learned = radial_profile(models["tilt-2d, from ramp"])
    low = (start[0] > 0.02) & (start[0] < 0.25)
    gain = float((learned[1][low] / np.maximum(start[1][low], 1e-9)).mean())

    def edge(name: str) -> float:
        """Share of power above half of the Nyquist frequency: sharpness."""
        power = np.abs(np.fft.rfft(volumes[name], axis=2)) ** 2
        return float(power[..., power.shape[2] // 2 :].sum() / power[..., 1:].sum())

    def uneven(name: str) -> float:
        """Power along y over that along x of the filter: 1 where it is isotropic."""
        plane = np.abs(plane_response(models[name])[0])
        middle = plane.shape[0] // 2, (plane.shape[1] - 1) // 2
        return float(plane[:, middle[1]].mean() / max(plane[middle[0]].mean(), 1e-9))

    print("\nthe four phenomena, as numbers")
    print(f"1 low frequencies of the normalized profile, learned over ramp: {gain:.2f}")
    sharp = {n: edge(n) for n in ("truth", "ramp", "tilt-1d, from ramp", "plane-2d, from ramp")}
    print("2 power above half Nyquist:", ", ".join(f"{k} {v:.1e}" for k, v in sharp.items()))
    flat = {i: uneven(f"plane-2d, from {i}") for i in ("ramp", "symmetric-ramp")}
    print("3 response along ky over kx:", ", ".join(f"{k} {v:.2f}" for k, v in flat.items()))
    smooth = {n: edge(n) for n in ("tilt-2d, from ramp", "tilt-2d, from zero")}
    print("4 power above half Nyquist:", ", ".join(f"{k} {v:.1e}" for k, v in smooth.items()))


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="32,64,96", help="z,y,x")
    parser.add_argument("--tilts", type=int, default=61)
    parser.add_argument("--volumes", type=int, default=9)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--rate", type=float, default=3e-3)
    parser.add_argument("--rows", type=int, default=16)
    parser.add_argument("--snr", type=float, default=0.5)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--series", type=Path)
    parser.add_argument("--thickness", type=int, default=100)
    options = parser.parse_args()
    training = FilterTraining(steps=options.steps, rows=options.rows, learning_rate=options.rate)
    if options.series is not None:
        compare_on_series(options.series, options.thickness, training)
        return
    shape = tuple(int(part) for part in options.size.split(","))
    angles = np.linspace(-60, 60, options.tilts)
    weights = measured_weights(angles).sum()
    print(f"{shape} (z, y, x), {options.tilts} tilts ({np.rad2deg(weights):.0f} degrees), ", end="")
    print(f"{options.volumes} volumes, SNR {options.snr:g}, {options.steps} steps\n")
    test, *examples = simulated_examples(range(options.volumes + 1), shape, angles, snr=options.snr)
    models, volumes = compare_variants(test, examples, training)
    print_phenomena(models, volumes)
    compare_transfers(models["tilt-2d, from ramp"], shape, options.snr, training)
    if options.out is not None:
        draw(options.out, models, volumes)


if __name__ == "__main__":
    main()
