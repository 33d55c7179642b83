"""Wrong use is caught: axis along x, shuffled tilts, angles of another series."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_lbn.engine.evaluation.geometry_check import (
    ALONG_X,
    AS_GIVEN,
    GeometryCheck,
    axis_findings,
    check_geometry,
)
from napari_lbn.engine.evaluation.hold_out.verdict import SIGNS_UNSEEN
from napari_lbn.engine.events import drain
from napari_lbn.engine.io import open_tilt_series
from napari_lbn.engine.tilt_series import TiltSeries


def checked(series: TiltSeries) -> GeometryCheck:
    return drain(check_geometry(series, 20))


def test_a_right_geometry_is_left_alone(particles: TiltSeries) -> None:
    found = checked(particles)
    assert found.findings == ()
    assert max(found.correlations, key=lambda k: found.correlations[k]) == "as given"


def test_a_tilt_axis_along_x_is_caught(particles: TiltSeries) -> None:
    turned = np.ascontiguousarray(np.asarray(particles.images).transpose(0, 2, 1))
    found = checked(replace(particles, images=turned)).findings
    assert any("axis along x" in f.message for f in found)


@pytest.mark.parametrize("seed", range(4))
def test_noise_says_nothing_about_the_axis(seed: int) -> None:
    """Correlations of some hundredths are better along x as often as not."""
    rng = np.random.default_rng(seed)
    values = {AS_GIVEN: rng.normal(0.05, 0.03, 11), ALONG_X: rng.normal(0.06, 0.03, 11)}
    assert axis_findings("TS", values) == []
    values[ALONG_X] += 0.3
    assert len(axis_findings("TS", values)) == 1


@pytest.mark.parametrize("seed", range(3))
def test_shuffled_tilts_are_caught(particles: TiltSeries, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(particles.n_tilts)
    found = checked(replace(particles, sections=order)).findings
    assert any("resemble their neighbours" in f.message for f in found)


def slab(angles: np.ndarray, *, slant: float = 0.0, seed: int = 0) -> TiltSeries:
    """Noisy tilts of a thin slab wider than the field of view, slanted in the microscope."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:24, :160].astype(np.float32)
    images = rng.normal(0, 0.5, (len(angles), *x.shape)).astype(np.float32)
    for _ in range(150):
        px, pz, py = rng.uniform(-160, 160), rng.uniform(-7, 7), rng.uniform(0, 24)
        for i, theta in enumerate(np.deg2rad(angles - slant)):
            q = px * np.cos(theta) + pz * np.sin(theta) + 79.5
            images[i] += 2 * np.exp(-((x - q) ** 2 + (y - py) ** 2) / 5)
    return TiltSeries.from_array(images, angles, pixel_size=10.0, name="slab")


TILTS = np.arange(-57.0, 58, 3)


@pytest.mark.parametrize("slant", [0, 12])
@pytest.mark.parametrize("factor", [0.5, 2 / 3, 1, 1.4])
def test_angles_of_another_increment_are_caught(factor: float, slant: float) -> None:
    """Told from the stretch between neighbours, also where the specimen lies aslant."""
    series = slab(TILTS, slant=slant)
    found = checked(replace(series, angles=TILTS * factor))
    assert found.scale is not None
    assert found.scale.scale == pytest.approx(1 / factor, rel=0.08)
    assert ["increment" in f.message for f in found.findings] == ([] if factor == 1 else [True])


def test_a_specimen_that_is_no_slab_is_left_alone() -> None:
    """A round specimen turns without being stretched; its increment cannot be seen."""
    angles = np.arange(-60.0, 61, 6)
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:24, :80].astype(np.float32)
    images = rng.normal(0, 0.2, (angles.size, 24, 80)).astype(np.float32)
    for _ in range(60):
        radius, phase, py = (
            30 * np.sqrt(rng.uniform()),
            rng.uniform(0, 2 * np.pi),
            rng.uniform(0, 24),
        )
        for i, theta in enumerate(np.deg2rad(angles)):
            q = radius * np.cos(theta - phase) + 39.5
            images[i] += np.exp(-((x - q) ** 2 + (y - py) ** 2) / 5)
    assert checked(TiltSeries.from_array(images, angles, name="round")).findings == ()


COARSE, FINE = "TS254_dev_20A.mrc", "TS254_dev_rows000-299_10A.mrc"
CASES = [(COARSE, 2 / 3), (COARSE, 1), (COARSE, 1.3), (FINE, 2 / 3), (FINE, 1)]


@pytest.mark.parametrize(("name", "factor"), CASES)
def test_the_increment_of_a_real_series_is_known(
    shared_data: Path, name: str, factor: float
) -> None:
    series = open_tilt_series(shared_data / "ts254" / name)
    found = checked(replace(series, angles=series.angles * factor)).findings
    assert ["increment" in f.message for f in found] == ([] if factor == 1 else [True])


def test_axis_and_order_of_a_real_series_are_known(shared_data: Path) -> None:
    series = open_tilt_series(shared_data / "ts254" / COARSE)
    turned = np.ascontiguousarray(np.asarray(series.images).transpose(0, 2, 1))
    found = checked(replace(series, images=turned)).findings
    assert any("axis along x" in f.message for f in found)
    # dose-symmetric acquisition, taken for the order of the angles
    order = np.argsort(np.abs(np.arange(41) - 20) - 0.1 * (np.arange(41) > 20))
    found = checked(replace(series, sections=order)).findings
    assert ["resemble their neighbours" in f.message for f in found] == [True]


def test_a_mirror_of_the_angles_cannot_be_seen(particles: TiltSeries) -> None:
    """Inverted angles give the same figures, which is why the verdict says so."""
    plain, inverted = checked(particles), checked(particles.with_inverted_angles())
    for name, value in plain.correlations.items():
        assert inverted.correlations[name] == pytest.approx(value, abs=0.02)
    assert inverted.findings == ()
    assert "mirror in z" in SIGNS_UNSEEN
