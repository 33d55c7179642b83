"""The files of a training in its folder: checkpoint, weights and log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError

from ...errors import InputError, OutputError
from ...io import check_free_space, ensure_folder
from ...io.weights.file import save_weights
from .checkpoint import load_checkpoint, save_checkpoint
from .log import TrainingLog, row_of_scores

if TYPE_CHECKING:
    from pathlib import Path

    from ..optimisation.state import TrainingState
    from ..settings import RunSettings
    from .events import EpochFinished

LAST, BEST = "last.safetensors", "best.safetensors"
COPIES = 2 * 4
"""A checkpoint holds four copies of the network, and the older file stays while one is written."""


class RunFolder:
    """Where a training keeps what it makes.

    Parameters
    ----------
    path : Path
        Made if absent.
    run : RunSettings
        Names and what to keep.
    n_series : int
        Told in the weights.
    """

    def __init__(self, path: Path, run: RunSettings, n_series: int) -> None:
        self.path, self.run, self.n_series = path, run, n_series
        self.checkpoint, self.best = path / LAST, path / BEST
        self._log: TrainingLog | None = None

    def start(self, state: TrainingState, *, resume: bool) -> dict[str, Any]:
        """Read or refuse the checkpoint that may be there; gives the loop's own values.

        Raises
        ------
        InputError
            A checkpoint in the way, or none to resume.
        """
        ensure_folder(self.path)
        if resume:
            return load_checkpoint(self.checkpoint, state)
        if self.checkpoint.exists():
            raise InputError(
                f"{self.path} holds a training already.",
                "Resume it (--resume), or choose another folder.",
            )
        return {}

    def open_log(self, state: TrainingState) -> None:
        """Make sure that there is room, and open the log where the checkpoint ends."""
        size = sum(p.numel() * p.element_size() for p in state.network.parameters())
        check_free_space(self.path, COPIES * size)
        self._log = TrainingLog(self.path, state.step_count, tensorboard=self.run.tensorboard)

    def save(self, state: TrainingState, values: dict[str, Any]) -> None:
        """Write the checkpoint with the loop's own values."""
        save_checkpoint(self.checkpoint, state, values)

    def end_epoch(self, state: TrainingState, values: dict[str, Any], event: EpochFinished) -> None:
        """Keep the best weights, log and save: in an order that can be cut anywhere."""
        if event.best:
            self._save_weights(BEST, state, event)
        if self.run.keep_every and event.epoch % self.run.keep_every == 0:
            self._save_weights(f"epoch_{event.epoch:04d}.safetensors", state, event)
        # the log comes before the checkpoint: a row too many is dropped on resuming, while
        # one too few would be missing for ever
        assert self._log is not None
        self._log.add(row(event))
        self.save(state, values)

    def _save_weights(self, name: str, state: TrainingState, event: EpochFinished) -> None:
        """Write the averaged weights as a file that every command takes."""
        path = self.path / name
        try:
            save_weights(
                path,
                state.average,
                name=self.run.name,
                pixel_sizes=self.run.pixel_sizes,
                summary={"training": row(event), "series": self.n_series},
            )
        except SafetensorError as error:
            raise OutputError(
                f"{path} cannot be written: {error}.", "Is the disk full? The older file is intact."
            ) from error


def row(event: EpochFinished) -> dict[str, float]:
    """An epoch as a row of the log."""
    return {
        "epoch": event.epoch,
        "step": event.step,
        "loss": event.loss,
        "critic": event.critic,
        **row_of_scores(event.scores),
        "learning_rate": event.learning_rate,
        "seconds": round(event.seconds, 3),
    }
