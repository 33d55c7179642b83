"""The training's curves as they were logged."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..folder.log import CORRELATIONS, read_baselines, read_log

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

CURVES = "curves.png"


@dataclass(frozen=True, kw_only=True)
class Curves:
    """What a training has logged.

    Attributes
    ----------
    epochs : tuple of int
        One for each value below.
    training : tuple of float
        Mean loss of each epoch.
    validation : tuple of float
        MSE on the held-out tilts in variances; NaN where there are none.
    correlations : tuple of tuple of float
        On the held-out tilts, one tuple for each of `validation.FACTORS`.
    baselines : mapping
        Columns of the log by the baseline's name.
    """

    epochs: tuple[int, ...] = ()
    training: tuple[float, ...] = ()
    validation: tuple[float, ...] = ()
    correlations: tuple[tuple[float, ...], ...] = ()
    baselines: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    @property
    def validated(self) -> bool:
        """Whether anything is known of held-out tilts."""
        return bool(self.baselines) or not all(math.isnan(value) for value in self.validation)

    @classmethod
    def read(cls, folder: Path) -> Curves:
        """The curves of the training in `folder`, empty where nothing was logged yet."""
        rows = read_log(folder)

        def column(name: str) -> tuple[float, ...]:
            return tuple(float(row.get(name) or "nan") for row in rows)

        return cls(
            epochs=tuple(int(row["epoch"]) for row in rows),
            training=column("loss"),
            validation=column("validation_mse"),
            correlations=tuple(column(name) for name in CORRELATIONS),
            baselines=read_baselines(folder),
        )
