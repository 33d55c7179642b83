"""How tilts agree with what one volume shows of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from napari_lbn.engine.network.tilt_agreement import (
    CERTAIN,
    CHANCE,
    MOST,
    confidence,
    explained_share,
    tilt_scales,
)

from .test_coarse import ANGLES, slab_tilts


@given(st.lists(st.floats(0.7, 1.3), min_size=ANGLES.size, max_size=ANGLES.size))
def test_scales_are_those_of_the_tilts(factors: list[float]) -> None:
    explained = slab_tilts(24.0, ANGLES)
    scales = tilt_scales(explained, explained * torch.tensor(factors).view(-1, 1, 1, 1), ANGLES)
    np.testing.assert_allclose(scales, np.array(factors) / np.mean(factors), rtol=1e-4)


def test_levels_of_tilts_do_not_matter_to_their_scales() -> None:
    explained = slab_tilts(24.0, ANGLES)
    measured = explained + torch.linspace(-3, 3, ANGLES.size).view(-1, 1, 1, 1)
    torch.testing.assert_close(
        tilt_scales(explained, measured, ANGLES), torch.ones(ANGLES.size), rtol=1e-3, atol=1e-3
    )


@pytest.mark.parametrize("blank", ["explained", "measured", "both"])
def test_blank_tilts_have_scales_all_the_same(blank: str) -> None:
    tilts = {name: slab_tilts(24.0, ANGLES) for name in ("explained", "measured")}
    for name in tilts if blank == "both" else (blank,):
        tilts[name][7] = 0
    scales = tilt_scales(tilts["explained"], tilts["measured"], ANGLES)
    assert ((scales >= 1 / MOST) & (scales <= MOST)).all()
    nothing = torch.zeros_like(tilts["measured"])
    assert torch.equal(tilt_scales(nothing, nothing, ANGLES), torch.ones(ANGLES.size))


@given(st.floats(0.1, 10), st.floats(-3, 3))
def test_a_volume_that_explains_the_tilts_explains_all_of_them(gain: float, level: float) -> None:
    tilts = slab_tilts(24.0, ANGLES)
    assert explained_share(tilts, gain * tilts + level, ANGLES) == pytest.approx(1, abs=1e-3)


def test_noise_on_the_tilts_is_the_share_that_is_not_explained() -> None:
    generator = torch.Generator().manual_seed(0)
    tilts, noise = torch.randn(2, ANGLES.size, 1, 32, 64, generator=generator)
    assert explained_share(tilts, tilts + noise, ANGLES) == pytest.approx(0.5, abs=0.03)


@pytest.mark.parametrize("sign", [0.0, -1.0])
def test_nothing_is_explained_by_nothing_or_the_opposite(sign: float) -> None:
    tilts = slab_tilts(24.0, ANGLES)
    assert explained_share(sign * tilts, tilts, ANGLES) == 0


def test_only_what_the_untilted_view_shows_is_compared() -> None:
    explained = slab_tilts(24.0, ANGLES)
    measured = explained.clone()
    beside = int(measured.shape[-1] * (1 - np.cos(np.radians(ANGLES[0]))) / 2)
    measured[0, ..., :beside] = 1e3
    assert explained_share(explained, measured, ANGLES) == pytest.approx(1, abs=1e-3)
    measured[0, ..., beside : 2 * beside] = 1e3
    assert explained_share(explained, measured, ANGLES) < 0.999


def test_confidence_rises_from_chance_to_certainty() -> None:
    assert confidence(0) == confidence(CHANCE) == 0
    assert confidence(CERTAIN) == confidence(1) == 1
    assert confidence((CHANCE + CERTAIN) / 2) == pytest.approx(0.5)
