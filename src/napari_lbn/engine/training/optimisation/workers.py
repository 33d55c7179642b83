"""Several processes, on one machine or many, that share one training.

The processes are started and found by ``torchrun``, their gradients averaged by torch's
DistributedDataParallel. A step takes the same examples however many processes share them:
process r of n takes every n-th one, and the mean of their gradients is that of all.
"""

from __future__ import annotations

import os
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from ...device import choose_device
from ...errors import DeviceError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager

    import torch
    from torch import nn

Value = TypeVar("Value")
COUNT, LOCAL_RANK = "WORLD_SIZE", "LOCAL_RANK"
"""What torchrun tells each process."""
PATIENCE = timedelta(hours=2)
"""How long processes wait for the first one, which validates and writes, or for a lost one."""


@dataclass(frozen=True, kw_only=True)
class Workers:
    """The processes of a training, as one of them sees them.

    Attributes
    ----------
    rank : int
        Of this process, from 0.
    count : int
        Of all processes.
    """

    rank: int = 0
    count: int = 1

    @property
    def lead(self) -> bool:
        """Whether this process writes, validates and speaks: one does."""
        return self.rank == 0

    def share(self, examples: int) -> int:
        """How many of a step's examples this process takes.

        Raises
        ------
        InputError
            They cannot be shared evenly.
        """
        if examples % self.count:
            more = examples + -examples % self.count
            raise InputError(
                f"A step of {examples} examples cannot be shared by {self.count} processes.",
                f"Set training.accumulate to {more}, or start fewer processes.",
            )
        return examples // self.count

    def device(self, name: str) -> torch.device:
        """The named device; for "auto" and "cuda" each process of a machine gets its own GPU.

        Raises
        ------
        DeviceError
            Not there, or fewer GPUs than processes.
        """
        if self.count == 1:
            return choose_device(name)
        import torch

        available = torch.cuda.device_count()
        if name == "cpu" or (name == "auto" and not available):
            return choose_device("cpu")
        local = int(os.environ.get(LOCAL_RANK, "0"))
        if name not in ("auto", "cuda") or local >= available:
            raise DeviceError(
                f"Process {local + 1} of this machine has no GPU of its own ({name}; "
                f"{available} GPUs here).",
                "Leave --device at auto, and start as many processes as there are GPUs.",
            )
        return choose_device(f"cuda:{local}")

    def spread(self, module: nn.Module) -> nn.Module:
        """A module whose gradients are averaged over the processes in each backward pass."""
        if self.count == 1:
            return module
        from torch.nn.parallel import DistributedDataParallel

        return DistributedDataParallel(module)

    def unsynchronised(
        self, modules: Sequence[nn.Module], *, active: bool
    ) -> AbstractContextManager[object]:
        """While `active`, gradients of `spread` modules add up here and are not averaged yet."""
        from contextlib import ExitStack

        if self.count == 1 or not active:
            return nullcontext()
        stack = ExitStack()
        for module in modules:
            stack.enter_context(module.no_sync())  # type: ignore[operator]
        return stack

    @contextmanager
    def together(self) -> Iterator[None]:
        """Tell what it means when another process has ended and this one waits for it.

        Raises
        ------
        DeviceError
            In place of the backend's own error.
        """
        try:
            yield
        except RuntimeError as error:
            text = str(error).lower()
            if self.count == 1 or not any(backend in text for backend in ("gloo", "nccl")):
                raise
            raise DeviceError(
                "Another process of this training has ended.",
                "Its own message says why; the last checkpoint is intact.",
            ) from error

    def mean(self, *values: float) -> list[float]:
        """Means over the processes."""
        if self.count == 1:
            return list(values)
        import torch
        from torch import distributed

        total = torch.tensor(values, dtype=torch.float64)
        distributed.all_reduce(total)
        return (total / self.count).tolist()

    def any(self, flag: bool) -> bool:
        """Whether any process says so: all of them learn the same."""
        return bool(self.mean(float(flag))[0])

    def told(self, value: Value | None) -> Value:
        """What the lead has; the others' values are not looked at."""
        if self.count > 1:
            from torch import distributed

            box: list[Any] = [value]
            distributed.broadcast_object_list(box, src=0)
            value = box[0]
        return value  # type: ignore[return-value]


ALONE = Workers()


def current_workers() -> Workers:
    """The processes that share this program's trainings: those of `joined`, or this one."""
    from torch import distributed

    if not (distributed.is_available() and distributed.is_initialized()):
        return ALONE
    return Workers(rank=distributed.get_rank(), count=distributed.get_world_size())


def announced() -> int:
    """How many processes torchrun says that it has started; 1 without it."""
    return int(os.environ.get(COUNT, "1"))


@contextmanager
def joined() -> Iterator[Workers]:
    """Join the processes that torchrun started, if it did, for the time of a ``with`` block.

    Raises
    ------
    DeviceError
        This torch cannot join processes.
    """
    import torch
    from torch import distributed

    if announced() == 1 or (distributed.is_available() and distributed.is_initialized()):
        yield current_workers()
        return
    if not distributed.is_available():
        raise DeviceError("This torch was built without torch.distributed.", "Use one process.")
    local = int(os.environ.get(LOCAL_RANK, "0"))
    if local < torch.cuda.device_count():
        torch.cuda.set_device(local)
    # scalars travel through gloo in any case
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
    distributed.init_process_group(backend, timeout=PATIENCE)
    try:
        yield current_workers()
    finally:
        distributed.destroy_process_group()
