"""What a check has found, as rich text for a narrow dock."""

from __future__ import annotations

import html
from typing import Any

from ..theme import WARNING_COLOUR
from ..weights_names import name_file

COLOURS = {"better": "#009e73", "equal": "#e69f00", "mixed": "#e69f00", "worse": "#d55e00"}
"""Of verdicts, distinguishable by colour-blind readers."""
GAP = 4
"""Pixels between lines."""


def verdict_text(evaluation: Any) -> str:
    """What is wrong first, then the first verdict as a sentence, the others in brief."""
    from napari_lbn.engine.evaluation.result import hold_out_title

    lines = [_warning(text) for text in evaluation.warnings]
    for i, (kind, verdict) in enumerate(evaluation.verdicts.items()):
        dot = f'<span style="color:{COLOURS[verdict.rank]}">●</span>'
        title = html.escape(hold_out_title(kind))
        if i == 0:
            view = html.escape(verdict.view_sentence)
            lines.append(f"{dot} <b>{title}: {html.escape(verdict.sentence)}</b> {view}".rstrip())
        else:
            view = f"; in the field of view {verdict.in_view}" if verdict.in_view else ""
            lines.append(f"{dot} {title}: {html.escape(verdict.brief + view)}.")
    return _paragraphs(lines)


def notes_text(evaluation: Any) -> str:
    """What a reader has to know beside the verdict."""
    return _paragraphs([html.escape(text) for text in evaluation.notes])


def weights_text(judged: str, chosen: str) -> str:
    """Which weights a verdict is of, marked where others are chosen now."""
    names = name_file(judged), name_file(chosen)
    if judged == chosen:
        return _paragraphs([html.escape(f"Weights that were judged: {names[0]}.")])
    if names[0] == names[1]:  # files of one name in two folders
        names = judged, chosen
    text = f"This is of other weights, {names[0]}. Chosen now: {names[1]}. Check again."
    return _paragraphs([_warning(text)])


def _warning(text: str) -> str:
    return f'<span style="color:{WARNING_COLOUR}"><b>{html.escape(text)}</b></span>'


def _paragraphs(lines: list[str]) -> str:
    return "".join(f'<p style="margin:0 0 {GAP}px 0">{line}</p>' for line in lines)
