"""The network's memory: what it is said to be, held against what a run takes."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_lbn.engine.cost.memory import peak_memory
from napari_lbn.engine.cost.tiling import Tiling
from napari_lbn.engine.events import drain
from napari_lbn.engine.network import LBN, LBNConfig
from napari_lbn.engine.network.latent_grid import LatentGrid
from napari_lbn.engine.synthesis import SynthesisSettings, synthesize
from napari_lbn.engine.tilt_series import TiltSeries

CONFIG = LBNConfig(widths=(8, 8, 16, 16, 16), unet_widths=(8, 8, 8, 8), coarse_updates=2)
CONFIGS = {
    "plain": CONFIG,
    "fine": replace(CONFIG, fine_widths=(16, 16, 16)),
    "box": replace(CONFIG, box_widths=(32, 64, 96)),
}
SIZE, THICKNESS, N_TILTS = (192, 1024), 200, 5
LEFT_OVER = 80e6
"""Bytes of buffers that torch and the libraries beneath it keep for themselves."""
RETURNED = {"MALLOC_MMAP_THRESHOLD_": "131072", "MALLOC_TRIM_THRESHOLD_": "131072"}
"""The C library gives back what is freed: how much it keeps for later differs from run to run."""
STATUS = Path("/proc/self/status")


def resident(field: str) -> int:
    """Bytes, from the kernel's own account."""
    line = next(x for x in STATUS.read_text().splitlines() if x.startswith(field))
    return int(line.split()[1]) << 10


def taken(config: LBNConfig, tiling: Tiling) -> int:
    """Bytes that a synthesis takes in this process at its peak."""
    from napari_lbn.engine.synthesis import stages

    stages.choose_tiling = lambda *a, **k: tiling
    images = np.random.default_rng(0).normal(30, 3, (N_TILTS, *SIZE)).astype(np.float32)
    series = TiltSeries.from_array(images, np.linspace(-60, 60, N_TILTS))
    network = LBN(config).eval()
    settings = SynthesisSettings(device="cpu", thickness=THICKNESS, beyond="box")
    before, highest, ended = resident("RssAnon"), 0, threading.Event()

    def watch() -> None:  # the kernel's own mark counts pages of files, which come and go
        nonlocal highest
        while not ended.wait(0.002):
            highest = max(highest, resident("RssAnon"))

    watcher = threading.Thread(target=watch)
    watcher.start()
    drain(synthesize(series, network, np.array([75.0, 90.0]), settings))
    ended.set()
    watcher.join()
    return highest - before


@pytest.mark.skipif(not STATUS.exists(), reason="no account of a process's highest memory here")
@pytest.mark.parametrize("rows", [None, 24, pytest.param(8, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", CONFIGS)
def test_memory_is_what_it_is_said_to_be(rows: int | None, name: str) -> None:
    """More than it is said to be breaks the bound; far less refuses what would fit.

    In a process of its own: what other tests left would count, or be used again.
    """
    command = [sys.executable, __file__, name, str(rows or 0)]
    given = {"env": os.environ | RETURNED, "capture_output": True, "text": True}
    found = int(subprocess.run(command, check=True, **given).stdout)
    config, tiling = CONFIGS[name], Tiling(tilts=1, rows=rows)
    grid = LatentGrid.of(config, SIZE[1], THICKNESS)
    said = peak_memory(config, SIZE, grid, N_TILTS, tiling)
    assert 0.5 * said < found < 1.1 * said + LEFT_OVER


if __name__ == "__main__":
    print(taken(CONFIGS[sys.argv[1]], Tiling(tilts=1, rows=int(sys.argv[2]) or None)))
