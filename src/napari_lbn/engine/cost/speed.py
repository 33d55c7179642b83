"""How fast a device is, measured."""

from __future__ import annotations

import time
from functools import lru_cache

CHANNELS, KERNEL = 32, 7
CPU_SIZE, GPU_SIZE = 48, 128
"""Pixels of the image convolved: small against interruptions, or large enough to fill a card."""
CPU_SHARE = 0.8
"""Whole layers run at this part of the small image's speed, which stays in the cache."""
REPEATS = 20
LONG_ENOUGH = 0.2
"""Seconds: other programs may keep a core for as long as a twentieth of one."""


@lru_cache(maxsize=4)
def convolution_speed(device: str) -> float:
    """Multiply-adds a second of this device when nothing else runs on it.

    Measured once, as the fastest of many convolutions. On a CPU each takes so short a time that
    some go through between two interruptions by other programs: on a machine with seven times
    as much to do as it has cores, the result was within 15 % of the idle one, where the best of
    three longer ones was a tenth of it.
    """
    import torch

    on_cpu = device.startswith("cpu")
    size, share = (CPU_SIZE, CPU_SHARE) if on_cpu else (GPU_SIZE, 1.0)
    layer = torch.nn.Conv2d(CHANNELS, CHANNELS, KERNEL, padding=KERNEL // 2).to(device)
    image = torch.randn(1, CHANNELS, size, size, device=device)
    times: list[float] = []
    with torch.inference_mode():
        while len(times) < REPEATS or sum(times) < LONG_ENOUGH:
            start = time.perf_counter()
            layer(image).sum().item()
            times.append(time.perf_counter() - start)
    return share * CHANNELS**2 * KERNEL**2 * size**2 / min(times)
