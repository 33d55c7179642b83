"""An evaluation as plain data: JSON and CSV."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ..fsc import HALF, RESOLUTION, SEVENTH
from .tables import range_names, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..exchange.placement import Placement
    from ..fsc import FSCCurve
    from ..hold_out.scores import HoldOutResult, Score
    from ..result import Evaluation
    from .extras import CurveSet

COLUMNS = (
    "kind",
    "fold",
    "method",
    "angle",
    "scale",
    "correlation",
    "mse",
    "mse_scaled",
    "in_sample",
)
RANGE_EDGE = 20.0


def as_dict(
    evaluation: Evaluation,
    *,
    placements: dict[tuple[str, str], Placement] | None = None,
    curve_sets: Sequence[CurveSet] = (),
) -> dict[str, Any]:
    """Everything that was found, as JSON can hold it; NaN becomes null."""
    result = evaluation.hold_outs
    data: dict[str, Any] = {
        "findings": evaluation.sentences,
        "verdicts": {kind: asdict(v) for kind, v in evaluation.verdicts.items()},
        "tables": {kind: tables_of(result.of_kind(kind).scores) for kind in kinds(result)},
        "noise_ceiling": [asdict(c) for c in result.ceilings],
        "low_pass_sigmas": [
            {"fold": fold, "method": method, "pixels": sigma}
            for (fold, method), sigma in result.sigmas.items()
        ],
        "null_tests": [asdict(test) for test in evaluation.nulls],
        "provenance": evaluation.provenance,
    }
    if evaluation.geometry is not None:
        data["geometry"] = {
            "correlations": evaluation.geometry.correlations,
            "order": evaluation.geometry.order,
            "angle_scale": evaluation.geometry.scale and asdict(evaluation.geometry.scale),
            "findings": [str(f) for f in evaluation.geometry.findings],
        }
    if evaluation.alteration is not None:
        data["alteration"] = asdict(evaluation.alteration)
    if evaluation.disagreement is not None:
        found = evaluation.disagreement
        data["disagreement"] = {"relative": found.relative, "label": found.label}
    if placements:
        data["placements"] = [
            {"fold": fold, "method": method, **asdict(p), "in_words": p.sentence}
            for (fold, method), p in placements.items()
        ]
    for one in curve_sets:
        data[one.stem] = {name: _curve(curve) for name, curve in one.curves.items()}
    plain: dict[str, Any] = _without_nan(data)
    return plain


def kinds(result: HoldOutResult) -> list[str]:
    """Kinds of hold-out in a result, in the order in which they were done."""
    return list(dict.fromkeys(s.kind for s in result.scores))


def tables_of(scores: Sequence[Score]) -> dict[str, list[dict[str, Any]]]:
    """Rows of `summary.table` at every scale and band."""
    scales = dict.fromkeys(s.scale for s in scores)
    return {
        scale: [asdict(row) for row in table(scores, edge=RANGE_EDGE, scale=scale)]
        for scale in scales
    }


def scores_csv(result: HoldOutResult) -> str:
    """One line a method, hidden tilt and scale."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for s in result.scores:
        row = asdict(s)
        writer.writerow([_short(row[name]) for name in COLUMNS])
    for c in result.ceilings:
        name = f"noise ceiling ({c.source.split()[0]})"
        writer.writerow(["", "", name, _short(c.angle), c.scale, _short(c.correlation), "", "", ""])
    return text.getvalue()


def range_table_text(scores: Sequence[Score], *, scale: str = "full") -> str:
    """The paper's table as text for a terminal."""
    rows = table(scores, edge=RANGE_EDGE, scale=scale)
    names = range_names(RANGE_EDGE)
    width = max((len(row.method) for row in rows), default=6) + 2
    lines = [f"{'':{width}}{'MSE':>7}{'corr.':>7}" + "".join(f"{n:>15}" for n in names)]
    for row in sorted(rows, key=lambda r: (r.in_sample, -r.correlation)):
        ranges = "".join(f"{row.by_range[n]:15.3f}" for n in names)
        note = "  (in-sample, not ranked)" if row.in_sample else ""
        lines.append(f"{row.method:{width}}{row.mse:7.3f}{row.correlation:7.3f}{ranges}{note}")
    return "\n".join(lines).replace("nan", "  –")


def _curve(curve: FSCCurve) -> dict[str, Any]:
    return {
        "meaning": curve.meaning,
        "frequency_per_pixel": curve.frequency.tolist(),
        "correlation": curve.correlation.tolist(),
        "pixel_size": curve.pixel_size,
        "resolution_at_0.5": curve.resolution(HALF),
        "resolution_at_1/7": curve.resolution(SEVENTH),
        "only_bounds": [
            name
            for name, threshold in (("resolution_at_0.5", HALF), ("resolution_at_1/7", SEVENTH))
            if curve.meaning == RESOLUTION and curve.never_falls(threshold)
        ],
    }


def _short(value: Any) -> Any:
    return f"{value:.6g}" if isinstance(value, float) else value


def _without_nan(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _without_nan(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nan(v) for v in value]
    return value
