"""The critic's side of a training (paper, equations 1 and 2)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import torch

from ...network.critic import PatchCritic
from .passes import TOGETHER, Criticism, critic_slope

if TYPE_CHECKING:
    from torch import Tensor

    from ..settings import CriticSettings, TrainingSettings
    from .workers import Workers


class Adversary:
    """The critic, its optimizer, and what it tells the network.

    Parameters
    ----------
    settings : TrainingSettings
        Of the whole training.
    workers : Workers
        Processes that share its gradients.
    device : device
        That it works on.
    """

    def __init__(self, settings: TrainingSettings, workers: Workers, device: torch.device) -> None:
        self.settings: CriticSettings = settings.critic
        self.seed, self.limit = settings.seed, settings.clip or math.inf
        self.workers = workers
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            self.critic = PatchCritic(self.settings.channels, self.settings.groups).to(device)
        self.criticise = workers.spread(Criticism(self.critic, self.settings.penalty))
        # Adam's momentum is left out, as usual for a Wasserstein critic: its target moves
        self.optimizer = torch.optim.Adam(
            self.critic.parameters(),
            lr=self.settings.learning_rate or settings.learning_rate,
            betas=(0.0, 0.9),
        )

    def term(self, predicted: Tensor, step: int) -> Tensor:
        """What equation 2 adds to the loss; its gradient is that of the critic's mean score.

        Parameters
        ----------
        predicted : Tensor
            ``(n, 1, y, x)`` tilts with their graph.
        step : int
            Finished steps of the training.
        """
        slope = critic_slope(self.critic, predicted.detach())
        return -self.weight(step) * (slope * predicted).sum()

    def weight(self, step: int) -> float:
        """Of the term, which rises while the critic learns what it is to tell."""
        warm_up = self.settings.warm_up
        return self.settings.weight * (min(step / warm_up, 1.0) if warm_up else 1.0)

    def learn(self, targets: Tensor, predicted: Tensor, number: int, share: float) -> float:
        """Add to the critic's gradients, in float32: the penalty does not survive half precision.

        Parameters
        ----------
        targets, predicted : Tensor
            ``(n, 1, y, x)`` measured tilts, and predictions cut off from the graph.
        number : int
            Of the example; decides the penalty's random points, whichever process has it.
        share : float
            Of this example in the step.

        Returns
        -------
        float
            Equation 1.
        """
        self.critic.requires_grad_(True)
        parts = list(zip(targets.split(TOGETHER), predicted.split(TOGETHER), strict=True))
        total = 0.0
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(_seed(self.seed, number))
            for index, (real, made) in enumerate(parts, 1):
                more = index < len(parts)
                with self.workers.unsynchronised([self.criticise], active=more):
                    part = len(real) / len(targets)
                    loss, difference = self.criticise(real, made)
                    (loss * part * share).backward()
                total += difference.item() * part
        return total

    def update(self) -> None:
        """A step of the critic's optimizer."""
        torch.nn.utils.clip_grad_norm_(self.critic.parameters(), self.limit)
        self.optimizer.step()


def _seed(seed: int, number: int) -> int:
    """Of an example's own random numbers."""
    return int(np.random.SeedSequence((seed, number)).generate_state(1)[0])
