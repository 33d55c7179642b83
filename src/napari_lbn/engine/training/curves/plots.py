"""Drawing a training's curves, baselines as horizontal lines: for files and docks alike."""

from __future__ import annotations

import math
from itertools import cycle
from typing import TYPE_CHECKING

from ...errors import InputError
from ...io import atomic_path
from ..folder.events import AS_STARTED
from ..folder.log import CORRELATIONS
from .read import CURVES, Curves
from .scale import scale_to

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TRAINING, HELD_OUT = "C0", "C1"
GREY = "0.6"
"""Of the baselines: seen on white and on black."""
STYLES = ("--", ":", "-.")
WORDS = 8
"""Points of the text that names baselines out of view."""


def draw_training(axes: Axes, curves: Curves, steps: Sequence[tuple[float, float]] = ()) -> None:
    """Draw the loss over the epochs.

    Its tilts are hidden and turned as they come: it compares with itself alone, and is drawn
    apart from held-out tilts and baselines.

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
        axes.plot(*zip(*steps, strict=True), color=TRAINING, alpha=0.9, linewidth=0.8)
    _draw(axes, curves.epochs, curves.training, color=TRAINING, label="training")
    _name_axes(axes, "loss")


def draw_error(axes: Axes, curves: Curves) -> None:
    """Draw the mean square error on held-out tilts, in variances."""
    _draw_held_out(axes, curves, curves.validation, "validation_mse")
    _name_axes(axes, "held-out error")


def draw_correlation(axes: Axes, curves: Curves, scale: int = 0) -> None:
    """Draw the correlation with held-out tilts; `scale` is an index into `FACTORS`."""
    values = curves.correlations[scale] if curves.correlations else ()
    _draw_held_out(axes, curves, values, CORRELATIONS[scale])
    _name_axes(axes, "held-out correlation")


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
    if not curves.validated:
        draw_training(figure.subplots(), curves)
        return
    training, error, correlations = figure.subplots(1, 3)
    draw_training(training, curves)
    draw_error(error, curves)
    draw_correlation(correlations, curves)
    for axes in (error, correlations):
        axes.legend(fontsize="small")


def write_curves(folder: Path) -> Path | None:
    """Write ``curves.png``; None where matplotlib is not installed."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return None
    figure = Figure(figsize=(12, 3.5), layout="constrained")
    draw_curves(figure, folder)
    path = folder / CURVES
    with atomic_path(path) as temporary:
        figure.savefig(temporary, dpi=120, format="png")
    return path


def _name_axes(axes: Axes, values: str) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.set(xlabel="epoch", ylabel=values)
    axes.set_xlim(left=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _draw_held_out(axes: Axes, curves: Curves, values: Sequence[float], column: str) -> None:
    """The curve of held-out tilts from the start on, baselines near it, and far ones in words."""
    baselines = {name: row[column] for name, row in curves.baselines.items() if column in row}
    epochs = curves.epochs
    if AS_STARTED in baselines and values:
        epochs, values = (0, *epochs), (baselines[AS_STARTED], *values)
    _draw(axes, epochs, values, color=HELD_OUT, label="LBN")
    scale = scale_to(values, baselines)
    if scale is None:
        return
    for style, (name, value) in zip(cycle(STYLES), baselines.items(), strict=False):
        if value in scale:
            axes.axhline(value, linestyle=style, color=GREY, linewidth=1, label=name, zorder=1)
    axes.set_ylim(scale.low, scale.high)
    _name_far(axes, "↓", scale.below)
    _name_far(axes, "↑", scale.above)


def _name_far(axes: Axes, arrow: str, far: Mapping[str, float]) -> None:
    """What lies beyond an edge, in words at that edge."""
    words = " · ".join(f"{name} {value:.3f}" for name, value in far.items())
    height, side = (0.03, "bottom") if arrow == "↓" else (0.97, "top")
    if words:
        axes.text(
            0.98, height, f"{arrow} {words}", transform=axes.transAxes, ha="right", va=side,
            fontsize=WORDS, color=GREY,
        )  # fmt: skip


def _draw(
    axes: Axes, epochs: Sequence[float], values: Sequence[float], *, color: str, label: str
) -> None:
    """One curve, if there is any; a single epoch is no line and gets a marker."""
    if not all(math.isnan(value) for value in values):
        marker = "o" if len(epochs) == 1 else ""
        axes.plot(epochs, values, color=color, linewidth=2, marker=marker, label=label)
