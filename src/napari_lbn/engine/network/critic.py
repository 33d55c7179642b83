"""The patch critic: a learned measure of how real a tilt looks (paper, sections 3.1 and A.2)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class PatchCritic(nn.Module):
    """Tilts ``(n, 1, y, x)`` to a map of scores of the same size, high where they look real.

    Five convolutions, the first 7 x 7 and the others 3 x 3 with residual connections, each
    followed by GroupNorm and ReLU; a 1 x 1 convolution makes the one-channel score map.

    Parameters
    ----------
    channels : int
        Of every layer (64, which is how the paper's '6r' is read).
    groups : int
        Of the GroupNorm.
    """

    def __init__(self, channels: int = 64, groups: int = 4) -> None:
        super().__init__()
        kernels = (7, 3, 3, 3, 3)
        sources = (1, *[channels] * 4)
        self.layers = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(source, channels, kernel, padding=kernel // 2),
                nn.GroupNorm(groups, channels),
                nn.ReLU(),
            )
            for source, kernel in zip(sources, kernels, strict=True)
        )
        self.score = nn.Conv2d(channels, 1, 1)

    def forward(self, tilts: Tensor) -> Tensor:
        """Score map ``(n, 1, y, x)``."""
        x = self.layers[0](tilts)
        for layer in self.layers[1:]:
            x = x + layer(x)
        return self.score(x)


def critic_loss(
    critic: nn.Module, real: Tensor, made: Tensor, penalty: float
) -> tuple[Tensor, Tensor]:
    """What the critic minimizes: equation 1 with its sign changed, and a gradient penalty.

    Equation 1 is the difference of scores between measured and predicted tilts. The text
    has the critic maximize it, so it is negated here.

    Parameters
    ----------
    critic : Module
        Scores ``(n, 1, y, x)`` images.
    real, made : Tensor
        ``(n, 1, y, x)`` measured tilts, and predictions cut off from the graph.
    penalty : float
        Weight of `gradient_penalty`.

    Returns
    -------
    loss, difference : Tensor
        To minimize; and equation 1 alone, to look at.
    """
    difference = critic(real).mean() - critic(made).mean()
    return penalty * gradient_penalty(critic, real, made) - difference, difference.detach()


def gradient_penalty(critic: nn.Module, real: Tensor, made: Tensor) -> Tensor:
    """Mean square of what the critic's slope has above 1, between measured and predicted.

    The slope is that of an image's mean score against the root mean square difference of
    images, so that it means the same for every crop: ``|C(a) - C(b)| <= rms(a - b)``. The
    critic's term is then of the order of the root of the MSE, and cannot grow without limit.
    Slopes below 1 cost nothing: drawn up to 1, a critic that has learned nothing yet would pull
    the network somewhere with all its might.
    A penalty rather than spectral normalisation, because the paper's GroupNorm rescales
    each layer and so undoes any bound on the layers' weights.
    """
    share = torch.rand(len(real), 1, 1, 1).to(real.device)
    between = torch.lerp(made, real, share).requires_grad_(True)
    scores = critic(between).mean(dim=(1, 2, 3))
    (slopes,) = torch.autograd.grad(scores.sum(), between, create_graph=True)
    size = math.prod(between.shape[1:])
    # the small constant keeps the root differentiable where the critic is flat
    norms = (slopes.flatten(1).square().sum(dim=1) * size + 1e-12).sqrt()
    return (norms - 1).clamp(min=0).square().mean()
