"""Figures of an evaluation, drawn with matplotlib (extra "napari" of the package)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import InputError
from ..hold_out.ceiling import MEASURED
from ..metrics import BANDS, FULL
from ..prediction.predictors import (
    ADAPTED_NAME,
    LBN_NAME,
    LOW_PASSED,
    NEAREST_NAME,
    NEIGHBOURS_NAME,
    SIRT_NAME,
    WBP_NAME,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ..fsc import FSCCurve
    from ..hold_out.ceiling import Ceiling
    from ..hold_out.scores import HoldOutResult, Score
    from ..spread.calibration import Calibration

COLOURS = {
    LBN_NAME: "#d55e00",
    ADAPTED_NAME: "#e69f00",
    WBP_NAME: "#0072b2",
    SIRT_NAME: "#56b4e9",
    NEIGHBOURS_NAME: "#009e73",
    NEAREST_NAME: "#cc79a7",
}
"""Distinguishable by colour-blind readers (Okabe and Ito)."""
OTHERS = ("#999999", "#f0e442", "#000000")


def new_figure(width: float = 7.0, height: float = 4.0) -> Any:
    """A figure that belongs to no window.

    Raises
    ------
    InputError
        matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InputError(
            "Figures need matplotlib, which is not installed.",
            "pip install matplotlib, or 'napari-lbn[napari]'; or leave the figures out.",
        ) from error
    return Figure(figsize=(width, height), layout="constrained")


def draw_angles(axes: Any, result: HoldOutResult, *, scale: str = FULL) -> None:
    """Correlation over the tilt angle, a line a method, the noise ceiling above."""
    chosen = [s for s in result.scores if s.scale == scale]
    for method in dict.fromkeys(s.method for s in chosen):
        own = sorted((s for s in chosen if s.method == method), key=lambda s: s.angle)
        style = _style(method, chosen)
        label = f"{method} (in-sample)" if own[0].in_sample else method
        angles, values = _with_gaps(own)
        axes.plot(angles, values, label=label, **style)
    ceilings = sorted((c for c in result.ceilings if c.scale == scale), key=lambda c: c.angle)
    shown = {s.angle for s in chosen}
    ceilings = [c for c in ceilings if c.angle in shown]
    if ceilings:
        name = "noise ceiling" if ceilings[0].source == MEASURED else "noise ceiling (estimate)"
        axes.plot(
            *_with_gaps(ceilings),
            color="0.5",
            linestyle=":",
            linewidth=1.2,
            label=name,
        )
    axes.set_xlabel("tilt angle (°)")
    axes.set_ylabel("correlation with the hidden tilt")
    axes.grid(alpha=0.25)


def draw_bands(axes: Any, result: HoldOutResult) -> None:
    """Mean correlation in frequency bands, a line a method."""
    chosen = [s for s in result.scores if s.scale in BANDS]
    for method in dict.fromkeys(s.method for s in chosen):
        means = [
            np.mean([s.correlation for s in chosen if s.method == method and s.scale == band])
            for band in BANDS
            if any(s.scale == band for s in chosen)
        ]
        axes.plot(range(len(means)), means, label=method, **_style(method, chosen))
    names = [band.split()[1] for band in BANDS if any(s.scale == band for s in chosen)]
    axes.set_xticks(range(len(names)), names)
    axes.set_xlabel("spatial frequency (share of Nyquist)")
    axes.set_ylabel("correlation in the band")
    axes.grid(alpha=0.25)


def draw_fsc(axes: Any, curves: dict[str, FSCCurve], thresholds: Sequence[float]) -> None:
    """Fourier shell correlation over spatial frequency, a line a region."""
    for name, curve in curves.items():
        known = np.isfinite(curve.correlation)
        frequency = curve.frequency / (curve.pixel_size or 1.0)
        label = name if curve.meaning == "resolution" else f"{name} ({curve.meaning})"
        axes.plot(frequency[known], curve.correlation[known], label=label)
    for threshold in thresholds:
        axes.axhline(threshold, color="0.5", linewidth=0.8, linestyle="--")
    unit = "1/Å" if any(c.pixel_size for c in curves.values()) else "1/pixel"
    axes.set_xlabel(f"spatial frequency ({unit})")
    axes.set_ylabel("Fourier shell correlation")
    axes.grid(alpha=0.25)
    axes.legend(fontsize=8)


def draw_calibration(axes: Any, found: Calibration) -> None:
    """True error in each decile of the spread."""
    deciles = np.arange(1, len(found.error) + 1)
    axes.bar(deciles, found.error, color="#0072b2", label="true error")
    axes.plot(deciles, found.spread, color="#d55e00", marker="o", label="spread")
    axes.set_xlabel("decile of the spread")
    axes.set_ylabel("root mean square")
    axes.set_title(f"rank correlation {found.rank_correlation:.2f}", fontsize=10)
    axes.legend(fontsize=8)


def angle_figure(result: HoldOutResult, *, title: str = "", scale: str = FULL) -> Any:
    """`draw_angles` with a legend beside it."""
    figure = new_figure(9.0, 4.2)
    axes = figure.subplots()
    draw_angles(axes, result, scale=scale)
    axes.set_title(title, fontsize=10)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside right center", fontsize=8)
    return figure


def band_figure(result: HoldOutResult, *, title: str = "") -> Any:
    """`draw_bands` with a legend beside it."""
    figure = new_figure(9.0, 3.6)
    axes = figure.subplots()
    draw_bands(axes, result)
    axes.set_title(title, fontsize=10)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside right center", fontsize=8)
    return figure


def save_figure(figure: Any, path: Path) -> list[Path]:
    """Write a figure as PNG and PDF beside each other; nothing half-written stays."""
    from ...io import atomic_path

    written = []
    for suffix, options in ((".png", {"dpi": 150}), (".pdf", {})):
        target = path.with_suffix(suffix)
        with atomic_path(target) as temporary:
            figure.savefig(temporary, format=suffix[1:], **options)
        written.append(target)
    return written


def _style(method: str, chosen: Sequence[Score]) -> dict[str, Any]:
    base = method.removesuffix(LOW_PASSED)
    foreign = [m for m in dict.fromkeys(s.method for s in chosen) if m not in COLOURS]
    foreign = [m for m in foreign if not m.endswith(LOW_PASSED)]
    colour = COLOURS.get(base) or OTHERS[foreign.index(base) % len(OTHERS)]
    return {
        "color": colour,
        "linestyle": "--" if method.endswith(LOW_PASSED) else "-",
        "linewidth": 2.2 if method in (LBN_NAME, ADAPTED_NAME) else 1.3,
        "marker": "o" if method in (LBN_NAME, ADAPTED_NAME) else None,
        "markersize": 3,
    }


def _with_gaps(own: Sequence[Score | Ceiling]) -> tuple[list[float], list[float]]:
    """Angles and values with a break where the hidden tilts leave out a range."""
    angles = [s.angle for s in own]
    values = [s.correlation for s in own]
    steps = np.diff(angles)
    if len(steps) < 2:
        return angles, values
    wide = np.flatnonzero(steps > 4 * np.median(steps) + 1e-6)
    for i in wide[::-1]:
        angles.insert(i + 1, float(np.nan))
        values.insert(i + 1, float(np.nan))
    return angles, values
