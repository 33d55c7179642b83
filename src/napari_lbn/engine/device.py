"""Compute devices: list them, choose one, bound its memory, give it back."""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

from .errors import DeviceError

if TYPE_CHECKING:
    import torch

MEMORY_SHARE = 0.5
"""Share of the free memory that a job may use by default."""


def list_devices() -> list[str]:
    """Names of the devices that torch can use here, the fastest first; "cpu" is always one."""
    import torch

    devices = [f"cuda:{i}" for i in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        devices.append("mps")
    return [*devices, "cpu"]


def choose_device(name: str = "auto") -> torch.device:
    """The named device, or the fastest one for "auto".

    Raises
    ------
    DeviceError
        The device is not there.
    """
    import torch

    available = list_devices()
    if name == "auto":
        return torch.device(available[0])
    wanted = "cuda:0" if name == "cuda" else name
    if wanted not in available:
        raise DeviceError(
            f"There is no device {name!r} here.", f"Choose one of: auto, {', '.join(available)}."
        )
    return torch.device(wanted)


def describe_device(name: str | torch.device) -> str:
    """For people: the card's name, or the number of CPU threads."""
    import torch

    device = torch.device(name)
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "mps":
        return "Apple GPU"
    count = torch.get_num_threads()
    return f"CPU, {count} thread{'s' * (count != 1)}"


def free_memory(device: str | torch.device) -> int:
    """Free memory of the device in bytes; of the host for the CPU."""
    import psutil
    import torch

    chosen = torch.device(device)
    if chosen.type == "cuda":
        return int(torch.cuda.mem_get_info(chosen)[0])
    return int(psutil.virtual_memory().available)


def default_memory_bound(device: str | torch.device) -> int:
    """Bytes that a job may use unless the user says otherwise."""
    return int(MEMORY_SHARE * free_memory(device))


def release_memory() -> None:
    """Give back what dropped references held in a circle too, GPU caches included.

    It stops every thread for some tenths of a second, a viewer's too: after an error, whose
    traceback holds tensors, and after a training. Elsewhere `release_caches` is enough.
    """
    gc.collect()
    release_caches()


def release_caches() -> None:
    """Give back the memory of tensors that are gone, which torch keeps for itself on a GPU."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that a device or the host ran out of memory."""
    import torch

    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    text = str(error).lower()
    return "out of memory" in text or "can't allocate memory" in text
