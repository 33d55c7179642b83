"""The training's curves as a picture, baselines as horizontal lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import InputError
from ..io.output import atomic_path
from .log import CORRELATIONS, read_baselines, read_log

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CURVES = "curves.png"


def draw_curves(figure: Figure, folder: Path) -> None:
    """Draw losses and correlation of the training in `folder`; also for the dock's canvas.

    Raises
    ------
    InputError
        There is no log.
    """
    rows, baselines = read_log(folder), read_baselines(folder)
    if not rows:
        raise InputError(f"{folder} holds no training log yet.")
    figure.clear()
    losses, correlations = figure.subplots(1, 2)
    epochs = [int(row["epoch"]) for row in rows]
    losses.plot(epochs, [float(row["loss"]) for row in rows], label="training")
    for axes, column, label in (
        (losses, "validation_mse", "held-out tilts"),
        (correlations, CORRELATIONS[0], "LBN"),
    ):
        if rows[-1].get(column):
            values = [float(row[column] or "nan") for row in rows]
            axes.plot(epochs, values, label=label)
        _lines(axes, {n: v[column] for n, v in baselines.items() if column in v})
    losses.set(xlabel="epoch", ylabel="MSE (variances)")
    correlations.set(xlabel="epoch", ylabel="correlation, held-out tilts")
    for axes in (losses, correlations):
        if axes.get_legend_handles_labels()[0]:
            axes.legend(fontsize="small")


def write_curves(folder: Path) -> Path | None:
    """Write ``curves.png``; None where matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return None
    figure = Figure(figsize=(9, 3.5), layout="constrained")
    draw_curves(figure, folder)
    path = folder / CURVES
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=120, format="png")
    return path


def _lines(axes: Axes, values: dict[str, float]) -> None:
    for number, (name, value) in enumerate(values.items()):
        axes.axhline(value, linestyle=("--", ":", "-.")[number % 3], color="0.4", label=name)
