"""What a training dock knows: written by the job's events and by panels, shown by panels."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from psygnal import SignalGroupDescriptor

from .options import TrainingOptions

if TYPE_CHECKING:
    from napari_lbn.engine.tilt_series import TiltSeries
    from napari_lbn.engine.training.curves.read import Curves
    from napari_lbn.engine.training.folder.summary import KeptWeights
    from napari_lbn.engine.training.plan import TrainingPlan
    from napari_lbn.engine.training.preview import PreviewReady

Phase = Literal["idle", "preparing", "training", "paused", "stopping"]


@dataclass(eq=False)
class TrainingStatus:
    """Evented state of one training dock; used from the main thread only.

    ``status.events.<field>`` is emitted whenever a field is assigned another value.

    Attributes
    ----------
    series : tuple of TiltSeries
        Chosen to learn from.
    options : TrainingOptions
        What is asked for.
    plan : TrainingPlan or None
        What a training with these would cost; None while it is estimated, or with a
        `problem`.
    problem, obstacle : str
        Why nothing can start: with these options, or at all.
    phase : str
        Where the training is; "idle" where none is under way.
    stage, outcome : str
        In the user's words: what is done now, how the last training ended.
    fraction : float
        Of the training that is done, 0 to 1.
    seconds_left : float or None
        None until it can be told.
    epoch, epochs : int
        Finished, and in all.
    step : int
        Steps taken since the dock has watched; `losses` has grown.
    folder : Path or None
        Of the training that is shown.
    resumable : bool
        Whether the training that is shown can go on.
    curves : Curves or None
        As logged.
    before : PreviewReady or None
        The preview with the weights at the start.
    shown : PreviewReady or None
        The preview that is compared with it.
    weights : tuple of KeptWeights
        Checkpoints of the training that is shown.
    looking : int or None
        Epoch whose preview is being made.
    """

    events: ClassVar[SignalGroupDescriptor] = SignalGroupDescriptor()

    series: tuple[TiltSeries, ...] = ()
    options: TrainingOptions = field(default_factory=TrainingOptions)
    plan: TrainingPlan | None = None
    problem: str = ""
    obstacle: str = ""
    phase: Phase = "idle"
    stage: str = ""
    outcome: str = ""
    fraction: float = 0.0
    seconds_left: float | None = None
    epoch: int = 0
    epochs: int = 0
    step: int = 0
    folder: Path | None = None
    resumable: bool = False
    curves: Curves | None = None
    before: PreviewReady | None = None
    shown: PreviewReady | None = None
    weights: tuple[KeptWeights, ...] = ()
    looking: int | None = None
    losses: list[tuple[float, float]] = field(default_factory=list)

    @property
    def running(self) -> bool:
        """Whether a training is under way, paused or not."""
        return self.phase != "idle"

    def set_options(self, **changes: Any) -> None:
        """Change what is asked for."""
        self.options = replace(self.options, **changes)

    def set_obstacle(self, reason: str) -> None:
        """Say why nothing can run at all; empty where it can."""
        self.obstacle = reason

    def show_folder(self, folder: Path | None) -> None:
        """Forget the training that was shown, and name the next one."""
        self.losses = []
        self.step = self.epoch = self.epochs = 0
        self.fraction, self.seconds_left = 0.0, None
        self.before = self.shown = None
        self.weights = ()
        self.curves = None
        self.resumable = False
        self.outcome = ""
        self.folder = folder
