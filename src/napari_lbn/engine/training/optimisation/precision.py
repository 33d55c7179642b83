"""Which precision a device trains fastest in, measured rather than guessed."""

from __future__ import annotations

import time
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Literal

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

Precision = Literal["float32", "bfloat16", "float16"]

WORTH = 1.2
"""Half precision must be faster by this factor."""


@lru_cache(maxsize=4)
def fastest_precision(device: str) -> Precision:
    """Precision of the convolutions (autocast) that trains fastest on this device.

    On a CPU, bfloat16 is three times faster than float32 where the processor multiplies it
    (AMX, AVX-512 BF16) and many times slower where it does not: both are tried on one
    small convolution.
    """
    kind = torch.device(device).type
    if kind == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float16"
    if kind != "cpu":
        return "float32"
    full, half = (_seconds(partial(_convolve, d)) for d in (torch.float32, torch.bfloat16))
    return "bfloat16" if half * WORTH < full else "float32"


def _convolve(dtype: torch.dtype) -> None:
    half = torch.autocast("cpu", dtype, enabled=dtype != torch.float32)
    with torch.inference_mode(False), torch.enable_grad(), half:
        image = torch.ones(4, 32, 64, 64).to(memory_format=torch.channels_last)
        weight = torch.ones(32, 32, 7, 7, requires_grad=True)  # draws no random numbers
        torch.nn.functional.conv2d(image, weight, padding=3).sum().backward()


def _seconds(work: Callable[[], None]) -> float:
    """Of the fastest of three runs, the first of which only prepares."""
    work()
    spent = []
    for _ in range(3):
        start = time.perf_counter()
        work()
        spent.append(time.perf_counter() - start)
    return min(spent)
