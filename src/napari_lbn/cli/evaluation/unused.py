"""Which options of `napari-lbn evaluate` would do nothing beside others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..unused import given, refuse
from .options import DEFAULT_OUT

if TYPE_CHECKING:
    from pathlib import Path

    from ..adapt_options import AdaptOptions
    from .options import HoldOutOptions, MeasureOptions, ProgramOptions


def refuse_unused(
    holdouts: HoldOutOptions,
    measures: MeasureOptions,
    programs: ProgramOptions,
    adapt: AdaptOptions,
    out: Path,
) -> None:
    """Refuse them.

    Raises
    ------
    InputError
        Names the options, and beside what they do nothing.
    """
    if programs.export_folds is not None:
        typed = [
            *(["--sirt"] if holdouts.sirt else []),
            *given(measures, but=("figures",)),
            *([] if measures.figures else ["--no-figures"]),
            *given(programs, but=("export_folds",)),
            *given(adapt),
            *([] if out == DEFAULT_OUT else ["--out"]),
        ]
        refuse(
            typed,
            "beside --export-folds, which writes the folds and stops",
            "Leave out what is named, or give it with --import-folds.",
        )
    if programs.import_folds is not None:
        refuse(
            given(holdouts, but=("sirt",)),
            "beside --import-folds, which hides what was hidden when they were exported",
            "Leave it out, or export other folds.",
        )
    if holdouts.leave_one_out:
        refuse(
            given(holdouts, but=("leave_one_out", "edges", "sirt")),
            "beside --leave-one-out, which hides one tilt at a time",
            "Leave one of the two out.",
        )
    if measures.quick and measures.subsets:
        refuse(
            [name for name in given(measures) if name == "--subsets"],
            "beside --quick, which leaves the disagreement out",
            "Leave one of the two out.",
        )
