"""What the Check runs, imported only when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_lbn.engine.events import CancelToken, Job
from napari_lbn.engine.tilt_series import TiltSeries

if TYPE_CHECKING:
    from napari_lbn.engine.evaluation.settings import EvaluationSettings


def run_check(
    series: TiltSeries,
    settings: Any,
    cancel: CancelToken,
    *,
    sirt: bool = False,
    exact: bool = False,
) -> Job[Any]:
    """Hold-outs of a series with the settings of its correction: of the edges, and k-fold.

    With `exact`, leave-one-out instead of k-fold.

    The noise ceiling is measured where stacks of odd and even frames lie beside the series.
    """
    from napari_lbn.engine.evaluation.evaluate import evaluate
    from napari_lbn.engine.evaluation.hold_out.frame_halves import find_halves, open_halves

    beside = find_halves(series)
    halves = None if beside is None else open_halves(series, *beside)
    wanted = _check_settings(settings, sirt=sirt, exact=exact)
    return evaluate(series, wanted, halves=halves, cancel=cancel)


def check_range(
    plan: Any, settings: Any, *, sirt: bool = False, exact: bool = False
) -> tuple[float, float]:
    """The least and the most seconds that `run_check` is likely to take."""
    from napari_lbn.engine.evaluation.cost import evaluation_range

    return evaluation_range(_check_settings(settings, sirt=sirt, exact=exact), plan)


def _check_settings(settings: Any, *, sirt: bool, exact: bool) -> EvaluationSettings:
    from napari_lbn.engine.evaluation.settings import CHECK_FOLDS, EvaluationSettings

    folds = 0 if exact else CHECK_FOLDS
    return EvaluationSettings(correction=settings, folds=folds, sirt=sirt)


def run_disagreement(
    series: TiltSeries, settings: Any, subsets: int, cancel: CancelToken
) -> Job[Any]:
    """The spread over syntheses from random subsets of the measured tilts."""
    from napari_lbn.engine.evaluation.spread.disagreement import measure_disagreement

    return measure_disagreement(series, settings, subsets=subsets, cancel=cancel)


def disagreement_range(plan: Any, settings: Any, subsets: int) -> tuple[float, float]:
    """The least and the most seconds that `run_disagreement` is likely to take."""
    from napari_lbn.engine.evaluation.cost import evaluation_range
    from napari_lbn.engine.evaluation.settings import EvaluationSettings

    wanted = EvaluationSettings(
        correction=settings, folds=-1, edges=(), geometry=False, subsets=subsets
    )
    return evaluation_range(wanted, plan)


def report_files(evaluation: Any, folder: Path) -> list[Path]:
    """The files of a report that every report has; its figures are beside them."""
    name = _report_name(evaluation)
    return [folder / f"{name}_evaluation{suffix}" for suffix in (".html", ".json", ".csv")]


def save_report(evaluation: Any, folder: Path) -> list[Path]:
    """JSON, CSV, figures and the HTML page."""
    from napari_lbn.engine.evaluation.report.files import write_report

    return write_report(evaluation, folder, name=_report_name(evaluation))


def _report_name(evaluation: Any) -> str:
    return "_".join(evaluation.series.name.split())
