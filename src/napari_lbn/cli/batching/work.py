"""Correcting one series of a batch, in whatever process or machine this runs."""

from __future__ import annotations

import contextlib
import io
import time
import traceback
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from napari_lbn.engine.errors import LBNError

from .task import DONE, FAILED, BatchTask, remove_leftovers

if TYPE_CHECKING:
    from napari_lbn.engine.correct import CorrectionResult, CorrectionSettings
    from napari_lbn.engine.events import Event

HIDDEN_SHARE = 5
"""Every fifth tilt is hidden in the check."""
SCALE = "4x4"
"""Scale of the check: single pixels of a tilt are mostly noise."""


def run_task(task: BatchTask, report: Callable[[str, float], Any] | None = None) -> dict[str, Any]:
    """Correct one series into its folder; never raises for a bad series.

    Parameters
    ----------
    task : BatchTask
        What to do.
    report : callable, optional
        Called with the stage and the fraction done.

    Returns
    -------
    dict
        The record: status, figures or message, seconds, key.
    """
    from napari_lbn.engine.io import write_provenance

    began = time.monotonic()
    record: dict[str, Any] = {
        "name": task.name,
        "series": str(task.series),
        "source": task.source,
        "key": task.key,
    }
    try:
        task.folder.mkdir(parents=True, exist_ok=True)
        remove_leftovers(task)
        task.marker.unlink(missing_ok=True)
        with task.log.open("a", encoding="utf-8") as stream, _logging(stream):
            record |= _logged(task, report)
        record["seconds"] = round(time.monotonic() - began, 1)
        if record["status"] == DONE:
            write_provenance(task.marker, record)
    except (OSError, LBNError) as error:  # a folder that cannot be written
        record |= {"status": FAILED, "message": str(error)}
    return record


def _logged(task: BatchTask, report: Callable[[str, float], Any] | None) -> dict[str, Any]:
    """The outcome; an error is written to the log with where it came from."""
    print(f"{task.series} begins")
    try:
        figures = _correct(task, report)
    except LBNError as error:
        print(f"failed: {error}")
        return {"status": FAILED, "message": str(error)}
    except Exception as error:
        traceback.print_exc()
        return {"status": FAILED, "message": f"unexpected {type(error).__name__}: {error}"}
    print("done")
    return {"status": DONE, **figures}


def _correct(task: BatchTask, report: Callable[[str, float], Any] | None) -> dict[str, Any]:
    import torch

    from napari_lbn.engine.io import open_tilt_series
    from napari_lbn.engine.results.writer import correct_into

    from ..output import input_files, require_other_files
    from ..progress import run_job
    from ..settings import correction_settings, require_pixel_size, require_usable

    if task.threads is not None:
        torch.set_num_threads(task.threads)
    series = open_tilt_series(
        task.series,
        pixel_size=task.reading.pixel_size,
        invert=task.reading.invert_tilt_angles,
        alignment_pixel_size=task.reading.alignment_pixel_size,
    )
    require_usable(series)
    require_pixel_size(series)
    require_other_files(task.files.all, input_files(series))
    settings = correction_settings(
        series, task.computing, task.wedge, adapt_minutes=task.adapt_minutes
    )
    share = 0.8 if task.check else 1.0
    result = run_job(
        correct_into(task.files, series, settings, alpha=task.alpha),
        lambda event: _report(event, report, share),
    )
    figures = {
        "tilts": int(result.series.included.size),
        "synthesized": int(result.synthesized.sum()),
        "pixel_size": result.series.pixel_size,
        "thickness": settings.thickness,
        "excluded": len(series.excluded),
        "warnings": len(series.history.get("warnings", ())),
    }
    if task.check:
        figures |= _check(result, settings)
    return figures


def _report(event: Event, report: Callable[[str, float], Any] | None, share: float) -> None:
    from napari_lbn.engine.events import Progress

    if report is not None and isinstance(event, Progress):
        report(event.stage, share * event.fraction)


def _check(result: CorrectionResult, settings: CorrectionSettings) -> dict[str, Any]:
    """Mean correlation with hidden measured tilts, of LBN and of the baselines."""
    import numpy as np

    from napari_lbn.engine.evaluation.hold_out.folds import k_fold
    from napari_lbn.engine.evaluation.hold_out.run import HoldOutSettings, hold_out
    from napari_lbn.engine.evaluation.prediction.network import adapted_lbn, lbn
    from napari_lbn.engine.evaluation.prediction.predictors import ADAPTED_NAME, LBN_NAME
    from napari_lbn.engine.io.weights.file import open_network
    from napari_lbn.engine.synthesis import on_device
    from napari_lbn.engine.training.adaptation import FEWEST

    from ..progress import run_job

    try:
        folds = k_fold(result.series, HIDDEN_SHARE)[:1]
    except LBNError as error:  # too few tilts to hide any
        print(f"No check with hidden tilts: {error}")
        return {}
    network = open_network(settings.weights)
    how = HoldOutSettings(
        wbp=settings.for_wbp(), synthesis=settings.for_synthesis(), with_low_pass=False
    )
    visible = folds[0].visible(result.series).included.size
    with on_device(network, settings.device) as placed:
        methods = {LBN_NAME: lbn(placed)}
        if settings.adapt_minutes and visible >= FEWEST:  # hidden tilts take no part in it
            methods[ADAPTED_NAME] = adapted_lbn(placed, settings.for_adaptation())
        found = run_job(hold_out(result.series, folds, methods, how))
    names = sorted({score.method for score in found.scores})
    chosen = {
        method: [s.correlation for s in found.scores if s.method == method and s.scale == SCALE]
        for method in names
    }
    means = {method: round(float(np.mean(v)), 4) for method, v in chosen.items() if v}
    return {"hidden_correlation": means}


@contextlib.contextmanager
def _logging(stream: Any) -> Any:
    """Send what is printed, also by libraries, to a log with times."""
    stamped = _Stamped(stream)
    with contextlib.redirect_stdout(stamped), contextlib.redirect_stderr(stamped):
        yield


class _Stamped(io.TextIOBase):
    """A text stream that begins each line with the time."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._fresh = True

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if not isinstance(text, str):  # click asks by writing bytes
            raise TypeError("A log takes text.")
        for line in text.splitlines(keepends=True):
            if self._fresh and line.strip():
                self._stream.write(f"{datetime.now():%Y-%m-%d %H:%M:%S} ")
            self._stream.write(line)
            self._fresh = line.endswith("\n")
        self._stream.flush()
        return len(text)
