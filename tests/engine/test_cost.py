"""What a correction is said to cost, before it runs."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from napari_lbn.engine.cost.estimates import estimate_memory, network_memory
from napari_lbn.engine.cost.memory import beside_network
from napari_lbn.engine.cost.operations import making_operations, network_operations
from napari_lbn.engine.cost.speed import convolution_speed
from napari_lbn.engine.errors import MemoryBoundError
from napari_lbn.engine.events import drain
from napari_lbn.engine.network import LBN, LBNConfig
from napari_lbn.engine.network.latent_grid import LatentGrid
from napari_lbn.engine.synthesis import SynthesisSettings, synthesize
from napari_lbn.engine.synthesis.smoothing import some_tilts
from napari_lbn.engine.tilt_series import TiltSeries

SMALL = LBNConfig(widths=(8, 8, 16, 16, 16), unet_widths=(8, 16, 16, 16), latent_volume="slab")
FINE = replace(SMALL, fine_widths=(8, 16, 16))
BOX = replace(FINE, box_widths=(16, 16, 24))
SHAPE, VISIBLE, TARGETS = (64, 128), 5, 3


@pytest.mark.parametrize("thickness", [32, 96])
@pytest.mark.parametrize("config", [SMALL, FINE], ids=["plain", "with a fine UNet"])
def test_operations_are_those_that_torch_counts(thickness: int, config: LBNConfig) -> None:
    network = LBN(config).eval()
    angles = np.linspace(-60, 60, VISIBLE)
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        network(torch.zeros(VISIBLE, 1, *SHAPE), angles, [65.0, 75.0, 85.0], thickness)
    counts = counter.get_flop_counts()["Global"]  # sparse products are counted as full ones
    told = network_operations(config, SHAPE, VISIBLE, TARGETS, thickness)
    # a multiply-add is two; the formula takes a volume's upper blocks for a little less
    assert told == pytest.approx(counts[torch.ops.aten.convolution] / 2, rel=0.05)


@pytest.mark.parametrize("thickness", [32, 96])
def test_operations_of_the_box_are_those_that_torch_counts(thickness: int) -> None:
    network = LBN(BOX).eval()
    grid = LatentGrid.of(BOX, SHAPE[1], thickness)
    volume = torch.zeros(BOX.volume_channels, grid.nz, SHAPE[0] // 8, grid.nx)
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        network.box(volume, grid)
    counts = counter.get_flop_counts()["Global"][torch.ops.aten.convolution]
    told = [network_operations(c, SHAPE, VISIBLE, TARGETS, thickness) for c in (BOX, FINE)]
    assert told[0] - told[1] == pytest.approx(counts / 2, rel=0.05)


def test_noisy_tilts_cost_what_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of the latent volume again, and a look at some tilts."""
    monkeypatch.setattr("napari_lbn.engine.synthesis.stages.smoothing", lambda explained: 0.5)
    images = np.random.default_rng(0).normal(size=(VISIBLE, *SHAPE)).astype(np.float32)
    series = TiltSeries.from_array(images, np.linspace(-60, 60, VISIBLE), pixel_size=16.0)
    network, counted = LBN(FINE), []
    for smooth in (False, True):
        with FlopCounterMode(display=False) as counter:
            settings = SynthesisSettings(thickness=32, device="cpu", smooth=smooth)
            drain(synthesize(series, network, np.array([65.0, 75.0]), settings))
        counts = counter.get_flop_counts()["Global"]
        counted.append(counts[torch.ops.aten.convolution] / 2)
    looks = some_tilts(VISIBLE).size
    decoded = [network_operations(FINE, SHAPE, VISIBLE, n, 32) for n in (looks, 0)]
    told = decoded[0] - decoded[1] + making_operations(FINE, SHAPE, VISIBLE, 32)
    assert counted[1] - counted[0] == pytest.approx(told, rel=0.05)


def test_a_thin_specimen_costs_less() -> None:
    thin, thick = (network_operations(SMALL, SHAPE, VISIBLE, TARGETS, t) for t in (16, 96))
    assert thin < thick


def test_memory_stays_within_the_bound_or_is_refused_before_the_run() -> None:
    def needed(bound: int) -> int:
        tilts = (512, 512), 100, 41, 60
        return network_memory(asdict(SMALL), *tilts, device="cpu", bound=bound)

    ample = needed(1 << 40)
    # a bound that is given holds the program, the tilts and the finished tilts too
    beside = beside_network((512, 512), 41, 60, device="cpu", whole=True)
    assert needed(ample + beside) == ample
    assert needed(ample + beside - 1) < ample
    with pytest.raises(MemoryBoundError, match="at least"):
        needed(1 << 20)


def test_the_speed_is_measured_once() -> None:
    assert convolution_speed("cpu") == convolution_speed("cpu") > 0


def test_tomograms_that_go_to_files_take_no_memory() -> None:
    """Two volumes and half of one in work are what streaming saves."""
    kept = estimate_memory(200, (300, 600), 60)
    streamed = estimate_memory(200, (300, 600), 60, volumes=0)
    assert kept - streamed == 4 * 300 * 600 * 500
