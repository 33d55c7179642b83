"""The whole evaluation of one series with one set of weights, as one job."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from ..binning import bin_series
from ..correct import correct, plan
from ..events import Notice, Progress
from ..io.weights.file import load_network
from ..provenance import describe_run
from ..synthesis import on_device
from .hold_out.frame_halves import binned_halves
from .result import Evaluation
from .sharing import shared
from .stages import Stages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..events import CancelToken, Job
    from ..tilt_series import TiltSeries
    from .hold_out.folds import Fold
    from .hold_out.frame_halves import Halves
    from .settings import EvaluationSettings


def evaluate(
    series: TiltSeries,
    settings: EvaluationSettings,
    *,
    halves: Halves | None = None,
    folds: Sequence[Fold] | None = None,
    cancel: CancelToken | None = None,
) -> Job[Evaluation]:
    """Hide measured tilts, predict them, and whatever else the settings ask for.

    Parameters
    ----------
    series : TiltSeries
        As given; binned to what the weights know, as for a correction.
    settings : EvaluationSettings
        What is evaluated.
    halves : pair of TiltSeries, optional
        Odd and even frame stacks of the same tilts, for the noise ceiling.
    folds : sequence of Fold, optional
        Instead of those of the settings: the ones that were exported.
    cancel : CancelToken, optional
        Ends the job with `Cancelled` at its next piece.

    Yields
    ------
    Notice, Progress, TiltScored
        And, with a disagreement, its `TiltReady` and `SlabReady`.

    Raises
    ------
    InputError, WeightsError, DeviceError, MemoryBoundError, Cancelled
    """
    chosen = plan(series, settings.correction)
    for notice in chosen.notices:
        yield Notice(message=notice)
    yield Progress(stage="Reading the tilt series", done=0, total=1, fraction=0.0)
    working = bin_series(series, chosen.binning, cancel=cancel)
    binned = None if halves is None else binned_halves(halves, chosen.binning)
    with on_device(load_network(chosen.weights), settings.correction.device) as network:
        run = Stages(working, network, settings, chosen, cancel)
        found = yield from run.events(binned, folds)
    alteration = None
    if settings.alteration:
        job = correct(series, settings.correction, cancel=cancel)
        alteration = (yield from shared(job, (run.shares["nulls"][1], 1.0))).alteration
    unused = {"correction"} if folds is None else {"correction", "folds", "edges"}
    options = {k: v for k, v in asdict(settings).items() if k not in unused}
    record = describe_run(series, working, chosen, settings.correction)
    record["adaptations"] = run.adaptations
    return Evaluation(
        series=working,
        alteration=alteration,
        provenance={**record, "evaluation": options},
        **found,
    )
