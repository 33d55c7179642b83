"""Everything that changes while a network is trained, and one step of it."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from ...errors import LBNError
from .adversary import Adversary
from .passes import Prediction
from .workers import current_workers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from ...network import LBN
    from ..examples.draw import Example
    from ..settings import TrainingSettings

PRECISIONS = {"bfloat16": torch.bfloat16, "float16": torch.float16, "float32": torch.float32}


@dataclass(frozen=True, kw_only=True)
class StepLoss:
    """Losses of one step: MSE, and equation 1 (how well the critic tells tilts apart)."""

    mse: float
    critic: float = 0.0


class TrainingDivergedError(LBNError):
    """The loss is no longer a number."""


class TrainingState:
    """Network, running average, critic, optimizers, learning rate and position in the data.

    Parameters
    ----------
    network : LBN
        Trained in place; moved to the settings' device.
    settings : TrainingSettings
        Of the whole training.

    Raises
    ------
    InputError
        The examples of a step cannot be shared by the processes of `workers.joined`.
    """

    def __init__(self, network: LBN, settings: TrainingSettings) -> None:
        self.settings = settings
        self.workers = current_workers()
        self.examples_here = self.workers.share(settings.accumulate)
        self.device = self.workers.device(settings.device)
        self.network = network.to(self.device).train().requires_grad_(True)
        _use_channels_last(self.network)
        self.average = copy.deepcopy(network).eval().requires_grad_(False)
        self._predict = self.workers.spread(Prediction(self.network, settings.recompute))
        self.optimizer = torch.optim.Adam(_groups(network, settings), lr=settings.learning_rate)
        self.scaler = torch.amp.GradScaler(
            self.device.type, enabled=settings.precision == "float16"
        )
        self.adversary = (
            Adversary(settings, self.workers, self.device) if settings.critic.weight else None
        )
        self.rate = settings.learning_rate
        self.plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(
            self.optimizer, factor=settings.plateau_factor, patience=settings.plateau_patience
        )
        self.step_count = 0

    @property
    def examples_drawn(self) -> int:
        """Position in the data: examples that the finished steps of all processes have used."""
        return self.step_count * self.settings.accumulate

    def step(self, examples: Iterator[Example]) -> StepLoss:
        """Train on the next examples: the network first, then the critic.

        Parameters
        ----------
        examples : iterator
            Those of this process (`trainer.prefetch`).

        Raises
        ------
        TrainingDivergedError
            The loss or its gradient is not finite; the weights were not changed.
        """
        self._set_rate()
        self.optimizer.zero_grad(set_to_none=True)
        if self.adversary is not None:
            self.adversary.optimizer.zero_grad(set_to_none=True)
        losses = []
        for index in range(self.examples_here):
            more = index + 1 < self.examples_here
            with self.workers.unsynchronised(self._spread_modules(), active=more):
                number = self.examples_drawn + index * self.workers.count + self.workers.rank
                losses.append(self._accumulate(next(examples), number))
        here = np.array([(one.mse, one.critic) for one in losses]).mean(axis=0)
        mse, difference = self.workers.mean(*here.tolist())
        self._require_finite(mse + difference)
        self._update()
        self.step_count += 1
        self._update_average()
        return StepLoss(mse=mse, critic=difference)

    def end_of_epoch(self, validation_loss: float) -> None:
        """Lower the learning rate where validation has stopped improving."""
        if self.settings.schedule != "plateau":
            return
        self.optimizer.param_groups[0]["lr"] = self.rate
        self.plateau.step(validation_loss)
        self.rate = float(self.optimizer.param_groups[0]["lr"])

    def current_rate(self) -> float:
        """Learning rate of the next step."""
        settings = self.settings
        warm = min((self.step_count + 1) / max(settings.warm_up, 1), 1.0)
        if settings.schedule != "cosine":
            return warm * self.rate
        share = min(self.step_count / settings.steps, 1.0)
        return warm * self.rate * 0.5 * (1 + math.cos(math.pi * share))

    def _set_rate(self) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = self.current_rate() * group["share"]

    def _spread_modules(self) -> list[nn.Module]:
        return [self._predict, *([self.adversary.criticise] if self.adversary else [])]

    def _accumulate(self, example: Example, number: int) -> StepLoss:
        """Gradients of one example, for the network and for the critic."""
        settings = self.settings
        visible, targets = self._tensor(example.visible), self._tensor(example.targets)
        dtype = PRECISIONS[settings.precision]
        with torch.autocast(self.device.type, dtype, enabled=settings.precision != "float32"):
            predicted = self._predict(
                visible, example.visible_angles, example.target_angles, example.thickness
            )
        predicted = predicted.float()
        mse = torch.nn.functional.mse_loss(predicted, targets)
        loss, adversary = mse, self.adversary
        if adversary is not None:
            loss = loss + adversary.term(predicted, self.step_count)
        share = 1 / self.examples_here
        self.scaler.scale(loss * share).backward()
        difference = 0.0
        if adversary is not None:
            difference = adversary.learn(targets, predicted.detach(), number, share)
        return StepLoss(mse=mse.item(), critic=difference)

    def _require_finite(self, loss: float) -> None:
        if not math.isfinite(loss):
            raise TrainingDivergedError(
                f"The loss of step {self.step_count + 1} is not a number: training stopped.",
                "Lower the learning rate, or look for damaged tilts in the data.",
            )

    def _update(self) -> None:
        limit = self.settings.clip or math.inf
        self.scaler.unscale_(self.optimizer)
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), limit)
        if not self.scaler.is_enabled():  # the scaler leaves out such steps by itself
            self._require_finite(norm.item())
        self.scaler.step(self.optimizer)
        self.scaler.update()
        if self.adversary is not None:
            self.adversary.update()

    @torch.no_grad()
    def _update_average(self) -> None:
        # short at the start, so that the average forgets the untrained weights
        decay = min(self.settings.ema, (1 + self.step_count) / (10 + self.step_count))
        pairs = zip(self.average.parameters(), self.network.parameters(), strict=True)
        for kept, current in pairs:
            kept.lerp_(current, 1 - decay)

    def _tensor(self, images: NDArray[Any]) -> Tensor:
        tensor = torch.from_numpy(np.ascontiguousarray(images)).to(self.device)
        return tensor.contiguous(memory_format=torch.channels_last)


def _use_channels_last(network: LBN) -> None:
    # torch's type stubs do not know this use of Module.to
    network.encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    network.decoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    network.unet.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]


def _groups(network: LBN, settings: TrainingSettings) -> list[dict[str, Any]]:
    """Parameters with their share of the learning rate."""
    outer = [*network.encoder.parameters(), *network.decoder.parameters()]
    known = {id(parameter) for parameter in outer}
    inner = [parameter for parameter in network.parameters() if id(parameter) not in known]
    return [{"params": inner, "share": 1.0}, {"params": outer, "share": settings.outer_share}]
