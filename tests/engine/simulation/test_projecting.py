from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_lbn.engine.simulation.imaging.microscope import Imaging, MicroscopeSettings
from napari_lbn.engine.simulation.imaging.projecting import project_specimen
from napari_lbn.engine.simulation.series import clean_tilts
from napari_lbn.engine.simulation.specimens.beads import Beads, project_shadows
from napari_lbn.engine.simulation.specimens.grid import Grid
from napari_lbn.engine.simulation.specimens.specimen import make_specimen

ANGLES = (-89.0, -60.0, -33.0, 0.0, 21.0, 45.0, 72.0, 90.0)


def centroid(image: np.ndarray) -> np.ndarray:
    """(y, x) centre of mass in pixels."""
    y, x = np.indices(image.shape)
    return np.array([(image * y).sum(), (image * x).sum()]) / image.sum()


def absorbing(angles) -> Imaging:
    """Imaging without contrast transfer and misalignment."""
    optics = MicroscopeSettings(ctf=False, misalignment=(0.0, 0.0), shading=(0.0, 0.0))
    return Imaging.draw(optics, angles, np.random.default_rng(0))


@pytest.mark.parametrize("view_centre", [0.0, -15.0])
@pytest.mark.parametrize("point", [(0.0, 0.0, 0.0), (4.0, 7.0, -3.0), (-5.25, 3.4, 6.1)])
def test_a_point_lands_where_the_geometry_says(point_specimen, point, view_centre):
    z, x, y = point
    specimen = point_specimen(z, x, y, view_centre=view_centre)
    tilts = clean_tilts(specimen, absorbing(ANGLES), ANGLES, view=0)
    assert tilts.shape == (len(ANGLES), 24, 32)
    for angle, tilt in zip(np.deg2rad(ANGLES), tilts, strict=True):
        expected = [y + 23 / 2, x * np.cos(angle) + z * np.sin(angle) + 31 / 2]
        np.testing.assert_allclose(centroid(tilt), expected, atol=0.05)


def test_a_point_keeps_its_mass_at_every_angle(point_specimen):
    tilts = project_specimen(point_specimen(2.0, -3.0, 1.0), ANGLES)
    np.testing.assert_allclose(tilts.sum(axis=(1, 2)), tilts[3].sum(), rtol=1e-3)


def test_a_uniform_slab_projects_to_its_thickness_over_the_cosine(plain):
    specimen = make_specimen(plain, 0)
    angles = (-60.0, 0.0, 30.0, 60.0)
    tilts = project_specimen(specimen, angles)
    expected = specimen.thickness / np.cos(np.deg2rad(angles))
    np.testing.assert_allclose(tilts.mean(axis=(1, 2)), expected, rtol=0.02)


@pytest.mark.parametrize("angle", [47.1, 53.0, 61.0])
def test_a_wedge_of_ice_projects_without_a_ripple(plain, angle):
    # Its exact projection is as smooth as its thickness: a ramp.
    specimen = make_specimen(replace(plain, gradient=0.4, oversampling=1), 3)
    tilt = project_specimen(specimen, (angle,))[0, 8, 4:-4]
    ripple = tilt[1:-1] - (tilt[:-2] + tilt[2:]) / 2
    assert np.abs(ripple).max() < 2e-3 * tilt.mean()


@given(seed=st.integers(0, 10_000), sign=st.sampled_from([-1, 1]))
@settings(max_examples=5, deadline=None)
def test_material_beside_the_untilted_view_fills_both_edges_at_60_degrees(seed, sign):
    from .conftest import SMALL

    specimen = make_specimen(replace(SMALL, cell=0.0, carbon=0.0), seed)
    tilt = project_specimen(specimen, (sign * 60.0,))[0]
    thinnest = 0.15 * specimen.settings.thickness[0]
    assert tilt[:, :4].min() > thinnest
    assert tilt[:, -4:].min() > thinnest
    assert specimen.grid.nx > 2 * specimen.settings.oversampling * specimen.settings.field[1]


def test_the_reconstruction_box_holds_less_where_its_neighbours_came_in(small):
    specimen = make_specimen(small, 3)
    whole, box = (
        project_specimen(specimen, (0.0, 60.0), box_only=box_only) for box_only in (False, True)
    )
    middle = slice(whole.shape[2] // 2 - 8, whole.shape[2] // 2 + 8)
    lost = (whole - box)[0][:, middle]
    np.testing.assert_allclose(lost, lost.mean(), rtol=1e-4)  # the mean of each layer
    assert np.abs(box[1, :, -8:]).mean() < 0.6 * whole[1, :, -8:].mean()


def test_a_box_of_plain_ice_has_no_shadow(plain):
    specimen = make_specimen(plain, 0)
    tilts = project_specimen(specimen, (0.0, 55.0, 80.0), box_only=True)
    assert np.abs(tilts).max() < 1e-3 * specimen.thickness


def test_beads_cast_their_shadow_where_their_volume_projects():
    grid = Grid(nz=40, nx=60, ny=44, spacing=1.0)
    beads = Beads(centres=np.array([[14.3, 38.7, 20.2]]), radii=np.array([5.0]))
    density = np.zeros(grid.shape, np.float32)
    beads.add_to(density)
    angles = np.array([-50.0, 0.0, 35.0])
    shadows = project_shadows(
        beads, angles, centre_zx=(19.5, 29.5), shape=(44, 60), weights=np.ones(1)
    )
    volume = 4 / 3 * np.pi * 5.0**3
    for angle, shadow in zip(np.deg2rad(angles), shadows, strict=True):
        q = (38.7 - 29.5) * np.cos(angle) + (14.3 - 19.5) * np.sin(angle) + 29.5
        np.testing.assert_allclose(centroid(shadow), [20.2, q], atol=0.03)
        assert shadow.sum() == pytest.approx(volume, rel=0.02)
    np.testing.assert_allclose(centroid(density.sum(axis=0).T), [20.2, 38.7], atol=0.03)
    assert density.sum() == pytest.approx(volume, rel=0.03)
