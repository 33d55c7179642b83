"""Tables in the paper's layout, the paper's rows below ours, as Markdown."""

from __future__ import annotations

import numpy as np

from napari_lbn.engine.evaluation.report.tables import range_names

PAPER_1 = {
    "Conventional reconstruction": (1.02, 0.15, 0.13, 0.15, 0.22, 0.17, 0.18),
    "IsoNet": (1.16, 0.23, 0.18, 0.23, 0.28, 0.25, 0.26),
    "LBN": (0.63, 0.57, 0.58, 0.53, 0.53, 0.55, 0.59),
}
PAPER_2 = {
    "Conventional reconstruction": (1.889, 0.06, 1.888, 1.862, 1.60, 1.882, 2.005),
    "IsoNet": (1.869, 0.07, 1.886, 1.837, 1.564, 1.848, 2.018),
    "LBN": (1.43, 0.29, 1.477, 1.425, 1.46, 1.427, 1.484),
}


def report_bins(arguments, name, bins) -> None:
    """Wedge scores in bins of the angle, beside the share of the rays that was seen."""
    methods = list(bins[0].correlation) if bins else []
    lines = [f"| degrees | seen | {' | '.join(methods)} |", "|---" * (2 + len(methods)) + "|"]
    for one in bins:
        cells = " | ".join(number(one.correlation[method]) for method in methods)
        lines.append(f"| {one.low:.0f}-{one.high:.0f} | {one.seen:.2f} | {cells} |")
    write(arguments, name, "The missing wedge in bins: correlation with the box's truth", lines)


def report(arguments, name, title, rows, paper) -> None:
    """A table in the paper's layout, the paper's rows below ours."""
    ranges = list(rows[0].by_range)
    assert tuple(ranges) in {range_names(20), range_names(66)}
    lines = [
        f"| method | MSE | MSE, scaled | correlation | {' | '.join(ranges)} |",
        "|---" * (4 + len(ranges)) + "|",
    ]
    for row in rows:
        cells = " | ".join(number(row.by_range[r]) for r in ranges)
        head = " | ".join(number(v) for v in (row.mse, row.mse_scaled, row.correlation))
        lines.append(f"| {row.method} | {head} | {cells} |")
    for method, (mse, r, *cells) in paper.items():
        lines.append(
            f"| *paper: {method}* | {mse:.3f} | – | {r:.3f} | "
            + " | ".join(f"{c:.3f}" for c in cells)
            + " |"
        )
    write(arguments, name, title, lines)


def number(value: float) -> str:
    """Three decimals, or a dash for nothing."""
    return "–" if np.isnan(value) else f"{value:.3f}"


def write(arguments, name: str, title: str, lines: list[str]) -> None:
    """Print a table and keep it as a Markdown file."""
    text = "\n".join([f"## {title}", "", *lines, ""])
    print(text, flush=True)
    (arguments.out / f"{name}.md").write_text(text + "\n", encoding="utf-8")
