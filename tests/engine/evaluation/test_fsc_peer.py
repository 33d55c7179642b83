"""The same curves as the field's library finds (dependency group `peers`)."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import fft

from napari_lbn.engine.evaluation import fsc
from napari_lbn.engine.events import drain
from napari_lbn.engine.fourier_regions import all_regions

ANGLES = np.arange(-60.0, 61, 3)
SHAPE = (48, 56, 64)
FIRST = 5
"""Shells below hold so few voxels that another width of shell tells another value."""


def two_noisy_copies() -> tuple[np.ndarray, np.ndarray]:
    """Volumes whose correlation falls with frequency, and faster along z than along x."""
    rng = np.random.default_rng(0)
    kz, ky, kx = np.meshgrid(*(fft.fftfreq(n) for n in SHAPE), indexing="ij", sparse=True)
    envelope = np.exp(-20 * (2 * kz**2 + ky**2 + 0.5 * kx**2))
    signal = fft.ifftn(fft.fftn(rng.normal(size=SHAPE)) * envelope).real
    noise = 0.7 * signal.std()
    first, second = (signal + noise * rng.normal(size=SHAPE) for _ in range(2))
    return first, second


def test_torch_fourier_shell_correlation_finds_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Globally, in and out of the wedge, and in cones; it does not fade volumes out."""
    torch = pytest.importorskip("torch")
    peer = pytest.importorskip("torch_fourier_shell_correlation").fourier_shell_correlation
    monkeypatch.setattr(fsc, "TAPER", 0.0)
    first, second = two_noisy_copies()
    ours = drain(fsc.fourier_shell_correlation(first, second, ANGLES))
    grids = fft.fftfreq(SHAPE[0])[:, None, None], fft.fftfreq(SHAPE[1])[None, :, None]
    kx = fft.rfftfreq(SHAPE[2])[None, None, :]
    pair = [torch.from_numpy(v - v.mean()) for v in (first, second)]
    for name, region in all_regions(ANGLES).items():
        mask = np.broadcast_to(region(*grids, kx), (*SHAPE[:2], SHAPE[2] // 2 + 1))
        theirs = peer(*pair, torch.from_numpy(mask.copy())).numpy()
        frequency = fft.rfftfreq(min(SHAPE))
        curve = ours[name]
        expected = np.interp(curve.frequency, frequency, theirs)[FIRST:]
        found = curve.correlation[FIRST:]
        assert found.max() > 0.5 > found.min()
        np.testing.assert_allclose(found, expected, atol=0.1)
        assert np.abs(found - expected).mean() < 0.02
