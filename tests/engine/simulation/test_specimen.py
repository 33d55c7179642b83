from __future__ import annotations

from dataclasses import replace

import mrcfile
import numpy as np
import pytest

from napari_lbn.engine.errors import InputError, MemoryBoundError
from napari_lbn.engine.simulation.specimens.crowd import add_cloud, add_molecules, add_texture
from napari_lbn.engine.simulation.specimens.embedded import Sites, add_embedded
from napari_lbn.engine.simulation.specimens.grid import Grid, power_law_field
from napari_lbn.engine.simulation.specimens.layers import CellBody, Slab
from napari_lbn.engine.simulation.specimens.membranes import bilayer, vesicle
from napari_lbn.engine.simulation.specimens.settings import INGREDIENTS, SpecimenSettings
from napari_lbn.engine.simulation.specimens.shapes import PROTEIN, clump, library, read_maps
from napari_lbn.engine.simulation.specimens.specimen import make_specimen


def test_the_same_seed_gives_the_same_specimen_and_another_seed_another(small):
    first, again, other = (make_specimen(small, seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first.density, again.density)
    assert first.ingredients == again.ingredients
    assert first.density.shape != other.density.shape or not np.array_equal(
        first.density, other.density
    )


@pytest.mark.parametrize("name", INGREDIENTS)
def test_every_ingredient_has_a_switch_that_changes_the_specimen(plain, name):
    # Embedded proteins need something to be embedded in.
    plain = replace(plain, sheets=float(name == "embedded"))
    without = make_specimen(plain, 4)
    assert name not in without.ingredients
    specimen = make_specimen(replace(plain, **{name: 1.0}), 4)
    assert set(specimen.ingredients) == {*without.ingredients, name}
    assert np.abs(specimen.density - without.density).max() > 0.02


def test_switching_one_ingredient_off_leaves_the_others_where_they_were(plain):
    both = make_specimen(replace(plain, vesicles=1.0, filaments=1.0), 8).density
    vesicles = make_specimen(replace(plain, vesicles=1.0), 8).density
    filaments = make_specimen(replace(plain, filaments=1.0), 8).density
    ice = make_specimen(plain, 8).density
    np.testing.assert_allclose(both, vesicles + filaments - ice, atol=1e-5)


def test_a_leaning_slab_rises_along_the_tilt_axis(plain):
    density = make_specimen(replace(plain, lean=(10.0, 10.0)), 0).density
    z = np.arange(density.shape[0])
    middle = (density.mean(axis=1) * z[:, None]).sum(axis=0) / density.mean(axis=1).sum(axis=0)
    slope = np.polyfit(np.arange(middle.size), middle, 1)[0]
    assert slope == pytest.approx(np.tan(np.deg2rad(10)), rel=0.02)


def test_thickness_in_nanometres_is_clipped_in_pixels(plain):
    settings = replace(plain, thickness=(15.0, 40.0), pixel_size=(10.0, 20.0))
    found = []
    for seed in range(12):
        specimen = make_specimen(replace(settings, thickness_nm=(20.0, 60.0)), seed)
        found.append(specimen.thickness)
        assert 14.5 < specimen.thickness < 40.5
        assert specimen.thickness * specimen.pixel_size / 10 < 60.5
    assert np.ptp(found) > 5


def test_thick_slabs_have_one_voxel_a_pixel_and_the_same_depth(plain):
    fine, coarse = (make_specimen(replace(plain, coarse_beyond=n), 3) for n in (110.0, 10.0))
    assert (fine.settings.oversampling, coarse.settings.oversampling) == (2, 1)
    assert coarse.density.size * 8 == fine.density.size
    assert coarse.thickness == pytest.approx(fine.thickness, rel=0.02)
    depth = [specimen.density.sum(axis=0).mean() for specimen in (fine, coarse)]
    assert depth[0] == pytest.approx(2 * depth[1], rel=0.02)


def test_embedded_proteins_stand_upright_on_their_membrane():
    grid = Grid(nz=41, nx=41, ny=41, spacing=1.0)
    sites = Sites()
    sites.add(np.array([[20.0, 20.0, 20.0]] * 40), np.array([[0.0, 3.0, 4.0]] * 40))
    excess = np.zeros(grid.shape, np.float32)
    add_embedded(excess, grid, sites, np.random.default_rng(0))
    axes = np.indices(grid.shape).reshape(3, -1) - 20
    mass = excess.ravel() / excess.sum()
    moments = (axes * mass) @ axes.T
    # Longest along the normal (z 0, x 3, y 4).
    longest = np.linalg.eigh(moments)[1][:, -1]
    assert abs(longest @ [0, 0.6, 0.8]) > 0.9


def test_membranes_tell_where_proteins_may_sit():
    grid = Grid(nz=60, nx=60, ny=60, spacing=1.0)
    sites, rng = Sites(), np.random.default_rng(0)
    sites.add_ellipsoid(np.array([30.0, 30.0, 30.0]), np.array([20.0, 20.0, 20.0]), grid, rng)
    points, normals = sites.points[0] - 30, sites.normals[0]
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), 20, rtol=1e-6)
    np.testing.assert_allclose(points / 20, normals, atol=1e-6)


def test_ice_beside_a_cell_is_emptier_than_the_cell():
    grid = Grid(nz=24, nx=120, ny=60, spacing=1.5)
    flat = np.zeros((grid.nx, grid.ny), np.float32)
    inward = np.where(np.arange(grid.nx) < 60, 100, -100)[:, None] + flat
    cell = CellBody(inward=inward.astype(np.float32), rim=20.0, half_height=15.0, cytoplasm=0.0)
    slab = Slab(middle=flat, half=flat + 17, cell=cell)
    rng = np.random.default_rng(0)
    for fill in (add_texture, add_molecules, add_cloud):
        excess = np.zeros(grid.shape, np.float32)
        fill(excess, grid, slab, rng)
        assert excess[:, 66:].std() < 0.7 * excess[:, :54].std()


def test_a_flat_slab_is_ice_between_two_vacua(plain):
    specimen = make_specimen(plain, 0)
    profile = specimen.density.mean(axis=(1, 2))
    thick = specimen.settings.oversampling * 20
    assert profile.sum() == pytest.approx(thick, abs=0.5)
    assert profile[len(profile) // 2] == pytest.approx(1)
    assert profile[0] == pytest.approx(profile[-1])


def test_uneven_surfaces_and_a_gradient_change_the_thickness_from_place_to_place(plain):
    for changed in ({"gradient": 0.4}, {"roughness": 0.06}):
        thickness = make_specimen(replace(plain, **changed), 2).density.sum(axis=0)
        assert thickness.std() > 0.2
        assert thickness.min() > 0


def test_dense_things_are_positive_and_vacuum_is_nought(small):
    everything = replace(small, **dict.fromkeys(INGREDIENTS, 1.0))
    density = make_specimen(everything, 1).density
    assert density.dtype == np.float32
    assert density.min() == 0
    assert density.max() > 1.5
    assert np.isfinite(density).all()


def test_views_lie_side_by_side_and_all_within_the_specimen(small):
    specimen = make_specimen(replace(small, views=3), 0)
    assert specimen.view_centres == (-24.0, 0.0, 24.0)
    assert specimen.grid.nx / 2 > 2 * (24 + 32 / 2 / np.cos(np.deg2rad(60)))


def test_macromolecules_are_as_large_as_asked_and_as_dense_as_protein():
    rng = np.random.default_rng(0)
    for diameter in (12.0, 30.0):
        shape = clump(diameter, rng)
        extent = [np.ptp(np.flatnonzero(shape.max(axis=a) > 0.2 * shape.max())) for a in range(3)]
        assert max(shape.shape) < 2.2 * diameter
        assert max(extent) > 0
        assert 0.3 * PROTEIN < shape.max() <= PROTEIN


def test_density_maps_of_a_folder_join_the_library(tmp_path):
    z, y, x = np.indices((20, 20, 20)) - 9.5
    ball = (z**2 + y**2 + x**2 < 36).astype(np.float32)
    mrcfile.write(tmp_path / "ball.mrc", ball, voxel_size=10.0)
    shapes = library(0, 0.5, np.random.default_rng(0), (tmp_path,))
    balls = [*shapes, *read_maps((tmp_path / "ball.mrc",), 0.5)]
    assert len(balls) == 3
    # Margins are trimmed: an empty box would keep neighbours away.
    assert all(max(ball.shape) <= 2 * (12 + 6) for ball in balls)
    solid = (balls[0] > PROTEIN / 2).sum() * 0.5**3
    assert solid == pytest.approx(4 / 3 * np.pi * 6**3, rel=0.15)


def test_a_folder_without_readable_maps_is_refused_by_name(tmp_path):
    with pytest.raises(InputError, match="holds no density maps"):
        library(1, 0.5, np.random.default_rng(0), (tmp_path,))
    (tmp_path / "broken.mrc").write_bytes(b"no map")
    with pytest.raises(InputError, match=r"broken\.mrc"):
        library(1, 0.5, np.random.default_rng(0), (tmp_path,))


def test_a_vesicle_has_two_leaflets_around_its_lumen():
    patch = vesicle(np.array([20.0, 25.0, 16.0]), 0.5, 0.1, bilayer(0.5), np.random.default_rng(1))
    line = patch[patch.shape[0] // 2, patch.shape[1] // 2 :, patch.shape[2] // 2]
    peaks = np.flatnonzero((line[1:-1] > line[:-2]) & (line[1:-1] > line[2:]) & (line[1:-1] > 0.2))
    assert line[0] == pytest.approx(0.1, abs=1e-3)
    assert line[-1] == pytest.approx(0, abs=1e-3)
    assert peaks.size == 2
    assert np.diff(peaks)[0] * 0.5 == pytest.approx(3.8, abs=1.1)


def test_the_power_of_a_field_falls_as_its_exponent_says():
    field = power_law_field((256, 256), 3.0, np.random.default_rng(0))
    power = np.abs(np.fft.fft2(field)) ** 2
    k = np.hypot(np.fft.fftfreq(256)[:, None], np.fft.fftfreq(256))
    low = power[(k > 0.04) & (k < 0.06)].mean()
    high = power[(k > 0.16) & (k < 0.24)].mean()
    assert np.log(low / high) / np.log(4) == pytest.approx(3, abs=0.3)
    assert field.std() == pytest.approx(1, rel=1e-3)


@pytest.mark.parametrize(
    "wrong",
    [
        {"cell": 1.5},
        {"thickness": (0.0, 3.0)},
        {"max_angle": 89.0},
        {"views": 0},
        {"gradient": 5.0},
        {"roughness": -1.0},
        {"pixel_size": (np.nan, np.nan)},
    ],
)
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(InputError):
        SpecimenSettings(**wrong)


def test_a_specimen_larger_than_the_memory_is_refused_before_it_is_drawn(small):
    with pytest.raises(MemoryBoundError, match="GB are free"):
        make_specimen(replace(small, field=(100_000, 100_000)), 0)
