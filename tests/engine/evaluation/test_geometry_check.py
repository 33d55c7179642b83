"""Wrong use is caught: axis along x, shuffled tilts, angles of another series."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_lbn.engine.evaluation.geometry_check import GeometryCheck, check_geometry
from napari_lbn.engine.evaluation.summary import SIGNS_UNSEEN
from napari_lbn.engine.events import drain
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


@pytest.mark.parametrize("seed", range(3))
def test_shuffled_tilts_are_caught(particles: TiltSeries, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(particles.n_tilts)
    found = checked(replace(particles, sections=order)).findings
    assert any("resemble their neighbours" in f.message for f in found)


@pytest.mark.parametrize("factor", [0.5, 2 / 3])
def test_angles_of_another_increment_are_caught(particles: TiltSeries, factor: float) -> None:
    found = checked(replace(particles, angles=particles.angles * factor))
    assert any("angles times" in f.message for f in found.findings), found


def test_a_mirror_of_the_angles_cannot_be_seen(particles: TiltSeries) -> None:
    """Inverted angles give the same figures, which is why the verdict says so."""
    plain, inverted = checked(particles), checked(particles.with_inverted_angles())
    for name, value in plain.correlations.items():
        assert inverted.correlations[name] == pytest.approx(value, abs=0.02)
    assert inverted.findings == ()
    assert "mirror in z" in SIGNS_UNSEEN
