"""What lies in the folder of a training: how far it came, and the weights that it kept."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import InputError, LBNError
from ...io import atomic_path
from ..configuration import Configuration
from ..curves.read import CURVES, Curves
from ..sources import SOURCES
from .checkpoint import read_values
from .files import BEST, LAST
from .log import BASELINES, LOG

if TYPE_CHECKING:
    from collections.abc import Sequence

CONFIGURATION = "configuration.json"
KEPT = "epoch_*.safetensors"


@dataclass(frozen=True, kw_only=True)
class KeptWeights:
    """Weights of one epoch.

    Attributes
    ----------
    path : Path
        A file that every command takes.
    epoch : int
        Finished when they were saved.
    mse, correlation : float
        On the held-out tilts; NaN where none are held out.
    best : bool
        Whether no other epoch was better.
    """

    path: Path
    epoch: int
    mse: float
    correlation: float
    best: bool


@dataclass(frozen=True, kw_only=True)
class RunSummary:
    """The folder of a training.

    Attributes
    ----------
    folder : Path
        Where it lies.
    configuration : Configuration
        Of the training.
    epoch : int
        Finished so far.
    resumable : bool
        Whether there is a checkpoint and an epoch left to do.
    weights : tuple of KeptWeights
        Ascending in epoch.
    """

    folder: Path
    configuration: Configuration
    epoch: int
    resumable: bool
    weights: tuple[KeptWeights, ...]

    @property
    def finished(self) -> bool:
        """Whether the last epoch is over."""
        return self.epoch >= self.configuration.run.epochs

    @property
    def names(self) -> tuple[str, ...]:
        """Of the series that it learns from, short."""
        return tuple(Path(name).stem for name in self.configuration.data.series)


def write_configuration(folder: Path, configuration: Configuration) -> None:
    """Keep a configuration in the training's folder, so that it can be resumed."""
    with atomic_path(folder / CONFIGURATION) as temporary:
        temporary.write_text(configuration.to_json(), encoding="utf-8")


def kept_configuration(folder: Path) -> Configuration:
    """What `write_configuration` kept.

    Raises
    ------
    InputError
        There is none, or it is damaged.
    """
    path = folder / CONFIGURATION
    if not path.is_file():
        raise InputError(f"{folder} holds no training.", "Choose the folder of a training.")
    try:
        return Configuration.from_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {error}.", "Start a new training.") from error
    except LBNError as error:
        raise InputError(f"{path} is damaged: {error.message}", "Start a new training.") from error


def summarise(folder: Path) -> RunSummary:
    """Look into the folder of a training.

    Raises
    ------
    InputError
        It holds none.
    WeightsError
        Its checkpoint is damaged.
    """
    configuration = kept_configuration(folder)
    last = folder / LAST
    begun = last.is_file()
    epoch = int(read_values(last)["more"]["epoch"]) if begun else 0
    return RunSummary(
        folder=folder,
        configuration=configuration,
        epoch=epoch,
        resumable=begun and epoch < configuration.run.epochs,
        weights=kept_weights(folder),
    )


def kept_weights(folder: Path) -> tuple[KeptWeights, ...]:
    """Weights of chosen epochs and the best ones; figures are those of the log."""
    curves = Curves.read(folder)
    files = {int(path.stem.split("_")[1]): path for path in folder.glob(KEPT)}
    best = _best_epoch(curves)
    if best is not None and (folder / BEST).is_file():
        files.setdefault(best, folder / BEST)
    kept = []
    for epoch, path in sorted(files.items()):
        if epoch in curves.epochs:
            row = curves.epochs.index(epoch)
            kept.append(
                KeptWeights(
                    path=path,
                    epoch=epoch,
                    mse=curves.validation[row],
                    correlation=curves.correlations[0][row],
                    best=epoch == best,
                )
            )
    return tuple(kept)


def _best_epoch(curves: Curves) -> int | None:
    """The first epoch with the lowest error, as the training judges."""
    if not curves.epochs:
        return None
    validated = curves.validation[0] == curves.validation[0]  # NaN is not itself
    judged: Sequence[float] = curves.validation if validated else curves.training
    return curves.epochs[min(range(len(judged)), key=judged.__getitem__)]


def discard_run(folder: Path) -> None:
    """Remove what a training wrote into its folder, and the folder if nothing else is there."""
    names = (CONFIGURATION, SOURCES, LAST, BEST, LOG, BASELINES, CURVES)
    if not folder.is_dir():
        return
    for path in [*(folder / name for name in names), *folder.glob(KEPT)]:
        path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # absent, or the user keeps something there
        folder.rmdir()
