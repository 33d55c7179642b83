"""Start this command again as several processes of this machine, through torch's launcher."""

from __future__ import annotations

import logging
import os
import sys
import uuid
from tempfile import TemporaryDirectory

import typer

from ..command import FAILED, INTERRUPTED, TERMINATED

LONGEST_STEP = "600"
"""Seconds that processes have to end their step and save when they are told to stop."""


def share_among(count: int) -> None:
    """Run the command line of this process in `count` processes, as torchrun does.

    Signals are passed on to them. Their exit code becomes that of this process.
    """
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs, SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    # the processes tell themselves what is wrong
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    os.environ.setdefault("OMP_NUM_THREADS", str(max((os.cpu_count() or 1) // count, 1)))
    os.environ.setdefault("TORCH_ELASTIC_SHUTDOWN_TIMEOUT", LONGEST_STEP)
    command = ["-m", "napari_lbn", *sys.argv[1:]]
    try:
        with TemporaryDirectory(prefix="napari-lbn-") as notes:  # torch would leave its own behind
            settings = LaunchConfig(
                min_nodes=1,
                max_nodes=1,
                nproc_per_node=count,
                run_id=str(uuid.uuid4()),
                rdzv_backend="c10d",
                rdzv_endpoint="localhost:0",
                max_restarts=0,
                logs_specs=DefaultLogsSpecs(log_dir=notes),
            )
            elastic_launch(settings, sys.executable)(*command)
    except SignalException as stopped:
        code = INTERRUPTED if stopped.sigval.name == "SIGINT" else TERMINATED
        raise typer.Exit(code) from None
    except ChildFailedError as failed:
        _, first = failed.get_first_failure()
        raise typer.Exit(first.exitcode if first.exitcode > 0 else FAILED) from None
