"""Crops that follow a point, and held-out tilts that nothing can reach."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_lbn.engine.errors import InputError
from napari_lbn.engine.io.checks.series import refuse_defects
from napari_lbn.engine.tilt_series import TiltSeries
from napari_lbn.engine.training.examples.crops import (
    Crop,
    LazyTilts,
    detector_positions,
    draw_crop,
    read_crop,
)
from napari_lbn.engine.training.examples.draw import ExampleSettings, draw_example
from napari_lbn.engine.training.validation import as_training_series, hold_out, score, split

ANGLES = np.arange(-60.0, 61, 5)


def ball(x: float, z: float, width: int, angles=ANGLES) -> np.ndarray:
    """Tilts ``(n, 24, width)`` of a ball at (x, z) from the rotation axis."""
    q = (width - 1) / 2 + detector_positions(angles, (x, z))
    rows, columns = np.ogrid[:24, :width]
    return np.stack([np.exp(-((rows - 12) ** 2 + (columns - c) ** 2) / 18) for c in q])


@pytest.mark.parametrize("point", [(0.0, 0.0), (21.3, 0.0), (-17.0, 6.5), (10.2, -9.1)])
def test_a_crop_is_the_specimen_moved(point: tuple[float, float]) -> None:
    tilts = ball(point[0] + 3, point[1] - 5, 128)
    crop = Crop(top=0, rows=24, columns=48, point=point)
    np.testing.assert_allclose(read_crop(tilts, ANGLES, crop), ball(3, -5, 48), atol=0.01)


@given(
    height=st.integers(8, 300), width=st.integers(8, 300), size=st.integers(8, 200),
    depth=st.floats(0, 100), seed=st.integers(0, 1000),
)  # fmt: skip
def test_crops_stay_inside(height: int, width: int, size: int, depth: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    crop = draw_crop((height, width), ANGLES, size, depth, rng)
    assert crop.rows == min(size, height)
    assert crop.columns in (min(size, width), size + 1)
    assert 0 <= crop.top <= height - crop.rows
    reach = np.abs(detector_positions(ANGLES, crop.point)).max() + crop.columns / 2
    assert reach <= width / 2 + 1e-9


def test_crops_keep_the_noise_white() -> None:
    noise = np.random.default_rng(0).standard_normal((25, 24, 128)).astype(np.float32)
    crop = Crop(top=0, rows=24, columns=64, point=(10.3, 3.0))
    assert read_crop(noise, ANGLES, crop).std() == pytest.approx(1.0, abs=0.06)


class Guarded:
    """Images that remember which sections and rows were read."""

    def __init__(self, images: np.ndarray) -> None:
        self.images, self.shape, self.dtype = images, images.shape, images.dtype
        self.sections: set[int] = set()
        self.rows = 0

    def __getitem__(self, key):
        self.sections.add(int(key[0]))
        out = self.images[key]
        self.rows = max(self.rows, out.shape[0])
        return out


@pytest.mark.parametrize("every", [2, 4, 8])
def test_training_never_reads_a_held_out_tilt(every: int) -> None:
    images = Guarded(np.random.default_rng(0).standard_normal((25, 200, 96)).astype(np.float32))
    rng = np.random.default_rng(1)
    order = rng.permutation(25)
    series = TiltSeries.from_array(images, ANGLES[order], pixel_size=10.0)
    seen, held = split(series, every)
    assert {0, 24}.isdisjoint(held)
    source = as_training_series(seen, 60)
    settings = ExampleSettings(crop=32)
    for seed in range(25):
        draw_example(source, settings, np.random.default_rng(seed), lambda c, *_: c)
    assert images.sections == {int(series.sections[i]) for i in seen.included}
    assert images.sections.isdisjoint(int(series.sections[i]) for i in held)
    assert images.rows <= 32
    case = hold_out(seen, held, 60, size=64)
    np.testing.assert_array_equal(case.target_angles, series.angles[held])
    assert not np.isin(case.target_angles, case.visible_angles).any()


def test_excluded_tilts_are_neither_seen_nor_held_out() -> None:
    series = TiltSeries.from_array(np.zeros((25, 8, 8), np.float32), ANGLES, excluded={3, 4, 5})
    seen, held = split(series, 3)
    assert {3, 4, 5}.isdisjoint(held)
    assert {3, 4, 5} <= seen.excluded
    assert len(LazyTilts(seen)) + len(held) == 22


def test_too_few_tilts_to_hold_out() -> None:
    series = TiltSeries.from_array(np.zeros((3, 8, 8), np.float32), [-10, 0, 10], name="TS_short")
    with pytest.raises(InputError, match="TS_short"):
        split(series, 2)


def test_perfect_prediction_scores_one() -> None:
    series = TiltSeries.from_array(ball(3, 5, 64).astype(np.float32), ANGLES)
    seen, held = split(series, 4)
    case = hold_out(seen, held, 32)
    scores = score([case.targets], [case])
    assert scores.mse == 0
    assert scores.correlations == pytest.approx((1, 1, 1))


def test_series_of_different_shapes_train_together() -> None:
    for shape, step in (((40, 64), 5), ((90, 33), 3), ((16, 128), 2)):
        angles = np.arange(-40.0, 41, step)
        images = np.random.default_rng(0).standard_normal((angles.size, *shape))
        source = as_training_series(TiltSeries.from_array(images, angles), 50)
        settings = ExampleSettings(crop=32, offset_probability=0, n_targets=0)
        example = draw_example(source, settings, np.random.default_rng(0), lambda c, *_: c)
        assert len(example.targets) == angles.size
        assert example.targets.shape[2:] == (min(32, shape[0]), 32 + shape[1] % 2)
        assert example.thickness is not None
        assert 50 <= example.thickness <= 75


def test_a_series_without_anything_on_it_does_not_train() -> None:
    images = np.random.default_rng(0).standard_normal((25, 40, 40)).astype(np.float32)
    images[7] = 0
    series = TiltSeries.from_array(images, ANGLES, pixel_size=10.0, name="TS_blank")
    with pytest.raises(InputError, match="TS_blank: 1 tilt"):
        refuse_defects(series)
    refuse_defects(series.with_excluded([7]))
