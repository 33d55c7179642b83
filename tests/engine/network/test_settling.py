"""The second round that settles what changes slowly: one scale, material beside the view."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from napari_lbn.engine.errors import WeightsError
from napari_lbn.engine.network import LBN, LBNConfig, settling
from napari_lbn.engine.network.coarse import low_passed
from napari_lbn.engine.network.latent_grid import LatentGrid
from napari_lbn.engine.network.settling import EDGE, gone_on
from napari_lbn.engine.network.tomography import LatentTomography

from .test_coarse import ANGLES, CONFIG, SIZE, THICKNESS, slab_tilts

ONE_ROUND = dataclasses.replace(CONFIG, coarse_sideways=0.0)


def smooth_error(config: LBNConfig, hidden: np.ndarray) -> float:
    """Of hidden tilts, low-passed, by a network that has learned nothing: 1 - correlation.

    Density that varies over a third of the field of view, and goes on beside it; every visible
    tilt comes with mean 0 and standard deviation 1.
    """
    left = []
    for seed in range(3):
        torch.manual_seed(0)
        network = LBN(config).eval()
        tilts = slab_tilts(40.0, ANGLES, seed=seed, dense=True)
        visible = tilts[torch.from_numpy(~hidden)]
        visible = visible - visible.mean(dim=(2, 3), keepdim=True)
        visible = visible / visible.std(dim=(2, 3), keepdim=True)
        with torch.no_grad():
            made = network(visible, ANGLES[~hidden], ANGLES[hidden], THICKNESS)
        pairs = (made, tilts[torch.from_numpy(hidden)])
        made, truth = (low_passed(v, (8.0, 8.0)).flatten(1).numpy() for v in pairs)
        left += [1 - np.corrcoef(a, b)[0, 1] for a, b in zip(made, truth, strict=True)]
    return float(np.mean(left))


def test_tilts_beyond_the_visible_ones_come_out_better() -> None:
    hidden = np.abs(ANGLES) > 50
    assert smooth_error(CONFIG, hidden) < 0.9 * smooth_error(ONE_ROUND, hidden)


def test_tilts_between_come_out_better() -> None:
    hidden = np.arange(ANGLES.size) % 4 == 2
    assert smooth_error(CONFIG, hidden) < 0.8 * smooth_error(ONE_ROUND, hidden)


def test_the_first_round_asks_for_less_than_the_tilts_differ(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It explains a part of their contrast by density that is not there: hence the power."""
    hidden = np.arange(ANGLES.size) % 4 == 2
    with_power = smooth_error(CONFIG, hidden)
    monkeypatch.setattr(settling, "POWER", 1.0)
    assert with_power < 0.9 * smooth_error(CONFIG, hidden)


def strength_beyond(tilts: torch.Tensor) -> float:
    """Of what changes slowly in synthesized tilts beyond the visible ones."""
    hidden = np.abs(ANGLES) > 50
    torch.manual_seed(0)
    network = LBN(CONFIG).eval()
    with torch.no_grad():
        made = network(tilts[torch.from_numpy(~hidden)], ANGLES[~hidden], ANGLES[hidden], THICKNESS)
    return float(low_passed(made, (8.0, 8.0)).std(dim=(1, 2, 3)).mean())


def test_what_no_volume_explains_is_not_taken_further(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tilts of as many specimens as there are angles, and tilts of one specimen."""
    made = [slab_tilts(40.0, ANGLES[[i]], seed=i, dense=True) for i in range(ANGLES.size)]
    others, one = torch.cat(made), slab_tilts(40.0, ANGLES, seed=1, dense=True)
    careful = [strength_beyond(tilts) for tilts in (others, one)]
    monkeypatch.setattr(settling, "confidence", lambda _: 1.0)
    bold = [strength_beyond(tilts) for tilts in (others, one)]
    assert careful[0] < 0.9 * bold[0]
    assert careful[1] == bold[1]


def test_a_slab_that_was_turned_has_one_round() -> None:
    """Under the random angle offset of training nothing goes on along x."""
    latents = LBN(CONFIG).eval().encode(slab_tilts(24.0, ANGLES)).detach()
    grid = LatentGrid.of(CONFIG, SIZE)
    volumes = []
    for config in (CONFIG, ONE_ROUND):
        volume = torch.zeros(config.volume_channels, grid.nz, 4, grid.nx)
        with torch.no_grad():
            volumes.append(LatentTomography(config).settle(volume, latents, ANGLES, grid))
    assert torch.equal(*volumes)
    assert LatentGrid.of(CONFIG, SIZE, THICKNESS).flat


def test_beside_the_view_a_volume_goes_on_as_at_its_edges() -> None:
    volume, view = torch.randn(3, 40, 1, 5), slice(10, 30)
    width = round(20 * EDGE)
    near = volume[:, 10 : 10 + width].mean(1, keepdim=True)
    far = volume[:, 30 - width : 30].mean(1, keepdim=True)
    on = gone_on(volume, view, 1.0)
    torch.testing.assert_close(on[:, :10], near.expand(-1, 10, -1, -1))
    torch.testing.assert_close(on[:, 30:], far.expand(-1, 10, -1, -1))
    assert torch.equal(on[:, 10:30], volume[:, 10:30])
    torch.testing.assert_close(gone_on(volume, view, 0.5), (volume + on) / 2)


def test_a_share_is_from_0_to_1() -> None:
    with pytest.raises(WeightsError, match="coarse_sideways"):
        LBNConfig(coarse_sideways=1.5)
