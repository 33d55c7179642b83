"""Losses of the document: equations 10 to 15."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import torch
from torch.nn.functional import huber_loss, mse_loss

from ...errors import InputError

if TYPE_CHECKING:
    from torch import Tensor

Fidelity: TypeAlias = Literal["mse", "huber"]
VariationForm: TypeAlias = Literal["anisotropic", "isotropic"]
SMALL = 1e-12


@dataclass(frozen=True, kw_only=True)
class LossSettings:
    """Fidelity and regularization; every term is a mean, so that sizes do not matter.

    Attributes
    ----------
    fidelity : {"mse", "huber"}
        Equation 13, or the Huber loss of equations 14 and 15.
    huber_delta : float
        Where the Huber loss turns from a square to a line, in standard deviations of the
        truth.
    tv_filter : float
        Lambda of TV(beta), equation 12.
    tv_volume : float
        Lambda of TV(volume), equations 14 and 15.
    tv_filtered : float
        Lambda of TV(beta * y), equation 15.
    form : {"anisotropic", "isotropic"}
        Equation 10, a sum of absolute differences, or 11, the length of the gradient.
    """

    fidelity: Fidelity = "mse"
    huber_delta: float = 1.0
    tv_filter: float = 0.0
    tv_volume: float = 0.0
    tv_filtered: float = 0.0
    form: VariationForm = "anisotropic"

    def __post_init__(self) -> None:
        if min(self.tv_filter, self.tv_volume, self.tv_filtered) < 0 or self.huber_delta <= 0:
            raise InputError("Weights of the regularization start at 0, the Huber loss above 0.")
        if self.fidelity not in ("mse", "huber"):
            raise InputError(f"Unknown loss {self.fidelity!r}.", "mse or huber.")


def fidelity(predicted: Tensor, truth: Tensor, settings: LossSettings, scale: float) -> Tensor:
    """MSE or Huber loss in units of `scale`, the deviation of the example's whole truth.

    That of some rows would let nearly empty ones count most.
    """
    if settings.fidelity == "mse":
        return mse_loss(predicted / scale, truth / scale)
    return huber_loss(predicted / scale, truth / scale, delta=settings.huber_delta)


def total_variation(array: Tensor, form: VariationForm = "anisotropic") -> Tensor:
    """Mean total variation of an array over all its axes longer than 1."""
    axes = [axis for axis in range(array.ndim) if array.shape[axis] > 1]
    if form == "anisotropic":
        parts = [array.diff(dim=axis).abs().sum() for axis in axes]
        return torch.stack(parts).sum() / array.numel() if parts else array.sum() * 0
    square = torch.zeros_like(array)
    for axis in axes:
        slope = array.diff(dim=axis)
        widths = [0, 0] * array.ndim
        widths[2 * (array.ndim - 1 - axis) + 1] = 1
        square = square + torch.nn.functional.pad(slope, widths) ** 2
    return (square + SMALL).sqrt().mean()
