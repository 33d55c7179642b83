"""Forward passes as modules: what several processes average the gradients of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ...network.critic import PatchCritic, critic_loss
from .staged import predict

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from ...network import LBN

TOGETHER = 4
"""Tilts that pass the critic at once. Its means are sums over tilts, so parts add up to the
whole; its activations at full resolution would be most of a training's memory."""


class Prediction(nn.Module):
    """Predicted tilts."""

    def __init__(self, network: LBN, tilts_together: int) -> None:
        super().__init__()
        self.network, self.tilts_together = network, tilts_together

    def forward(
        self, tilts: Tensor, angles: ArrayLike, targets: ArrayLike, thickness: int | None
    ) -> Tensor:
        """Tilts ``(m, 1, y, x)``, as `staged.predict`."""
        together = self.tilts_together
        return predict(
            self.network, tilts, angles, targets, thickness=thickness, tilts_together=together
        )


class Criticism(nn.Module):
    """The critic's loss as a module."""

    def __init__(self, critic: PatchCritic, penalty: float) -> None:
        super().__init__()
        self.critic, self.penalty = critic, penalty

    def forward(self, real: Tensor, made: Tensor) -> tuple[Tensor, Tensor]:
        """The loss and equation 1, as `network.critic.critic_loss`."""
        return critic_loss(self.critic, real, made, self.penalty)


def critic_slope(critic: PatchCritic, made: Tensor) -> Tensor:
    """Gradient of the critic's mean score with respect to tilts ``(n, 1, y, x)``."""
    critic.requires_grad_(False)
    slopes = []
    for part in made.split(TOGETHER):
        seen = part.clone().requires_grad_(True)
        score = critic(seen).mean() * (len(part) / len(made))
        slopes += torch.autograd.grad(score, seen)
    return torch.cat(slopes)
