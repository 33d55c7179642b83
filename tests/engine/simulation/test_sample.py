from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from napari_lbn.engine.projection import ProjectionGeometry, Projector
from napari_lbn.engine.simulation import sample_series
from napari_lbn.engine.simulation.dataset import SAMPLE_SEED


@pytest.fixture(scope="module")
def sample():
    return sample_series()


def test_the_sample_is_a_tilt_series_of_41_tilts(sample):
    series, truth = sample
    np.testing.assert_array_equal(series.angles, np.arange(-60, 61, 3))
    assert series.image_shape == (192, 256)
    assert series.pixel_size == 10
    assert series.history["simulated"] is True
    assert series.history["seed"] == SAMPLE_SEED
    assert truth.shape[1:] == (192, 256)


def test_counts_fall_with_tilt(sample):
    means = sample[0].images.mean(axis=(1, 2))
    assert means[20] == pytest.approx(30, rel=0.05)
    assert (np.diff(means[:19]) > 0).all()
    assert (np.diff(means[22:]) < 0).all()


def test_the_truth_projects_onto_the_tilts_dark_where_dense(sample):
    series, truth = sample
    angles = (-30.0, 0.0, 30.0)
    geometry = ProjectionGeometry(angles=angles, nx=256, nz=truth.shape[0], footprint="distance")
    volume = torch.from_numpy(np.ascontiguousarray(truth.transpose(0, 2, 1)))
    projections = Projector(geometry)(volume).numpy().transpose(0, 2, 1)

    def detail(image):
        """Structure of some pixels, which neither gradients nor noise hide."""
        smooth = ndimage.gaussian_filter(image, 2) - ndimage.gaussian_filter(image, 8)
        return smooth[20:-20, 60:-60].ravel()

    for angle, projection in zip(angles, projections, strict=True):
        tilt = series.read([int(np.flatnonzero(series.angles == angle)[0])])[0]
        right = np.corrcoef(detail(projection), detail(tilt))[0, 1]
        mirrored = np.corrcoef(detail(projection[:, ::-1]), detail(tilt))[0, 1]
        assert right > 0.5
        assert right > mirrored + 0.3
