"""One self-contained HTML page of an evaluation, to send to a collaborator."""

from __future__ import annotations

import base64
import html
import io
from typing import TYPE_CHECKING, Any

from .report_data import RANGE_EDGE, kinds
from .summary import range_names, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .external import Placement
    from .fsc import FSCCurve
    from .result import Evaluation
    from .scores import Score

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62em; margin: 2em auto; padding: 0 1em;
       color: #222; background: #fff; }
h1 { font-size: 1.5em; } h2 { font-size: 1.15em; margin-top: 2em; }
table { border-collapse: collapse; font-size: .9em; } caption { text-align: left; color: #555; }
th, td { padding: .25em .7em; border-bottom: 1px solid #ddd; text-align: right; }
th:first-child, td:first-child { text-align: left; }
tr.lbn td { font-weight: 600; } tr.sample td { color: #888; }
p.verdict { border-left: 5px solid #999; padding: .4em .8em; background: #f5f5f5; }
p.better { border-color: #009e73; } p.worse { border-color: #d55e00; }
p.equal, p.mixed { border-color: #e69f00; }
img { max-width: 100%; } .small { color: #555; font-size: .9em; }
"""
MSE_NOTE = (
    "MSE with each tilt brought to mean 0 and standard deviation 1, as in the paper; "
    "“scaled” after the best linear scale of the prediction."
)


def html_page(
    evaluation: Evaluation,
    figures: Sequence[tuple[str, Any]],
    *,
    placements: dict[tuple[str, str], Placement] | None = None,
    curves: dict[str, FSCCurve] | None = None,
) -> str:
    """The page: findings first, then figures and tables, at the end how it was made.

    Parameters
    ----------
    evaluation : Evaluation
        What was found.
    figures : sequence of (caption, matplotlib figure)
        Embedded as PNG; may be empty.
    placements : dict, optional
        Of tomograms of other programs.
    curves : dict, optional
        Fourier shell correlations.
    """
    name = html.escape(evaluation.series.name)
    parts = [f"<h1>Can the filled wedge of {name} be trusted?</h1>", _findings(evaluation)]
    parts += [_figure(caption, figure) for caption, figure in figures]
    result = evaluation.hold_outs
    for kind in kinds(result):
        scores = result.of_kind(kind).scores
        for scale in ("full", "4x4"):
            own = [s for s in scores if s.scale == scale]
            if own:
                parts.append(_table(own, f"{kind}, {_scale_words(scale)}", scale))
    parts.append(f'<p class="small">{MSE_NOTE}</p>')
    if result.ceilings:
        source = html.escape(result.ceilings[0].source)
        parts.append(f'<p class="small">The noise ceiling was {source}.</p>')
    if curves:
        parts.append(_fsc_table(curves))
    if placements:
        parts.append(_placements(placements))
    parts.append(_provenance(evaluation.provenance))
    body = "\n".join(parts)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{name}: evaluation</title><style>{STYLE}</style></head>\n"
        f"<body>{body}</body></html>\n"
    )


def _findings(evaluation: Evaluation) -> str:
    ranks = [v.rank for v in evaluation.verdicts.values()]
    lines = []
    for i, sentence in enumerate(evaluation.sentences):
        rank = ranks[i] if i < len(ranks) else ""
        lines.append(f'<p class="verdict {rank}">{html.escape(sentence)}</p>')
    return "\n".join(lines)


def _figure(caption: str, figure: Any) -> str:
    data = io.BytesIO()
    figure.savefig(data, format="png", dpi=110)
    encoded = base64.b64encode(data.getvalue()).decode("ascii")
    text = html.escape(caption)
    return f'<h2>{text}</h2>\n<img alt="{text}" src="data:image/png;base64,{encoded}">'


def _table(scores: Sequence[Score], caption: str, scale: str) -> str:
    names = range_names(RANGE_EDGE)
    rows = sorted(
        table(scores, edge=RANGE_EDGE, scale=scale), key=lambda r: (r.in_sample, -r.correlation)
    )
    head = "".join(f"<th>{html.escape(n)}</th>" for n in names)
    lines = []
    for row in rows:
        kind = "sample" if row.in_sample else "lbn" if row.method == "LBN" else ""
        note = " (in-sample, not ranked)" if row.in_sample else ""
        ranges = "".join(f"<td>{_number(row.by_range[n])}</td>" for n in names)
        lines.append(
            f'<tr class="{kind}"><td>{html.escape(row.method)}{note}</td>'
            f"<td>{_number(row.mse)}</td><td>{_number(row.mse_scaled)}</td>"
            f"<td>{_number(row.correlation)}</td>{ranges}</tr>"
        )
    return (
        f"<h2>{html.escape(caption)}</h2><table><caption>Mean over hidden tilts; the ranges hold "
        f"correlations.</caption><tr><th>Method</th><th>MSE</th><th>MSE, scaled</th>"
        f"<th>Correlation</th>{head}</tr>{''.join(lines)}</table>"
    )


def _fsc_table(curves: dict[str, FSCCurve]) -> str:
    rows = "".join(
        f"<tr><td>{html.escape(name)}</td><td>{_number(curve.mean())}</td>"
        f"<td>{_length(curve, 0.5)}</td><td>{_length(curve, 1 / 7)}</td></tr>"
        for name, curve in curves.items()
    )
    return (
        "<h2>Fourier shell correlation</h2><table><tr><th>Region</th><th>Mean</th>"
        f"<th>at 0.5</th><th>at 1/7</th></tr>{rows}</table>"
    )


def _length(curve: FSCCurve, threshold: float) -> str:
    value = curve.resolution(threshold)
    if value is None:
        return curve.meaning if curve.meaning != "resolution" else "–"
    return f"{value:.1f} {'Å' if curve.pixel_size else 'pixels'}"


def _placements(placements: dict[tuple[str, str], Placement]) -> str:
    rows = "".join(
        f"<li>{html.escape(method)}, {html.escape(fold)}: {html.escape(p.sentence)}</li>"
        for (fold, method), p in placements.items()
    )
    return f"<h2>How other tomograms lay</h2><ul>{rows}</ul>"


def _provenance(record: dict[str, Any]) -> str:
    weights = record.get("weights", {})
    shown = {
        "Program": record.get("program"),
        "Made": record.get("created"),
        "Series": record.get("source"),
        "Pixel size (Å)": record.get("pixel_size"),
        "Thickness (pixels)": record.get("thickness"),
        "Weights": weights.get("name"),
        "SHA-256 of the weights": weights.get("sha256"),
    }
    rows = "".join(
        f"<tr><td>{html.escape(k)}</td><td>{html.escape(str(v))}</td></tr>"
        for k, v in shown.items()
        if v is not None
    )
    return f'<h2>How this was made</h2><table class="small">{rows}</table>'


def _scale_words(scale: str) -> str:
    return "full resolution" if scale == "full" else f"averaged {scale.replace('x', ' × ')} pixels"


def _number(value: float) -> str:
    return "–" if value != value else f"{value:.3f}"  # noqa: PLR0124
