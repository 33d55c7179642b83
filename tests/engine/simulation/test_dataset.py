from __future__ import annotations

import errno
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from napari_lbn.engine.errors import InputError, OutputError
from napari_lbn.engine.simulation.dataset import (
    SAMPLE_SEED,
    TRAINING_SEEDS,
    VALIDATION_SEEDS,
    seeds_of_set,
    settings_key,
    write_training_set,
    write_validation_set,
)
from napari_lbn.engine.simulation.series import SimulationSettings, simulate_series
from napari_lbn.engine.simulation.series_files import load_series


@pytest.fixture
def settings(small) -> SimulationSettings:
    return SimulationSettings(specimen=replace(small, views=2), angles=(-60.0, -30.0, 0.0, 45.0))


def test_the_same_seed_gives_the_same_series(settings):
    first, again = (simulate_series(settings, 7) for _ in range(2))
    np.testing.assert_array_equal(first.clean, again.clean)
    assert first.clean.shape == (4, 24, 32)
    assert first.clean.dtype == np.float32
    assert np.isfinite(first.clean).all()


def test_images_are_dark_where_clean_tilts_are_dense(settings):
    series = simulate_series(settings, 7)
    images = series.images()
    assert np.corrcoef(images[2].ravel(), series.clean[2].ravel())[0, 1] < -0.95
    assert images[2].mean() == pytest.approx(series.exposure[2], rel=0.2)


def test_noise_refers_to_the_untilted_view(settings):
    series = simulate_series(settings, 7)
    noise = series.noisy(0.2, np.random.default_rng(0)) - series.clean
    level = noise.std(axis=(1, 2))
    np.testing.assert_allclose(level / level[2], series.profile / series.profile[2], rtol=0.15)


def test_files_are_complete_and_say_what_they_hold(settings, tmp_path):
    paths = list(write_training_set(tmp_path / "set", 3, settings, seed0=20))
    names = ["series_0000020_0.npz", "series_0000020_1.npz", "series_0000021_0.npz"]
    assert [path.name for path in paths] == names
    assert sorted(p.name for p in (tmp_path / "set").iterdir()) == names
    series = load_series(paths[0])
    fresh = simulate_series(settings, 20)
    np.testing.assert_allclose(series.clean, fresh.clean, atol=2e-3 * fresh.clean.std())
    np.testing.assert_array_equal(series.angles, settings.angles)
    assert series.pixel_size == pytest.approx(12)
    assert series.metadata == {**fresh.metadata, "settings": settings_key(settings, None)}
    assert load_series(paths[1]).metadata["view"] == 1


def test_training_series_may_come_with_truth_or_that_of_the_box_alone(settings, tmp_path):
    for truth in ("both", "box"):
        (path,) = write_training_set(tmp_path / truth, 1, settings, truth=truth)
        assert load_series(path).clean.shape == (4, 24, 32)
    with np.load(tmp_path / "both" / path.name) as both, np.load(path) as alone:
        assert both["truth"].shape == both["truth_box"].shape == (60, 24, 32)
        assert set(both) - set(alone) == {"truth"}
        np.testing.assert_array_equal(alone["truth_box"], both["truth_box"])
        np.testing.assert_array_equal(alone["truth_angles"], both["truth_angles"])


def test_another_truth_is_refused(tmp_path):
    with pytest.raises(InputError, match="'half' is no kind of truth"):
        next(write_training_set(tmp_path / "other", 1, SimulationSettings(), truth="half"))
    assert not (tmp_path / "other").exists()


def test_an_interrupted_job_goes_on_where_it_was(settings, tmp_path):
    job = write_training_set(tmp_path, 4, settings)
    first = next(job)
    job.close()
    stamp = first.stat().st_mtime_ns
    rest = list(write_training_set(tmp_path, 4, settings))
    assert len(rest) == 3
    assert first not in rest
    assert first.stat().st_mtime_ns == stamp
    assert list(write_training_set(tmp_path, 4, settings)) == []


def test_series_of_other_settings_are_never_mixed(settings, tmp_path):
    list(write_training_set(tmp_path, 1, settings))
    other = replace(settings, angles=settings.angles[1:])
    for job in (
        write_training_set(tmp_path, 2, other),
        write_training_set(tmp_path, 2, settings, truth="box"),
    ):
        with pytest.raises(InputError, match="made with other settings"):
            next(job)
    assert len(list(tmp_path.iterdir())) == 1
    list(write_training_set(tmp_path, 1, other, seed0=50))  # other specimens may be


def test_maps_may_lie_elsewhere_when_a_set_goes_on(settings):
    here, there, another = (
        replace(settings, specimen=replace(settings.specimen, maps=(Path(name),)))
        for name in ("/a/1abc.mrc", "/b/1abc.mrc", "/a/2def.mrc")
    )
    assert settings_key(here, None) == settings_key(there, None) != settings_key(another, None)


def test_a_damaged_series_is_named(settings, tmp_path):
    (path,) = write_training_set(tmp_path, 1, settings)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(InputError, match=rf"{path.name} is no simulated series"):
        next(write_training_set(tmp_path, 1, settings))


def test_views_of_one_specimen_overlap_but_differ(settings, tmp_path):
    first, second = (load_series(p).clean for p in write_training_set(tmp_path, 2, settings))
    assert np.corrcoef(first[2].ravel(), second[2].ravel())[0, 1] < 0.9


def test_a_failed_write_leaves_nothing_behind(settings, tmp_path, monkeypatch):
    def full(file, **arrays):
        file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(OutputError, match="series_0000000_0"):
        list(write_training_set(tmp_path, 1, settings))
    assert list(tmp_path.iterdir()) == []


def test_validation_series_come_with_truth_at_the_whole_range(settings, tmp_path):
    (path,) = write_validation_set(tmp_path, 1, settings)
    assert path.name == "series_1000000_0.npz"
    with np.load(path) as data:
        angles = data["truth_angles"]
        truth, box = data["truth"], data["truth_box"]
    assert angles.min() > -90
    assert angles.max() == pytest.approx(90)
    assert set(settings.angles) <= set(angles.tolist())
    assert truth.shape == box.shape == (60, 24, 32)
    # Whole specimen and measured tilts show the same thing, but for shifts and defocus.
    series = load_series(path)
    at = int(np.flatnonzero(angles == 0)[0])
    assert np.corrcoef(truth[at].ravel(), series.clean[2].ravel())[0, 1] > 0.8
    assert abs(box[0].mean()) < 0.1 * truth[0].mean()  # less the mean of each layer
    assert list(write_validation_set(tmp_path, 1, settings)) == []


def test_seeds_of_training_validation_and_sample_are_apart():
    assert not set(TRAINING_SEEDS) & set(VALIDATION_SEEDS)
    assert SAMPLE_SEED not in TRAINING_SEEDS
    assert SAMPLE_SEED not in VALIDATION_SEEDS
    assert seeds_of_set(5, 2, None, validation=False) == range(3)
    assert seeds_of_set(5, 1, None, validation=True) == range(1_000_000, 1_000_005)
    assert seeds_of_set(2, 2, 999_999, validation=False) == range(999_999, 1_000_000)
    for count, views, first, validation in ((3, 2, 999_999, False), (1, 1, 3, True)):
        with pytest.raises(InputError, match="not of this kind"):
            seeds_of_set(count, views, first, validation=validation)


def test_angles_beyond_90_degrees_are_refused():
    with pytest.raises(InputError, match="between -90 and 90"):
        SimulationSettings(angles=(0.0, 100.0))
