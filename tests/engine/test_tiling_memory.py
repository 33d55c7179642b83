"""The network's memory: what it is said to be, held against what a run takes."""

from __future__ import annotations

import ctypes
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_lbn.engine.events import drain
from napari_lbn.engine.network import LBN, LBNConfig
from napari_lbn.engine.network.latent_projection import LatentGrid
from napari_lbn.engine.synthesis import SynthesisSettings, synthesize
from napari_lbn.engine.tiling import Tiling, peak_memory
from napari_lbn.engine.tilt_series import TiltSeries

CONFIG = LBNConfig(widths=(8, 8, 16, 16, 16), unet_widths=(8, 8, 8, 8), coarse_updates=2)
FINE = replace(CONFIG, fine_widths=(16, 16, 16))
BOX = replace(CONFIG, box_widths=(32, 64, 96))
SIZE, THICKNESS, N_TILTS = (192, 1024), 200, 5
LEFT_OVER = 250e6
"""Bytes of small pieces that the C library keeps for later."""
STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def resident(field: str) -> int:
    """Bytes, from the kernel's own account."""
    line = next(x for x in STATUS.read_text().splitlines() if x.startswith(field))
    return int(line.split()[1]) << 10


@pytest.fixture
def account() -> None:
    """The kernel's highest mark starts anew, after what other tests left has gone back."""
    try:
        ctypes.CDLL("libc.so.6").malloc_trim(0)
        CLEAR.write_text("5")
        resident("VmHWM")
    except (OSError, StopIteration):
        pytest.skip("this system keeps no account of a process's highest memory")


@pytest.mark.parametrize("rows", [None, 8])
@pytest.mark.parametrize("config", [CONFIG, FINE, BOX], ids=["plain", "fine", "box"])
def test_memory_is_what_it_is_said_to_be(
    account: None, monkeypatch: pytest.MonkeyPatch, rows: int | None, config: LBNConfig
) -> None:
    """More than it is said to be breaks the bound; far less refuses what would fit."""
    tiling = Tiling(tilts=1, rows=rows)
    monkeypatch.setattr("napari_lbn.engine.synthesis.stages.choose_tiling", lambda *a, **k: tiling)
    images = np.random.default_rng(0).normal(30, 3, (N_TILTS, *SIZE)).astype(np.float32)
    series = TiltSeries.from_array(images, np.linspace(-60, 60, N_TILTS))
    network = LBN(config).eval()
    settings = SynthesisSettings(device="cpu", thickness=THICKNESS, beyond="box")
    before = resident("VmRSS")
    drain(synthesize(series, network, np.array([75.0, 90.0]), settings))
    taken = resident("VmHWM") - before
    grid = LatentGrid.of(config, SIZE[1], THICKNESS)
    said = peak_memory(config, SIZE, grid, N_TILTS, tiling)
    assert 0.5 * said < taken < 1.1 * said + LEFT_OVER
