"""One self-contained HTML page of an evaluation, to send to a collaborator."""

from __future__ import annotations

import base64
import html
import io
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..fsc import HALF, SEVENTH
from ..prediction.predictors import LBN_NAME
from ..result import hold_out_title
from .data import RANGE_EDGE
from .html_style import STYLE
from .tables import range_names, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..exchange.placement import Placement
    from ..fsc import FSCCurve
    from ..hold_out.scores import Score
    from ..result import Evaluation
    from .sections import Section

INTRODUCTION = (
    "A network synthesized the tilts that a microscope cannot record, the missing wedge. Nobody "
    "can measure there, so measured tilts were hidden, predicted from the others and compared."
)
MSE_NOTE = (
    "MSE with each tilt brought to mean 0 and standard deviation 1, as in the paper; "
    "“scaled” after the best linear scale of the prediction."
)


def html_page(
    evaluation: Evaluation,
    sections: Sequence[Section],
    *,
    placements: dict[tuple[str, str], Placement] | None = None,
) -> str:
    """The page: findings first, then figures and tables, at the end how it was made.

    Parameters
    ----------
    evaluation : Evaluation
        What was found.
    sections : sequence of Section
        Figures are embedded as PNG.
    placements : dict, optional
        Of tomograms of other programs.
    """
    name = html.escape(evaluation.series.name)
    parts = [
        f"<h1>Can the filled wedge of {name} be trusted?</h1>",
        f"<p>{INTRODUCTION}</p>",
        _findings(evaluation),
        *(_section(section) for section in sections),
    ]
    parts.append(f'<p class="small">{MSE_NOTE}</p>')
    ceilings = evaluation.hold_outs.ceilings
    if ceilings:
        source = html.escape(ceilings[0].source)
        parts.append(f'<p class="small">The noise ceiling was {source}.</p>')
    if placements:
        parts.append(_placements(placements))
    parts.append(_provenance(evaluation))
    body = "\n".join(parts)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{name}: evaluation</title><style>{STYLE}</style></head>\n"
        f"<body>{body}</body></html>\n"
    )


def _findings(evaluation: Evaluation) -> str:
    lines = [("worse", "", text) for text in evaluation.warnings]
    lines += [
        (v.rank, hold_out_title(k), f"{v.sentence} {v.view_sentence}".rstrip())
        for k, v in evaluation.verdicts.items()
    ]
    lines += [("", "", text) for text in evaluation.notes]
    return "\n".join(
        f'<p class="verdict {rank}">{f"<b>{html.escape(head)}</b>: " if head else ""}'
        f"{html.escape(text)}</p>"
        for rank, head, text in lines
    )


def _section(section: Section) -> str:
    parts = [f"<h2>{html.escape(section.title)}</h2>"]
    if section.figure is not None:
        parts.append(_image(section.title, section.figure))
    if section.scores:
        parts.append(_table(section.scores))
    if section.curves:
        parts.append(_fsc_table(section.curves))
    return "\n".join(parts)


def _image(caption: str, figure: Any) -> str:
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=110)
    encoded = base64.b64encode(data.getvalue()).decode("ascii")
    return f'<img alt="{html.escape(caption)}" src="data:image/png;base64,{encoded}">'


def _table(scores: Sequence[Score]) -> str:
    """Methods from the best to the worst; ranges of angles that hold no hidden tilt left out."""
    found = table(scores, edge=RANGE_EDGE, scale=scores[0].scale)
    names = [
        name
        for name in range_names(RANGE_EDGE)
        if any(math.isfinite(row.by_range[name]) for row in found)
    ]
    head = "".join(f"<th>{html.escape(_range_words(name))}</th>" for name in names)
    lines = []
    for row in sorted(found, key=lambda r: (r.in_sample, -r.correlation)):
        kind = "sample" if row.in_sample else "lbn" if row.method.startswith(LBN_NAME) else ""
        note = " (in-sample, not ranked)" if row.in_sample else ""
        ranges = "".join(f"<td>{_number(row.by_range[n])}</td>" for n in names)
        lines.append(
            f'<tr class="{kind}"><td>{html.escape(row.method)}{note}</td>'
            f"<td>{_number(row.mse)}</td><td>{_number(row.mse_scaled)}</td>"
            f"<td>{_number(row.correlation)}</td>{ranges}</tr>"
        )
    return (
        "<table><caption>Means over hidden tilts; in ranges of the tilt angle θ, "
        "correlations.</caption><tr><th>Method</th><th>MSE</th><th>MSE, scaled</th>"
        f"<th>Correlation</th>{head}</tr>{''.join(lines)}</table>"
    )


def _range_words(name: str) -> str:
    return "θ = 0°" if name == "0" else name.replace("-", "−")


def _fsc_table(curves: dict[str, FSCCurve]) -> str:
    rows = "".join(
        f"<tr><td>{html.escape(name)}</td><td>{_number(curve.mean())}</td>"
        f"<td>{curve.resolution_text(HALF)}</td><td>{curve.resolution_text(SEVENTH)}</td></tr>"
        for name, curve in curves.items()
    )
    return (
        f"<table><tr><th>Region</th><th>Mean</th><th>at 0.5</th><th>at 1/7</th></tr>{rows}"
        "</table><p>≤: the curve never falls as far; the volumes are not sampled more finely.</p>"
    )


def _placements(placements: dict[tuple[str, str], Placement]) -> str:
    rows = "".join(
        f"<li>{html.escape(method)}, {html.escape(fold)}: {html.escape(p.sentence)}</li>"
        for (fold, method), p in placements.items()
    )
    return f"<h2>How other tomograms lay</h2><ul>{rows}</ul>"


def _provenance(evaluation: Evaluation) -> str:
    record, series = evaluation.provenance, evaluation.series
    weights, size = record.get("weights", {}), record.get("pixel_size")
    thickness = record.get("thickness")
    angles = series.included_angles
    tilts = f"{angles.size}, {angles[0]:.1f}° to {angles[-1]:.1f}°".replace("-", "−")
    if size and thickness:
        thickness = f"{thickness} pixels, {thickness * size / 10:.0f} nm"
    shown = {
        # the file's name only: folders are nobody else's business
        "Series": Path(record["source"]).name if record.get("source") else series.name,
        "Tilts": tilts,
        "Pixel size": f"{size:g} Å" if size else None,
        "Thickness": thickness,
        "Weights": weights.get("name"),
        "SHA-256 of the weights": weights.get("sha256"),
        "Program": record.get("program"),
        "Made": record.get("created"),
    }
    rows = "".join(
        f"<tr><td>{html.escape(k)}</td><td>{html.escape(str(v))}</td></tr>"
        for k, v in shown.items()
        if v is not None
    )
    return f'<h2>How this was made</h2><table class="facts">{rows}</table>'


def _number(value: float) -> str:
    return "–" if value != value else f"{value:.3f}"  # noqa: PLR0124
