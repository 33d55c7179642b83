"""What the Check runs, imported only when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from napari_lbn.engine.events import CancelToken, Job
from napari_lbn.engine.tilt_series import TiltSeries

ROWS = 32
"""Rows of y on which a finished run is measured."""


def run_check(series: TiltSeries, settings: Any, cancel: CancelToken) -> Job[Any]:
    """k-fold and edge hold-outs of a series with the settings of its correction."""
    from napari_lbn.engine.evaluation.evaluate import EvaluationSettings, evaluate

    return evaluate(series, EvaluationSettings(correction=settings), cancel=cancel)


def measure_run(measured: Any, added: Any, angles: Any) -> str:
    """One sentence on what a finished run changed outside the wedge.

    Parameters
    ----------
    measured, added : array_like
        ``(z, y, x)``: plain WBP, and what the synthesized tilts add.
    angles : array_like
        Measured, degrees.
    """
    from napari_lbn.engine.evaluation.fsc import AlterationMeter

    meter = AlterationMeter(angles)
    height = measured.shape[1]
    for y in np.unique(np.linspace(0, height - 1, min(ROWS, height)).astype(int)):
        rows = slice(int(y), int(y) + 1)
        meter.add(np.asarray(measured[:, rows]), np.asarray(added[:, rows]))
    return meter.result().sentence


def save_report(evaluation: Any, folder: Path) -> list[Path]:
    """JSON, CSV, figures and the HTML page."""
    from napari_lbn.engine.evaluation.report import write_report

    return write_report(evaluation, folder, name="_".join(evaluation.series.name.split()))
