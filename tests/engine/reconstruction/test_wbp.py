"""Weighted back-projection: densities, weights, edges and the sum of its parts."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from napari_lbn.engine.angular_weights import measured_weights, synthesized_weights
from napari_lbn.engine.errors import InputError
from napari_lbn.engine.events import SlabReady
from napari_lbn.engine.geometry import angles_to_synthesize
from napari_lbn.engine.projection import ProjectionGeometry, Projector
from napari_lbn.engine.reconstruction import WBPSettings, back_project_slab, reconstruct

SIZE = 96
FULL_RANGE = np.arange(-89.0, 91.0)
SERIES = {
    "symmetric": np.arange(-60.0, 61.0, 3.0),
    "uneven": np.array([-61.0, -57, -55, -50, -20, -18, 0, 3, 9, 33]),
    "one-sided": np.arange(-10.0, 65.0, 3.0),
}


def ellipse_projections(angles, *, centre_zx=(6.0, -9.0), axes_zx=(14.0, 25.0), density=2.0):
    """Analytic projections ``(n, 1, SIZE)`` of a uniform ellipse, and its plane ``(z, x)``."""
    (cz, cx), (az, ax) = centre_zx, axes_zx
    theta = np.deg2rad(np.asarray(angles))[:, None]
    q = np.arange(SIZE) - (SIZE - 1) / 2
    reach = (ax * np.cos(theta)) ** 2 + (az * np.sin(theta)) ** 2
    s = q - (cx * np.cos(theta) + cz * np.sin(theta))
    tilts = 2 * density * ax * az * np.sqrt(np.clip(reach - s**2, 0, None)) / reach
    z, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    radius = np.hypot((z - cz) / az, (x - cx) / ax)
    return tilts[:, None].astype(np.float32), radius


@pytest.mark.parametrize("name", ["ramp", "hamming", "cosine"])
def test_full_range_recovers_the_density_of_an_analytic_phantom(name):
    """The unit of the tomogram is density per pixel, whatever the number of tilts."""
    for step in (1, 2):
        angles = FULL_RANGE[::step]
        tilts, radius = ellipse_projections(angles)
        settings = WBPSettings(thickness=SIZE, filter=name)
        tomogram = back_project_slab(tilts, angles, None, settings)[:, 0]
        assert tomogram[radius < 0.8].mean() == pytest.approx(2, rel=2e-3)
        assert tomogram[radius < 0.8].std() < 0.05
        assert abs(tomogram[radius > 1.3].mean()) < 0.01


def test_half_the_angles_twice_is_the_same_as_all_of_them_once():
    """Repeated tilts share their weight."""
    tilts, _ = ellipse_projections(SERIES["symmetric"])
    angles = SERIES["symmetric"]
    settings = WBPSettings(thickness=40)
    once = back_project_slab(tilts, angles, None, settings)
    twice = back_project_slab(tilts.repeat(2, axis=0), angles.repeat(2), None, settings)
    np.testing.assert_allclose(twice, once, atol=1e-5)


def test_unfiltered_it_is_plain_back_projection():
    angles, weights = SERIES["uneven"], np.linspace(1, 2, 10)
    tilts = np.random.default_rng(0).normal(size=(10, 3, 24)).astype(np.float32)
    tilts[..., :6] = tilts[..., -6:] = 0  # nothing beyond the edges either
    tomogram = back_project_slab(tilts, angles, weights, WBPSettings(thickness=9, filter="none"))
    projector = Projector(ProjectionGeometry(angles=tuple(angles), nx=24, nz=9))
    weighted = torch.from_numpy(tilts * weights[:, None, None].astype(np.float32))
    expected = projector.T(weighted.transpose(1, 2)).transpose(1, 2).numpy()
    np.testing.assert_allclose(tomogram, expected, atol=1e-5)


@pytest.mark.parametrize("fill_gaps", [False, True])
@pytest.mark.parametrize("angles", SERIES.values(), ids=SERIES)
def test_measured_plus_synthesized_is_the_augmented_stack(angles, fill_gaps):
    rng = np.random.default_rng(0)
    new = angles_to_synthesize(angles, fill_gaps=fill_gaps)
    tilts = rng.normal(size=(len(angles), 4, 48)).astype(np.float32)
    new_tilts = rng.normal(size=(len(new), 4, 48)).astype(np.float32)
    settings = WBPSettings(thickness=20)
    weights = measured_weights(angles), synthesized_weights(angles, new)

    measured = back_project_slab(tilts, angles, weights[0], settings)
    synthesized = back_project_slab(new_tilts, new, weights[1], settings)

    plain = back_project_slab(tilts, angles, None, settings)
    np.testing.assert_array_equal(measured + np.float32(0) * synthesized, plain)

    order = np.argsort(np.concatenate([angles, new]))
    augmented = back_project_slab(
        np.concatenate([tilts, new_tilts])[order],
        np.concatenate([angles, new])[order],
        np.concatenate(weights)[order],
        settings,
    )
    np.testing.assert_allclose(measured + synthesized, augmented, atol=2e-6 * np.ptp(augmented))


@pytest.mark.parametrize("angles", SERIES.values(), ids=SERIES)
def test_measured_tilts_weigh_the_same_alone_and_among_synthesized_ones(angles):
    """Around the half circle, synthesized tilts take what measured ones leave, and no more."""
    alone = measured_weights(angles)
    new = angles_to_synthesize(angles)
    ring = np.sort(np.concatenate([angles, new]))
    around = np.deg2rad((np.roll(ring, -1) - np.roll(ring, 1)) % 180) / 2
    among = around[np.isin(ring, angles)]
    np.testing.assert_allclose(among[1:-1], alone[1:-1])
    np.testing.assert_allclose(around[~np.isin(ring, angles)], synthesized_weights(angles, new))


def wide_specimen(density: float) -> tuple[np.ndarray, np.ndarray, tuple[float, ...]]:
    """Tilts of a slab three times as wide as the field of view, and what the field sees."""
    angles = tuple(SERIES["symmetric"])
    noise = np.random.default_rng(0).normal(size=(24, 288, 4))
    slab = density + 8 * gaussian_filter(noise, (2, 2, 0))
    geometry = ProjectionGeometry(angles=angles, nx=288, nz=24, footprint="distance")
    tilts = Projector(geometry)(torch.from_numpy(slab).float()).transpose(1, 2).numpy()
    return tilts, tilts[..., 96:192], angles


@pytest.mark.parametrize("density", [0.0, 1.0, 5.0])
def test_x_edges_do_not_ring(density):
    wide, seen, angles = wide_specimen(density)
    settings = WBPSettings(thickness=24)
    truth = back_project_slab(wide, angles, None, settings)[..., 96:192]
    tomogram = back_project_slab(seen, angles, None, settings)
    error = np.sqrt(((tomogram - truth) ** 2).mean((0, 1))) / truth.std()
    # The outermost pixel misses part of what it needs; a dozen pixels in, nothing shows.
    assert error.max() < 0.6
    assert error[12:-12].max() < 0.15
    # And no bright or dark rim, however dense the specimen is.
    assert abs((tomogram - truth)[..., [0, 1, 2, -3, -2, -1]].mean()) < 0.2 * truth.std()


def test_every_voxel_finds_a_value_at_every_tilt():
    """In a thick box at a high tilt, corners land beyond the detector."""
    tilts = np.full((2, 1, 40), 7.0, np.float32)
    tomogram = back_project_slab(
        tilts, (-70.0, 80.0), (1.0, 1.0), WBPSettings(thickness=120, filter="none")
    )
    np.testing.assert_allclose(tomogram, 14, rtol=1e-5)


def test_the_mirrored_series_gives_the_mirrored_tomogram():
    angles = SERIES["uneven"]
    tilts = np.random.default_rng(0).normal(size=(len(angles), 2, 30)).astype(np.float32)
    settings = WBPSettings(thickness=11)
    tomogram = back_project_slab(tilts, angles, None, settings)
    mirrored = back_project_slab(tilts[::-1, :, ::-1], -angles[::-1], None, settings)
    np.testing.assert_allclose(mirrored[..., ::-1], tomogram, atol=1e-5)


@given(dtype=st.sampled_from([np.int8, np.uint16, np.float16, np.dtype(">f4"), np.float64]))
@settings(max_examples=5)
def test_any_number_type_and_read_only_memory(dtype):
    tilts = np.arange(5 * 2 * 16).reshape(5, 2, 16).astype(dtype)
    tilts.flags.writeable = False
    options = WBPSettings(thickness=4)
    angles = np.linspace(-40, 40, 5)
    expected = back_project_slab(tilts.astype(np.float32), angles, None, options)
    np.testing.assert_array_equal(back_project_slab(tilts, angles, None, options), expected)
    as_tensor = torch.from_numpy(tilts.astype(np.float32))
    np.testing.assert_array_equal(back_project_slab(as_tensor, angles, None, options), expected)


def test_parts_and_settings_decide_what_reconstruct_gives():
    angles = SERIES["uneven"]
    tilts = np.random.default_rng(0).normal(size=(len(angles), 6, 20)).astype(np.float32)
    settings = WBPSettings(thickness=8, filter="hamming")
    events = list(
        reconstruct(
            lambda rows: tilts[:, rows], angles, None, (6, 20), settings, part="synthesized"
        )
    )
    (slab,) = [event for event in events if isinstance(event, SlabReady)]
    assert slab.part == "synthesized"
    np.testing.assert_array_equal(slab.slab, back_project_slab(tilts, angles, None, settings))


@pytest.mark.parametrize(
    "options",
    [{"thickness": 0}, {"thickness": 8, "filter": "sinc"}, {"thickness": 8, "memory_bound": 0}],
)
def test_impossible_settings_are_refused(options):
    with pytest.raises(InputError):
        WBPSettings(**options)


@pytest.mark.parametrize(
    ("angles", "weights"), [((0.0, 1.0), (1.0,)), ((), ()), ((0.0, 1.0), None)]
)
def test_numbers_that_differ_are_refused(angles, weights):
    with pytest.raises(InputError):
        back_project_slab(np.zeros((3, 2, 8)), angles, weights, WBPSettings(thickness=4))
