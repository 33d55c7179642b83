"""FSC: regions divide Fourier space, identical volumes agree, what is added stays in the wedge."""

from __future__ import annotations

import numpy as np
import pytest

from napari_lbn.engine.errors import InputError
from napari_lbn.engine.evaluation.fsc import (
    CONSISTENCY,
    FSCCurve,
    fourier_shell_correlation,
)
from napari_lbn.engine.events import drain
from napari_lbn.engine.fourier_regions import (
    CONES,
    GLOBAL,
    INSIDE,
    OUTSIDE,
    all_regions,
    wedge_regions,
)

ANGLES = np.arange(-60.0, 61, 3)


def direction(theta: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The Fourier vector along which the tilt at this angle lies."""
    t = np.deg2rad(theta)
    return np.full((1, 1), np.sin(t)), np.zeros((1, 1)), np.full((1, 1), np.cos(t))


@pytest.mark.parametrize("theta", [-90, -75, -63, -60, -30, 0, 59, 60, 63, 80, 90])
def test_the_wedge_is_where_no_tilt_lies(theta: float) -> None:
    inside = wedge_regions(ANGLES)[INSIDE](*direction(theta))
    assert bool(inside.all()) == (abs(theta) > 61.5)
    assert bool(inside.all()) != bool(wedge_regions(ANGLES)[OUTSIDE](*direction(theta)).all())


def test_a_lopsided_range_has_a_lopsided_wedge() -> None:
    inside = wedge_regions(np.arange(-40.0, 71, 2))[INSIDE]
    assert inside(*direction(-60)).all()
    assert not inside(*direction(60)).any()


def curves(a: np.ndarray, b: np.ndarray, **more: object) -> dict[str, FSCCurve]:
    return drain(fourier_shell_correlation(a, b, ANGLES, **more))


def test_a_volume_agrees_with_itself_everywhere() -> None:
    volume = np.random.default_rng(0).normal(size=(20, 24, 32))
    for curve in curves(volume, 3 * volume + 7, pixel_size=10.0).values():
        known = curve.correlation[np.isfinite(curve.correlation)]
        np.testing.assert_allclose(known, 1, atol=1e-5)
        assert curve.resolution(0.5) == pytest.approx(20)
        assert curve.resolution_text(0.5) == "≤ 20.0 Å"  # nobody knows how much finer


def test_noise_agrees_nowhere() -> None:
    rng = np.random.default_rng(1)
    curve = curves(rng.normal(size=(32, 32, 32)), rng.normal(size=(32, 32, 32)))[GLOBAL]
    assert np.abs(curve.correlation[4:]).max() < 0.2


def test_the_resolution_is_where_the_signal_ends() -> None:
    """Signal to 0.2 cycles per pixel in noise: the curve falls at 50 Å for 10 Å pixels."""
    rng = np.random.default_rng(2)
    grid = np.meshgrid(*(np.fft.fftfreq(48) for _ in range(3)), indexing="ij")
    radius = np.sqrt(sum(g**2 for g in grid))
    spectrum = np.fft.fftn(rng.normal(size=(48, 48, 48))) * (radius < 0.2)
    signal = np.fft.ifftn(spectrum).real
    a, b = (signal / signal.std() + rng.normal(0, 1.5, signal.shape) for _ in range(2))
    curve = curves(a, b, pixel_size=10.0)[GLOBAL]
    assert curve.resolution(0.5) == pytest.approx(50, rel=0.08)
    assert curve.resolution_text(0.5).startswith(("4", "5"))
    assert not curve.never_falls(0.5)
    assert 35 < curve.resolution(1 / 7) <= 50


def test_thin_slabs_have_curves_in_every_region() -> None:
    volume = np.random.default_rng(3).normal(size=(8, 40, 48))
    found = curves(volume, volume)
    assert set(found) == {GLOBAL, INSIDE, OUTSIDE, *CONES}
    for curve in found.values():
        assert np.isfinite(curve.correlation).sum() >= 3


def test_an_error_in_the_wedge_is_seen_there_only() -> None:
    rng = np.random.default_rng(4)
    shape = (32, 32, 32)
    a, noise = rng.normal(size=shape), rng.normal(size=shape)
    kz, ky, kx = np.meshgrid(*(np.fft.fftfreq(n) for n in shape), indexing="ij")
    mask = all_regions(ANGLES)[INSIDE](kz, ky, kx)
    b = a + np.fft.ifftn(np.fft.fftn(noise) * mask).real * 3
    found = curves(a, b)
    assert found[OUTSIDE].mean() > 0.9
    assert found[INSIDE].mean() < 0.6
    assert found["cone along x"].mean() > found["cone along z"].mean() + 0.2


def test_one_network_gives_consistency_not_resolution() -> None:
    volume = np.random.default_rng(5).normal(size=(16, 16, 16))
    found = curves(volume, volume, same_network=True)
    for name, curve in found.items():
        assert (curve.meaning == CONSISTENCY) == (name != OUTSIDE)
        assert (curve.resolution(0.5) is None) == (name != OUTSIDE)


def test_volumes_of_different_size_are_refused() -> None:
    with pytest.raises(InputError, match="cannot be compared"):
        curves(np.zeros((4, 4, 4)), np.zeros((4, 4, 5)))
