"""Convolution, GroupNorm and activation as one unit that can also run in pieces.

GroupNorm takes its statistics over a whole image or volume. A convolution can be computed
in bands of rows with a halo, but the statistics cannot: they are gathered over all bands
first and applied in a second pass. So the result in bands is the result in one piece, to
float32 rounding, for every band height.
"""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from collections.abc import Iterator

FLAT = 2
"""Slices of a volume of which no half precision learns on a CPU: with bfloat16 instructions, torch
2.13 gives 3D convolutions of such volumes gradients of their weights that are garbage or NaN."""

_band_rows: ContextVar[int | None] = ContextVar("band_rows", default=None)


@contextmanager
def in_bands(rows: int | None) -> Iterator[None]:
    """Run every `ConvUnit` in bands of this many output rows; None is in one piece.

    For inference only: the two passes are not recorded for gradients.
    """
    token = _band_rows.set(rows)
    try:
        yield
    finally:
        _band_rows.reset(token)


def band_rows() -> int | None:
    """Rows of the bands that are in force here; None is in one piece."""
    return _band_rows.get()


class ConvUnit(nn.Module):
    """Convolution -> GroupNorm -> LeakyReLU on ``(n, channels, ..., y, x)``.

    Bands run along y, the second to last axis.

    Parameters
    ----------
    n_in, n_out : int
        Channels.
    kernel, stride : int
        Padding is ``kernel // 2``. Transposed convolutions double the size exactly.
    groups : int
        GroupNorm groups; 0 leaves out normalisation and activation (an output layer).
    slope : float
        Of the LeakyReLU.
    dims : int
        2 or 3.
    transposed : bool
        Strided transposed convolution, the mirror of a strided convolution.
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        *,
        kernel: int = 3,
        stride: int = 1,
        groups: int = 8,
        slope: float = 0.5,
        dims: int = 2,
        transposed: bool = False,
    ) -> None:
        super().__init__()
        self.kernel, self.stride, self.slope, self.transposed = kernel, stride, slope, transposed
        settings: dict[str, Any] = {"stride": stride, "padding": kernel // 2}
        if transposed:
            settings["output_padding"] = stride - 1
        self.conv = _convolution(dims, transposed)(n_in, n_out, kernel, **settings)
        self.norm = nn.GroupNorm(groups, n_out) if groups else None
        if self.conv.weight.is_meta:
            return  # sizes alone: to draw values there, torch would load its compiler (2 seconds)
        nn.init.kaiming_normal_(
            self.conv.weight, a=slope, mode="fan_out" if transposed else "fan_in"
        )
        if transposed:  # each output pixel sees only 1 in stride**dims of the kernel's taps
            with torch.no_grad():
                fan = n_in * kernel**dims / stride**dims
                self.conv.weight.normal_(0, (2 / ((1 + slope**2) * fan)) ** 0.5)
        assert self.conv.bias is not None
        nn.init.zeros_(self.conv.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the unit."""
        rows = _band_rows.get()
        if rows is None:
            return self._finish(self._convolved(x))
        out = self._convolve_in_bands(x, rows)
        return out if self.norm is None else self._normalise_in_bands(out, rows)

    def _convolved(self, x: Tensor) -> Tensor:
        half = x.device.type == "cpu" and torch.is_autocast_enabled("cpu")
        exact = half and torch.is_grad_enabled() and x.shape[2:-2] == (FLAT,)
        with torch.autocast("cpu", enabled=False) if exact else nullcontext():
            out: Tensor = self.conv(x.float() if exact else x)
        return out

    def _finish(self, x: Tensor) -> Tensor:
        if self.norm is None:
            return x
        return functional.leaky_relu(self.norm(x), self.slope, inplace=True)

    def _convolve_in_bands(self, x: Tensor, rows: int) -> Tensor:
        height = x.shape[-2] * self.stride if self.transposed else -(-x.shape[-2] // self.stride)
        first = self._band(x, 0, min(rows, height))
        if rows >= height:
            return first
        # bands that are kept until all are there would take the output's memory once more
        out = first.new_empty((*first.shape[:-2], height, first.shape[-1]))
        out[..., :rows, :] = first
        del first
        for start in range(rows, height, rows):
            stop = min(start + rows, height)
            out[..., start:stop, :] = self._band(x, start, stop)
        return out

    def _band(self, x: Tensor, start: int, stop: int) -> Tensor:
        """Output rows start to stop, from the input rows they depend on."""
        pad = self.kernel // 2
        if self.transposed:
            first = max(-(-(start + pad - self.kernel + 1) // self.stride), 0)
            last = min((stop - 1 + pad) // self.stride + 1, x.shape[-2])
            skip = start - first * self.stride
        else:
            # starting on a multiple of the stride keeps the output grid in phase
            first = max((start * self.stride - pad) // self.stride * self.stride, 0)
            last = min((stop - 1) * self.stride - pad + self.kernel, x.shape[-2])
            skip = start - first // self.stride
        # the halo's own zero padding only reaches rows that are cut off here, except at
        # the true edges of the image, where it is the padding that belongs there
        out = self.conv(x[..., first:last, :])
        return out[..., skip : skip + stop - start, :]

    def _normalise_in_bands(self, x: Tensor, rows: int) -> Tensor:
        norm = self.norm
        assert norm is not None
        n, channels = x.shape[:2]
        groups = x.unflatten(1, (norm.num_groups, channels // norm.num_groups))
        spread = tuple(range(2, groups.ndim))
        count = groups[0, 0].numel()
        bands = range(0, x.shape[-2], rows)
        mean = sum(groups[..., b : b + rows, :].double().sum(spread) for b in bands) / count
        centre = mean.view(n, -1, *[1] * len(spread))
        variance = (
            sum(
                (groups[..., b : b + rows, :].double() - centre).square().sum(spread) for b in bands
            )
            / count
        )
        scale = (variance + norm.eps).rsqrt()
        shape = (n, channels, *[1] * (x.ndim - 2))
        repeat = channels // norm.num_groups
        gain = scale.repeat_interleave(repeat, 1) * norm.weight.double()
        offset = norm.bias.double() - mean.repeat_interleave(repeat, 1) * gain
        gain, offset = gain.to(x.dtype).view(shape), offset.to(x.dtype).view(shape)
        for b in bands:
            band = x[..., b : b + rows, :]
            band.mul_(gain).add_(offset)
            functional.leaky_relu(band, self.slope, inplace=True)
        return x


def _convolution(
    dims: int, transposed: bool
) -> type[nn.Conv2d | nn.Conv3d | nn.ConvTranspose2d | nn.ConvTranspose3d]:
    if transposed:
        return nn.ConvTranspose2d if dims == 2 else nn.ConvTranspose3d
    return nn.Conv2d if dims == 2 else nn.Conv3d
