"""The training's curves, baselines as horizontal lines: one drawing for files and docks."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..errors import InputError
from ..io.output import atomic_path
from .log import CORRELATIONS, read_baselines, read_log

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

CURVES = "curves.png"
GREY = "0.55"
"""Of the baselines: seen on white and on black."""
STYLES = ("--", ":", "-.")


@dataclass(frozen=True, kw_only=True)
class Curves:
    """What a training has logged.

    Attributes
    ----------
    epochs : tuple of int
        One for each value below.
    training : tuple of float
        Mean loss of each epoch.
    validation : tuple of float
        MSE on the held-out tilts in variances; NaN where there are none.
    correlations : tuple of tuple of float
        On the held-out tilts, one tuple for each of `validation.FACTORS`.
    baselines : mapping
        Columns of the log by the baseline's name.
    """

    epochs: tuple[int, ...] = ()
    training: tuple[float, ...] = ()
    validation: tuple[float, ...] = ()
    correlations: tuple[tuple[float, ...], ...] = ()
    baselines: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> Curves:
        """The curves of the training in `folder`, empty where nothing was logged yet."""
        rows = read_log(folder)

        def column(name: str) -> tuple[float, ...]:
            return tuple(float(row.get(name) or "nan") for row in rows)

        return cls(
            epochs=tuple(int(row["epoch"]) for row in rows),
            training=column("loss"),
            validation=column("validation_mse"),
            correlations=tuple(column(name) for name in CORRELATIONS),
            baselines=read_baselines(folder),
        )


def draw_losses(axes: Axes, curves: Curves, steps: Sequence[tuple[float, float]] = ()) -> None:
    """Draw the losses over the epochs.

    Parameters
    ----------
    axes : Axes
        Of matplotlib.
    curves : Curves
        What was logged.
    steps : sequence of (float, float)
        Epochs so far, with fraction, and the loss of single steps: drawn thinly.
    """
    if steps:
        axes.plot(*zip(*steps, strict=True), color="C0", alpha=0.35, linewidth=0.7)
    marker = _marker(curves)
    axes.plot(curves.epochs, curves.training, color="C0", marker=marker, label="training")
    if _known(curves.validation):
        axes.plot(
            curves.epochs, curves.validation, color="C1", marker=marker, label="held-out tilts"
        )
    _lines(axes, curves, "validation_mse")
    axes.set(xlabel="epoch", ylabel="MSE (variances)")


def draw_correlation(axes: Axes, curves: Curves, scale: int = 0) -> None:
    """Draw the correlation with held-out tilts; `scale` is an index into `FACTORS`."""
    values = curves.correlations[scale] if curves.correlations else ()
    if _known(values):
        axes.plot(curves.epochs, values, color="C1", marker=_marker(curves), label="LBN")
    _lines(axes, curves, CORRELATIONS[scale])
    axes.set(xlabel="epoch", ylabel="correlation, held-out tilts")


def draw_curves(figure: Figure, folder: Path) -> None:
    """Draw losses and correlation of the training in `folder`.

    Raises
    ------
    InputError
        There is no log.
    """
    curves = Curves.read(folder)
    if not curves.epochs:
        raise InputError(f"{folder} holds no training log yet.")
    figure.clear()
    losses, correlations = figure.subplots(1, 2)
    draw_losses(losses, curves)
    draw_correlation(correlations, curves)
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


def _known(values: Sequence[float]) -> bool:
    return not all(math.isnan(value) for value in values)


def _marker(curves: Curves) -> str:
    """A single epoch is no line: without a marker it could not be seen."""
    return "o" if len(curves.epochs) == 1 else ""


def _lines(axes: Axes, curves: Curves, column: str) -> None:
    for number, (name, values) in enumerate(curves.baselines.items()):
        if column in values:
            style = STYLES[number % len(STYLES)]
            axes.axhline(values[column], linestyle=style, color=GREY, label=name)
