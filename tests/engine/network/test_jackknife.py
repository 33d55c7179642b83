"""The jackknife over tilts: what it leaves out, and the bias that it takes away."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from napari_lbn.engine.errors import InputError
from napari_lbn.engine.network.jackknife import extrapolate, kept_tilts, require_groups


@given(count=st.integers(8, 60), groups=st.integers(2, 8), seed=st.integers(0, 99))
def test_every_tilt_is_left_out_once_and_gaps_are_even(count: int, groups: int, seed: int) -> None:
    angles = np.random.default_rng(seed).permutation(np.linspace(-60, 60, count))
    kept = kept_tilts(angles, groups)
    out = [np.setdiff1d(np.arange(count), tilts) for tilts in kept]
    assert sorted(np.concatenate(out)) == list(range(count))
    for tilts in out:  # every so many in the order of the angles
        steps = np.diff(np.sort(angles[tilts]))
        np.testing.assert_allclose(steps, groups * 120 / (count - 1))


@given(
    groups=st.integers(2, 8),
    count=st.integers(2, 12),
    truth=st.floats(-5, 5),
    bias=st.floats(-5, 5),
)
def test_a_bias_that_falls_with_the_number_of_tilts_is_halved(
    groups: int, count: int, truth: float, bias: float
) -> None:
    tilts = groups * count
    image = torch.full((3, 2), truth + bias / tilts, dtype=torch.float64)
    fewer = torch.full((3, 2), truth + bias / (tilts - count), dtype=torch.float64)
    extrapolate(image, fewer, groups)
    assert image.numpy() == pytest.approx(truth + bias / tilts / 2, abs=1e-9)


def test_what_cannot_be_is_refused() -> None:
    for groups in (-1, 1, 9):
        with pytest.raises(InputError, match="cannot be"):
            require_groups(groups)
    require_groups(0)
    with pytest.raises(InputError, match="7 tilts are too few"):
        kept_tilts(np.arange(7.0), 2)
