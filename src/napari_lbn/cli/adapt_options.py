"""Options of adapting the weights to the series at hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

ADAPTING = "Adapting the weights"
DEFAULT_MINUTES = 2.0


@dataclass(frozen=True, kw_only=True)
class AdaptOptions:
    """Whether the weights are adapted first, and for how long."""

    adapt: Annotated[
        bool,
        typer.Option(
            "--adapt",
            help="Adapt the weights to this series first: they learn to predict its own tilts "
            "from each other. Used only where that helps on tilts kept apart.",
            rich_help_panel=ADAPTING,
        ),
    ] = False
    adapt_minutes: Annotated[
        float | None,
        typer.Option(
            min=0.01,
            metavar="MINUTES",
            help="Adapt for at most so long. Default: 2, with --adapt.",
            show_default=False,
            rich_help_panel=ADAPTING,
        ),
    ] = None

    @property
    def minutes(self) -> float:
        """As `CorrectionSettings.adapt_minutes` takes it; a given time asks for adapting too."""
        if self.adapt_minutes is not None:
            return self.adapt_minutes
        return DEFAULT_MINUTES if self.adapt else 0.0
