"""How many series run at once, on which devices, with what share of the machine."""

from __future__ import annotations

import os
from dataclasses import dataclass

LOCAL = "local"


@dataclass(frozen=True, kw_only=True)
class Placement:
    """Where the tasks of a batch run.

    Attributes
    ----------
    jobs : int
        Tasks at once.
    devices : tuple of str
        Spread over the tasks that run at the same time; empty leaves the choice to each task.
    memory : float or None
        GB that one task may take; None where the engine chooses.
    threads : int or None
        Of one task; None where torch chooses.
    """

    jobs: int
    devices: tuple[str, ...] = ()
    memory: float | None = None
    threads: int | None = None

    def device(self, slot: int) -> str | None:
        """Device of the task in a slot, 0 to `jobs` - 1; None where it chooses itself."""
        return self.devices[slot % len(self.devices)] if self.devices else None


def place(*, device: str, memory: float | None, jobs: int | None, dask: str | None) -> Placement:
    """Share out this machine; that of others is theirs to share out.

    Parameters
    ----------
    device : str
        As the user gave it; "auto" takes every GPU.
    memory : float or None
        GB of one task, as the user gave it.
    jobs : int or None
        Tasks at once; by default one for each GPU, or one.
    dask : str or None
        The cluster; None and "local" are this machine.
    """
    if dask not in (None, LOCAL):
        return Placement(jobs=jobs or 1, memory=memory)
    devices = _gpus() if device == "auto" else ()
    jobs = jobs or max(len(devices), 1)
    return Placement(
        jobs=jobs,
        devices=devices,
        memory=memory if memory is not None else _memory_share(device, jobs, len(devices)),
        threads=None if jobs == 1 else max((os.cpu_count() or 1) // jobs, 1),
    )


def _gpus() -> tuple[str, ...]:
    from napari_lbn.engine.device import list_devices

    return tuple(name for name in list_devices() if name.startswith("cuda"))


def _memory_share(device: str, jobs: int, gpus: int) -> float | None:
    """GB for each of several tasks on one processor; None for a task that has it to itself."""
    from napari_lbn.engine.device import choose_device, default_memory_bound

    together = -(-jobs // max(gpus, 1))
    if together == 1:
        return None
    return default_memory_bound(choose_device(device)) / together / 1e9
