"""What the user asked of a training, and the configuration that it makes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from napari_lbn._napari.layers import DEFAULT_THICKNESS_NM

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_lbn.engine.training.configuration import Configuration

ANGSTROM_PER_NM = 10.0
BASE = "fine-tune"
"""The named configuration that the dock starts from."""
Unit = Literal["minutes", "epochs"]


@dataclass(frozen=True, kw_only=True)
class TrainingOptions:
    """What the user asked for.

    Attributes
    ----------
    weights, device : str
        Start and place; empty weights until the list has arrived.
    length : int
        Of the training, in `unit`.
    unit : {"minutes", "epochs"}
        Minutes are turned into epochs once the speed is known.
    hold_out_every : int
        Every n-th tilt is held out.
    thickness_nm : float
        Of the specimens.
    learning_rate : float
        Highest one.
    crop : int
        Pixels a side of what one step learns from.
    steps : int
        Of an epoch, where epochs are counted.
    critic : bool
        Train with the patch critic.
    folder : Path or None
        Where the training is kept; None takes one beside the first series.
    """

    weights: str = ""
    device: str = "auto"
    length: int = 10
    unit: Unit = "minutes"
    hold_out_every: int = 8
    thickness_nm: float = DEFAULT_THICKNESS_NM
    learning_rate: float = 3e-4
    crop: int = 128
    steps: int = 25
    critic: bool = False
    folder: Path | None = None

    @property
    def minutes(self) -> float | None:
        """How long the training may take; None where epochs are counted."""
        return float(self.length) if self.unit == "minutes" else None


def configure(options: TrainingOptions, names: Iterable[str]) -> Configuration:
    """The engine's configuration of these options; `names` are those of the series."""
    from napari_lbn.engine.training.configuration import read_configuration
    from napari_lbn.engine.training.plan import keep_every

    base = read_configuration(BASE)
    training = base.training
    examples = replace(training.examples, crop=options.crop)
    critic = replace(training.critic, weight=1.0 if options.critic else 0.0)
    run = base.run
    if options.unit == "epochs":
        run = replace(
            run,
            epochs=options.length,
            steps_per_epoch=options.steps,
            keep_every=keep_every(options.length),
        )
    start = options.weights
    return replace(
        base,
        start=str(Path(start).resolve()) if Path(start).is_file() else start,
        data=replace(
            base.data,
            series=tuple(names),
            hold_out_every=options.hold_out_every,
            thickness=options.thickness_nm * ANGSTROM_PER_NM,
        ),
        training=replace(
            training,
            learning_rate=options.learning_rate,
            device=options.device,
            examples=examples,
            critic=critic,
        ),
        run=run,
    )
