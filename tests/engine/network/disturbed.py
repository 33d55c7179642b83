"""Networks that are not as they begin."""

from __future__ import annotations

from typing import TypeVar

import torch

Module = TypeVar("Module", bound=torch.nn.Module)


def disturbed(network: Module) -> Module:
    """Weights that a training might have left, none of them zero."""
    for number, parameter in enumerate(network.parameters()):
        noise = torch.randn(parameter.shape, generator=torch.Generator().manual_seed(number))
        parameter.data += 0.1 * noise
    return network
