"""Convolution units give the same in one piece and in bands."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_lbn.engine.network.layers import ConvUnit, in_bands


@settings(max_examples=50)
@given(
    kernel=st.sampled_from([3, 7, 11]),
    stride=st.sampled_from([1, 2]),
    transposed=st.booleans(),
    groups=st.sampled_from([0, 1, 2]),
    height=st.integers(1, 13).map(lambda n: 2 * n),
    rows=st.integers(1, 30),
    seed=st.integers(0, 1000),
)
def test_bands_equal_one_piece(
    kernel: int, stride: int, transposed: bool, groups: int, height: int, rows: int, seed: int
) -> None:
    torch.manual_seed(seed)
    unit = ConvUnit(
        3, 4, kernel=kernel, stride=stride, groups=groups, transposed=transposed and stride == 2
    ).requires_grad_(False)
    image = torch.randn(2, 3, height, 10)
    whole = unit(image)
    with in_bands(rows):
        banded = unit(image)
    assert banded.shape == whole.shape
    assert torch.linalg.norm(banded - whole) <= 1e-5 * torch.linalg.norm(whole)


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("rows", [1, 4, 5])
def test_bands_equal_one_piece_in_3d(transposed: bool, rows: int) -> None:
    torch.manual_seed(0)
    unit = ConvUnit(2, 4, stride=2, groups=2, dims=3, transposed=transposed).requires_grad_(False)
    volume = torch.randn(1, 2, 8, 12, 4)
    whole = unit(volume)
    with in_bands(rows):
        torch.testing.assert_close(unit(volume), whole, rtol=1e-4, atol=1e-5)


def test_statistics_of_bands_are_those_of_the_whole_image() -> None:
    """A band far brighter than the rest would differ if it were normalised on its own."""
    unit = ConvUnit(1, 4, kernel=3, groups=2).requires_grad_(False)
    image = torch.randn(1, 1, 32, 32)
    image[..., :8, :] += 100
    whole = unit(image)
    with in_bands(8):
        torch.testing.assert_close(unit(image), whole, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("stride", [1, 2])
def test_transposed_convolution_doubles_the_size_exactly(stride: int) -> None:
    unit = ConvUnit(2, 2, kernel=7, stride=stride, groups=1, transposed=stride == 2)
    assert unit(torch.zeros(1, 2, 5, 9)).shape == (1, 2, 5 * stride, 9 * stride)


@pytest.mark.parametrize("depth", [1, 2, 3, 4])
@pytest.mark.parametrize(("stride", "transposed"), [(1, False), (2, False), (2, True)])
def test_half_precision_learns_what_single_precision_does(
    depth: int, stride: int, transposed: bool
) -> None:
    """On every processor: torch 2.13 fails at two slices where there is AVX-512 BF16."""
    torch.manual_seed(0)
    unit = ConvUnit(32, 64, stride=stride, groups=0, dims=3, transposed=transposed)
    x, found = torch.randn(1, 32, depth, 4, 8), []
    target = torch.randn_like(unit(x))
    for half in (False, True):
        unit.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            out = unit(x)
        (out.float() * target).sum().backward()
        gradient = unit.conv.weight.grad
        assert gradient is not None
        found.append(gradient.clone())
    assert torch.linalg.vector_norm(found[1] - found[0]) < 0.02 * torch.linalg.vector_norm(found[0])
