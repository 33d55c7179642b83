"""The training log: one CSV row an epoch, baselines beside it, optionally TensorBoard."""

from __future__ import annotations

import csv
import io
import json
import os
from typing import TYPE_CHECKING, Any

from ...errors import InputError
from ...io import atomic_path
from ..validation import FACTORS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ..validation import Scores

LOG, BASELINES = "log.csv", "baselines.json"
CORRELATIONS = tuple(f"correlation_{factor}x{factor}" for factor in FACTORS)
COLUMNS = (
    "epoch", "step", "loss", "critic", "validation_mse", *CORRELATIONS, "learning_rate", "seconds",
)  # fmt: skip


def row_of_scores(scores: Scores | None) -> dict[str, float]:
    """Columns of the log that validation fills."""
    if scores is None:
        return {}
    return {
        "validation_mse": scores.mse,
        **dict(zip(CORRELATIONS, scores.correlations, strict=True)),
    }


class TrainingLog:
    """``log.csv`` in the training's folder.

    Parameters
    ----------
    folder : Path
        Of the training.
    last_step : int
        Rows of later steps are dropped: a resumed training does those again.
    tensorboard : bool
        Write TensorBoard's files too, into ``tensorboard/``.
    """

    def __init__(self, folder: Path, last_step: int, *, tensorboard: bool = False) -> None:
        self.path = folder / LOG
        kept = [r for r in read_log(folder) if int(r["step"]) <= last_step]
        text = io.StringIO()
        writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(kept)
        with atomic_path(self.path) as temporary:
            temporary.write_text(text.getvalue())
        self._board = _summary_writer(folder) if tensorboard else None

    def add(self, row: Mapping[str, float]) -> None:
        """Append a row, on the disk when this returns."""
        with self.path.open("a", newline="") as file:
            csv.DictWriter(file, COLUMNS, lineterminator="\n").writerow(row)
            file.flush()
            os.fsync(file.fileno())
        if self._board is not None:
            for name, value in row.items():
                if name not in ("epoch", "step"):
                    self._board.add_scalar(name, value, int(row["step"]))
            self._board.flush()


def read_log(folder: Path) -> list[dict[str, str]]:
    """Complete rows of the log; none where there is no log."""
    path = folder / LOG
    if not path.is_file():
        return []
    try:
        with path.open(newline="") as file:
            reader = csv.DictReader(file)
            if tuple(reader.fieldnames or COLUMNS) != COLUMNS:
                raise ValueError("other columns")
            # a kill may have cut the last row off
            rows = [row for row in reader if row.get("seconds") not in (None, "")]
        for row in rows:
            int(row["step"])
    except (ValueError, csv.Error) as error:
        raise InputError(
            f"{path} is damaged ({error}).", "Remove it: only the curves so far are lost."
        ) from error
    return rows


def write_baselines(folder: Path, baselines: Mapping[str, Scores]) -> None:
    """Keep the baselines' scores beside the log."""
    values = {name: row_of_scores(scores) for name, scores in baselines.items()}
    with atomic_path(folder / BASELINES) as temporary:
        temporary.write_text(json.dumps(values, indent=2) + "\n")


def read_baselines(folder: Path) -> dict[str, dict[str, float]]:
    """What `write_baselines` wrote; empty where there is none."""
    path = folder / BASELINES
    return json.loads(path.read_text()) if path.is_file() else {}


def _summary_writer(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise InputError(
            "TensorBoard is not installed.", "pip install tensorboard, or turn it off."
        ) from error
    return SummaryWriter(folder / "tensorboard")
