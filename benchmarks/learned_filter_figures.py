"""The four phenomena that the document on the learned filter discusses, drawn and as numbers.

Called by ``learned_filter.py``:

- ``1_low_frequencies.png``: the filter, before and after, and its profiles, which change at
  low frequencies; interpolated and retrained for other angles too (figures 5 to 9);
- ``2_edge_blurring.png``: beta_1 alone blurs edges (figure 10);
- ``3_anisotropy.png``: the start from the ramp along x is anisotropic, the symmetric one less
  so (figure 11), early in the training; both end alike;
- ``4_over_smoothing.png``: the start from zero smooths too much (figure 12), again early.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_lbn.engine.reconstruction.learned import (
    LearnedFilter,
    plane_response,
    radial_profile,
)

if TYPE_CHECKING:
    from pathlib import Path

RAMP, ZERO = "tilt-2d, from ramp", "tilt-2d, from zero"
BLURRED, PLANE, ROUND = "tilt-1d, from ramp", "plane-2d, from ramp", "plane-2d, from symmetric-ramp"
EARLY = ", early"
PERCENTILES = 1, 99.5


def draw(folder: Path, models: dict[str, LearnedFilter], volumes: dict[str, np.ndarray]) -> None:
    """All four figures."""
    import matplotlib as mpl

    mpl.use("Agg")
    folder.mkdir(parents=True, exist_ok=True)
    _save(_low_frequencies(models), folder / "1_low_frequencies.png")
    plain = {"truth": "truth", "ramp": "plain FBP, ramp"}
    edges = {BLURRED: "beta_1 alone", PLANE: "beta_2 alone", RAMP: "a filter for each tilt"}
    _save(_slices(volumes, plain | edges), folder / "2_edge_blurring.png")
    _save(_anisotropy(models, volumes), folder / "3_anisotropy.png")
    starts = {
        name + stage: f"{words}, {when}"
        for stage, when in ((EARLY, "early"), ("", "at the end"))
        for name, words in ((RAMP, "from the ramp"), (ZERO, "from zero"))
    }
    _save(_slices(volumes, plain | starts), folder / "4_over_smoothing.png")
    print(f"\nfour figures in {folder}")


def _low_frequencies(models: dict[str, LearnedFilter]) -> Any:
    from matplotlib import pyplot as plt

    start = LearnedFilter(models[RAMP].config)
    figure, axes = plt.subplots(1, 4, figsize=(14, 3.6), width_ratios=(1, 1, 1.2, 1.2))
    untilted = len(start.config.angles) // 2
    top = float(plane_response(start).max())
    titles = ("the ramp", "learned, tilt at 0°")
    for axis, model, title in zip(axes, (start, models[RAMP]), titles, strict=False):
        axis.imshow(plane_response(model)[untilted], cmap="gray", vmin=0, vmax=top)
        axis.set_title(title, fontsize=9)
        axis.set_axis_off()
    shown = {
        "ramp": start,
        "learned, 61 tilts": models[RAMP],
        "learned, over tilts too": models["3d, from ramp"],
        "interpolated to 35": models["polynomial"],
        "retrained at 35": models["regenerated"],
    }
    for name, model in shown.items():
        style = "--" if "35" in name else "-"
        for axis, normalized, end in ((axes[2], True, 1.0), (axes[3], False, 0.25)):
            radius, profile = radial_profile(model, normalized=normalized)
            axis.plot(radius[radius <= end], profile[radius <= end], style, label=name)
            axis.set_xlabel("radius (Nyquist = 1)")
    axes[2].legend(fontsize=7)
    axes[2].set_title("radial profiles, largest value 1", fontsize=9)
    axes[3].set_title("low frequencies, as they are", fontsize=9)
    return figure


def _slices(volumes: dict[str, np.ndarray], chosen: dict[str, str]) -> Any:
    """The middle of each volume, across z above and across y below."""
    from matplotlib import pyplot as plt

    depth, height, width = volumes["truth"].shape
    figure, axes = plt.subplots(
        2,
        len(chosen),
        figsize=(3 * len(chosen), 3 * (height + depth) / width + 0.5),
        height_ratios=(height, depth),
        layout="constrained",
    )
    for column, (key, title) in enumerate(chosen.items()):
        volume = volumes[key]
        for axis, image in zip(
            axes[:, column], (volume[depth // 2], volume[:, height // 2]), strict=True
        ):
            low, high = np.percentile(image, PERCENTILES)
            axis.imshow(image, cmap="gray", vmin=low, vmax=high)
            axis.set_axis_off()
        axes[0, column].set_title(title, fontsize=9)
    return figure


def _anisotropy(models: dict[str, LearnedFilter], volumes: dict[str, np.ndarray]) -> Any:
    """Filter and section of both starts, early on the left and at the end on the right."""
    from matplotlib import pyplot as plt

    height, width = volumes["truth"].shape[1:]
    size = 13, 2 * (3.2 * height / width + 0.3)
    figure, axes = plt.subplots(2, 4, figsize=size, layout="constrained")
    starts = ((PLANE, "ramp along x"), (ROUND, "symmetric ramp"))
    for row, (name, start) in zip(axes, starts, strict=True):
        for left, (stage, when) in zip((0, 2), ((EARLY, "early"), ("", "at the end")), strict=True):
            row[left].imshow(plane_response(models[name + stage])[0], cmap="gray")
            row[left].set_title(f"beta_2 from the {start}, {when}", fontsize=9)
            volume = volumes[name + stage]
            image = volume[volume.shape[0] // 2]
            low, high = np.percentile(image, PERCENTILES)
            row[left + 1].imshow(image, cmap="gray", vmin=low, vmax=high)
            row[left + 1].set_title("what it reconstructs", fontsize=9)
        for axis in row:
            axis.set_axis_off()
    return figure


def _save(figure: Any, path: Path) -> None:
    from matplotlib import pyplot as plt

    if figure.get_layout_engine() is None:
        figure.tight_layout()
    figure.savefig(path, dpi=110)
    plt.close(figure)


def print_phenomena(models: dict[str, LearnedFilter], volumes: dict[str, np.ndarray]) -> None:
    """The same four as numbers."""
    start = radial_profile(LearnedFilter(models[RAMP].config))
    learned = radial_profile(models[RAMP])
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
    sharp = {n: edge(n) for n in ("truth", "ramp", BLURRED, PLANE)}
    print("2 power above half Nyquist:", ", ".join(f"{k} {v:.1e}" for k, v in sharp.items()))
    flat = {name: uneven(name) for name in (PLANE + EARLY, ROUND + EARLY, PLANE, ROUND)}
    print("3 response along ky over kx:", ", ".join(f"{k} {v:.2f}" for k, v in flat.items()))
    smooth = {n: edge(n) for n in ("truth", RAMP + EARLY, ZERO + EARLY, RAMP, ZERO)}
    print("4 power above half Nyquist:", ", ".join(f"{k} {v:.1e}" for k, v in smooth.items()))
