"""Tomograms of other programs: placed on visible tilts, scored on hidden ones, kept honest."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from itertools import product
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from napari_lbn.engine.correct import measure_intensities
from napari_lbn.engine.errors import Cancelled, InputError, OutputError
from napari_lbn.engine.evaluation.exchange.fold_export import export_folds
from napari_lbn.engine.evaluation.exchange.fold_import import import_folds
from napari_lbn.engine.evaluation.exchange.fold_index import INDEX, read_folds
from napari_lbn.engine.evaluation.exchange.placement import Placement, fit_placement
from napari_lbn.engine.evaluation.hold_out.folds import edge_fold, k_fold
from napari_lbn.engine.evaluation.hold_out.run import HoldOutSettings, hold_out
from napari_lbn.engine.evaluation.hold_out.verdict import verdict
from napari_lbn.engine.evaluation.prediction.predictors import WBP_NAME
from napari_lbn.engine.events import CancelToken, drain
from napari_lbn.engine.io import open_tilt_series
from napari_lbn.engine.reconstruction.wbp import WBPSettings, back_project_slab
from napari_lbn.engine.tilt_series import TiltSeries

WBP = WBPSettings(thickness=20)


@pytest.fixture
def tomogram(particles: TiltSeries) -> np.ndarray:
    stats = measure_intensities(particles)
    tilts = np.stack([stats.normalised(t, i) for i, t in enumerate(particles.read())])
    return back_project_slab(tilts, particles.angles, None, WBP)


def fitted(volume: np.ndarray, series: TiltSeries) -> Placement:
    return drain(fit_placement(volume, series, measure_intensities(series)))


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 1, 0), (1, 2, 0)])
@pytest.mark.parametrize("inverted", [False, True])
def test_axis_order_and_contrast_are_found(
    particles: TiltSeries, tomogram: np.ndarray, order: tuple[int, int, int], inverted: bool
) -> None:
    foreign = np.transpose(-tomogram if inverted else tomogram, np.argsort(order))
    found = fitted(foreign, particles)
    assert found.inverted == inverted
    np.testing.assert_array_equal(found.apply(foreign), tomogram)
    assert found.correlation > 0.5


@pytest.mark.parametrize("flips", list(product((False, True), repeat=3)))
def test_flips_are_found(
    particles: TiltSeries, tomogram: np.ndarray, flips: tuple[bool, ...]
) -> None:
    flipped = tomogram[tuple(slice(None, None, -1 if f else 1) for f in flips)]
    found = fitted(flipped, particles)
    assert found.flips == flips
    for axis, name in enumerate("zyx"):
        assert (f"{name} reversed" in found.sentence) <= flips[axis]


def test_the_scale_is_found(particles: TiltSeries, tomogram: np.ndarray) -> None:
    binned = tomogram.reshape(10, 2, 20, 2, 24, 2).mean(axis=(1, 3, 5))
    found = fitted(binned, particles)
    assert found.scale == pytest.approx(2)
    assert not any(found.flips)
    assert "voxel 2 times" in found.sentence


def test_a_volume_of_another_shape_is_refused(particles: TiltSeries) -> None:
    with pytest.raises(InputError, match="in no axis order"):
        fitted(np.zeros((20, 33, 47), np.float32), particles)


def test_exported_folds_hold_no_hidden_tilt(particles: TiltSeries, tmp_path: Path) -> None:
    folds = [*k_fold(particles, 3), edge_fold(particles, 6)]
    written = drain(export_folds(particles, folds, tmp_path / "folds", WBP))
    assert [p.name for p in written] == [
        "fold_00_part_1_of_3",
        "fold_01_part_2_of_3",
        "fold_02_part_3_of_3",
        "fold_03_edge_6",
        INDEX,
    ]
    for fold, place in zip(folds, written[:-1], strict=True):
        visible = open_tilt_series(place / "visible.mrc")
        hidden = particles.angles[list(fold.hidden)]
        assert not set(visible.angles) & set(hidden)
        np.testing.assert_allclose(visible.read(), fold.visible(particles).read())
        with mrcfile.open(place / "wbp.mrc") as mrc:
            assert mrc.data.shape == (20, 40, 48)


def test_tomograms_of_other_folds_are_never_scored(particles: TiltSeries, tmp_path: Path) -> None:
    """They may have seen what would be hidden."""
    drain(export_folds(particles, k_fold(particles, 3), tmp_path, WBP))
    for place in tmp_path.glob("fold_*"):
        shutil.copy(place / "wbp.mrc", place / "foreign.mrc")
    drain(export_folds(particles, k_fold(particles, 3), tmp_path, WBP))  # the same folds
    fewer = particles.with_excluded([0])
    index = (tmp_path / INDEX).read_text()
    with pytest.raises(OutputError, match=r"made of other folds, such as .*foreign\.mrc"):
        drain(export_folds(fewer, k_fold(fewer, 3), tmp_path, WBP))
    assert (tmp_path / INDEX).read_text() == index
    (tmp_path / INDEX).unlink()  # an export that was stopped
    with pytest.raises(OutputError, match="other folds"):
        drain(export_folds(particles, k_fold(particles, 3), tmp_path, WBP))


def test_a_stopped_export_leaves_no_index_of_other_folds(
    particles: TiltSeries, tmp_path: Path
) -> None:
    """It would call tilts hidden that the stacks now hold."""
    drain(export_folds(particles, k_fold(particles, 3), tmp_path, WBP))
    fresh = CancelToken()
    fresh.set()
    with pytest.raises(Cancelled):
        drain(export_folds(particles, k_fold(particles, 3), tmp_path, WBP, cancel=fresh))
    assert read_folds(particles, tmp_path)  # the same folds: nothing to be confused with
    with pytest.raises(Cancelled):
        drain(export_folds(particles, k_fold(particles, 2), tmp_path, WBP, cancel=fresh))
    with pytest.raises(InputError, match="cannot be read"):
        read_folds(particles, tmp_path)


def test_imported_tomograms_score_as_the_same_method_here(
    particles: TiltSeries, quick: HoldOutSettings, tmp_path: Path
) -> None:
    """Our own WBP of each fold, read back as if from another program, gets WBP's figures."""
    folds = k_fold(particles, 3)
    drain(export_folds(particles, folds, tmp_path, WBP))
    for place in tmp_path.glob("fold_*"):
        shutil.copy(place / "wbp.mrc", place / "foreign.mrc")
    result, placements = drain(import_folds(particles, read_folds(particles, tmp_path)))
    own = drain(hold_out(particles, folds, {}, quick))
    ours = {(s.fold, s.angle, s.scale): s for s in own.scores if s.method == WBP_NAME}
    assert len(result.scores) == len(ours)
    for s in result.scores:
        assert s.method == "foreign"
        assert not s.in_sample
        same = ours[s.fold, s.angle, s.scale]
        assert s.correlation == pytest.approx(same.correlation, abs=0.01)
    assert len(placements) == 3


def test_the_hidden_tilts_are_found_again_where_angles_repeat(
    particles: TiltSeries, tmp_path: Path
) -> None:
    """By angle the first of them would stand for both, and an excluded one for its neighbour."""
    angles = particles.angles.copy()
    angles[4] = angles[3]
    repeated = replace(particles, angles=angles).with_excluded([0, 7])
    folds = k_fold(repeated, 3)
    drain(export_folds(repeated, folds, tmp_path, WBP))
    assert [fold for fold, _ in read_folds(repeated, tmp_path)] == folds
    (tmp_path / INDEX).write_text(json.dumps({"format": "napari-lbn folds 1", "folds": [{}]}))
    with pytest.raises(InputError, match="another version"):
        read_folds(repeated, tmp_path)


def test_folds_of_another_series_are_refused(particles: TiltSeries, tmp_path: Path) -> None:
    drain(export_folds(particles, k_fold(particles, 2), tmp_path, WBP))
    other = replace(particles, images=np.asarray(particles.images) + 1)
    with pytest.raises(InputError, match="another series"):
        drain(import_folds(other, read_folds(other, tmp_path)))
    with pytest.raises(InputError, match="no tomograms of another program"):
        drain(import_folds(particles, read_folds(particles, tmp_path)))
    index = json.loads((tmp_path / INDEX).read_text())
    (tmp_path / INDEX).write_text(json.dumps({"format": index["format"]}))
    with pytest.raises(InputError, match="damaged"):
        drain(import_folds(particles, read_folds(particles, tmp_path)))
    with pytest.raises(InputError, match="cannot be read"):
        read_folds(particles, tmp_path / "nothing")


def test_in_sample_rows_are_never_ranked(particles: TiltSeries, quick: HoldOutSettings) -> None:
    """A tomogram that has seen the answer would win; it takes no part in the verdict."""
    result = drain(hold_out(particles, k_fold(particles, 3), {}, quick))
    seen = [
        replace(s, method="seen", correlation=1.0, in_sample=True)
        for s in result.scores
        if s.method == WBP_NAME
    ]
    own = [
        replace(s, method="LBN", correlation=0.99) for s in result.scores if s.method == WBP_NAME
    ]
    found = verdict([*result.scores, *seen, *own])
    assert found is not None
    assert found.baseline != "seen"
    assert found.rank == "better"
