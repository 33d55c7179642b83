"""Whole experiments: two truths, the truth tomogram, given volumes, SHREC folders."""

from __future__ import annotations

from dataclasses import replace

import mrcfile
import numpy as np
import pytest

from napari_lbn.engine.errors import Cancelled, InputError
from napari_lbn.engine.events import drain
from napari_lbn.engine.io import open_tilt_series
from napari_lbn.engine.io.mdoc.read import read_mdoc
from napari_lbn.engine.projection import ProjectionGeometry, Projector
from napari_lbn.engine.simulation.experiment import ExperimentSettings, run_experiment
from napari_lbn.engine.simulation.experiment_files import (
    experiment_bytes,
    experiment_files,
    write_experiment,
)
from napari_lbn.engine.simulation.given import specimen_of_volume
from napari_lbn.engine.simulation.imaging.microscope import MicroscopeSettings
from napari_lbn.engine.simulation.shrec import shrec_model, shrec_models
from napari_lbn.engine.simulation.specimens.shapes import PROTEIN

ABSORBING = MicroscopeSettings(
    ctf=False, misalignment=(0.0, 0.0), shading=(0.0, 0.0), exposure_power=(0.0, 0.0)
)


@pytest.fixture
def settings(small) -> ExperimentSettings:
    return ExperimentSettings(
        specimen=small,
        microscope=ABSORBING,
        angles=tuple(float(a) for a in range(-60, 61, 15)),
        truth_angles=(-89.0, -75.0, -60.0, -30.0, 0.0, 30.0, 75.0, 89.0),
    )


def reprojected(tomogram: np.ndarray, angles) -> np.ndarray:
    """Line integrals ``(n, y, x)`` of a tomogram ``(z, y, x)``."""
    import torch

    nz, _, nx = tomogram.shape
    geometry = ProjectionGeometry(angles=tuple(angles), nx=nx, nz=nz, footprint="distance")
    volume = torch.from_numpy(np.ascontiguousarray(tomogram.transpose(0, 2, 1)))
    return Projector(geometry)(volume).numpy().transpose(0, 2, 1)


def test_the_same_seed_gives_the_same_experiment(settings):
    first, again, other = (drain(run_experiment(settings, seed)) for seed in (4, 4, 5))
    np.testing.assert_array_equal(first.tilts, again.tilts)
    np.testing.assert_array_equal(first.box, again.box)
    assert not np.array_equal(first.tilts, other.tilts)


def test_truths_are_the_whole_specimen_and_the_box_alone(settings):
    result = drain(run_experiment(settings, 2))
    np.testing.assert_array_equal(result.whole_angles, [-60, -30, 0, 30])
    np.testing.assert_array_equal(result.box_angles, settings.truth_angles)
    assert (result.whole < 0).all()  # dark where dense
    # Through the middle of the untilted view both show the same but for a constant.
    difference = (result.box[4] - result.whole[2])[:, 12:20]
    assert difference.std() < 0.1 * result.whole[2][:, 12:20].std()
    # Further out, and in tilted views, the box lacks its neighbours.
    assert (result.box[2] - result.whole[0]).std() > 0.2 * result.whole[0].std()


@pytest.mark.parametrize("pre_tilt", [0.0, 12.0])
def test_the_truth_tomogram_projects_onto_the_truth(settings, pre_tilt):
    optics = replace(ABSORBING, pre_tilt=(pre_tilt, pre_tilt))
    specimen = replace(settings.specimen, beads=0.0, carbon=0.0, max_angle=75.0)
    result = drain(run_experiment(replace(settings, microscope=optics, specimen=specimen), 2))
    middle = slice(10, 22)
    at = [int(np.flatnonzero(result.whole_angles == a)[0]) for a in (-30.0, 0.0, 30.0)]
    found = reprojected(result.tomogram, (-30.0, 0.0, 30.0))
    for tilt, truth in zip(found, result.whole[at], strict=True):
        a, b = (t[2:-2, middle] - t[2:-2, middle].mean() for t in (tilt, truth))
        assert (a * b).sum() / np.sqrt((a**2).sum() * (b**2).sum()) > 0.9


def test_noise_has_a_switch_and_the_dose_sets_it(settings):
    clean = drain(run_experiment(replace(settings, noise=False), 3))
    noisy = drain(run_experiment(settings, 3))
    middle = int(np.argmin(np.abs(clean.angles)))
    residual = noisy.tilts[middle] - clean.tilts[middle]
    assert residual.var() == pytest.approx(clean.tilts[middle].mean(), rel=0.15)
    dose = noisy.imaging.dose_of_one
    assert noisy.electrons == pytest.approx(0.5 * dose * 12.0**2)


@pytest.mark.parametrize("snr", [0.0, np.nan, 1e30])
def test_a_signal_to_noise_ratio_is_positive_and_no_more_than_large(settings, snr):
    with pytest.raises(InputError, match="signal-to-noise"):
        replace(settings, snr=snr)


def test_cancelling_ends_the_experiment(settings):
    import threading

    token = threading.Event()
    job = run_experiment(settings, 1, cancel=token)
    next(job)
    token.set()
    with pytest.raises(Cancelled):
        drain(job)


def test_files_of_an_experiment_open_as_a_tilt_series(settings, tmp_path):
    result = drain(run_experiment(settings, 1))
    files = experiment_files(tmp_path / "new", "sim")
    write_experiment(files, result, settings, {"seed": 1})
    assert sorted(files) == sorted((tmp_path / "new").iterdir())
    written = sum(file.stat().st_size for file in files)
    assert 0.7 * written < experiment_bytes(settings) <= written
    series = open_tilt_series(files[0])
    np.testing.assert_array_equal(series.angles, settings.angles)
    assert series.pixel_size == 12
    table = read_mdoc(files[2])
    np.testing.assert_array_equal(table.order, result.imaging.order)
    assert table.dose.max() < result.imaging.dose_of_one * 9
    with mrcfile.open(files[0]) as file:
        assert any(b"SIMULATED" in label for label in file.header.label)
    assert '"simulated": true' in files[-1].read_text()


def test_a_given_volume_is_projected_as_it_is():
    rng = np.random.default_rng(0)
    volume = np.zeros((12, 24, 32), np.float32)
    volume[3:9, 6:18, 8:24] = rng.uniform(0.5, 1, (6, 12, 16))
    specimen = specimen_of_volume(volume, 10.0)
    settings = ExperimentSettings(
        microscope=replace(ABSORBING, mean_free_path=(300.0, 300.0)),
        angles=(-45.0, 0.0, 45.0),
        truth_angles=(-45.0, 0.0, 45.0),
        noise=False,
    )
    result = drain(run_experiment(settings, 0, specimen=specimen))
    expected = reprojected(volume, settings.angles)
    for truth, projection in zip(result.whole, expected, strict=True):
        assert np.corrcoef(truth.ravel(), projection.ravel())[0, 1] < -0.98
    # Ice as thick as the volume absorbs: 12 nm of 300.
    corner = -np.log(result.tilts[1, 0, 0] / result.electrons)
    assert corner == pytest.approx(12 / 300, rel=0.02)
    inverted = specimen_of_volume(-volume, 10.0, dense_is_positive=False)
    np.testing.assert_allclose(inverted.density, specimen.density)


def test_what_is_no_volume_is_refused():
    with pytest.raises(InputError, match="no volume"):
        specimen_of_volume(np.zeros((4, 20)), 10.0)
    with pytest.raises(InputError, match=r"V\.mrc is empty"):
        specimen_of_volume(np.zeros((4, 20, 20)), 10.0, name="V.mrc")
    for value in (np.nan, np.inf):
        volume = np.eye(20, dtype=np.float32)[None].repeat(4, 0)
        volume[2, 7, 9] = value
        with pytest.raises(InputError, match="1 voxels that are not finite"):
            specimen_of_volume(volume, 10.0)


def test_a_volume_with_few_dense_voxels_is_a_volume():
    volume = np.zeros((40, 40, 40), np.float32)
    volume[20, 19:22, 19:22] = 3
    density = specimen_of_volume(volume, 10.0).density
    assert density.max() == pytest.approx(PROTEIN)
    assert np.count_nonzero(density) == 9


@pytest.fixture
def shrec(tmp_path):
    """A folder laid out as SHREC 2021's, much smaller."""
    for number in (0, 3):
        folder = tmp_path / f"model_{number}"
        folder.mkdir()
        volume = np.zeros((10, 16, 20), np.float32)
        volume[4:6, 6:9, 8:11] = 1 + number
        mrcfile.write(folder / "grandmodel.mrc", volume)
        mrcfile.write(folder / "reconstruction.mrc", volume)
        mrcfile.write(folder / "projections_unbinned.mrc", np.zeros((3, 32, 40), np.float32))
        lines = ["# AlignmentTransX AlignmentTransY TiltAngle Magnification FileName"]
        lines += [f"  0.5  -1.25  {angle:8.3f}  1.0  tilt.mrc" for angle in (-60, 0, 60)]
        (folder / "alignment_simulated.txt").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_a_shrec_folder_is_read(shrec):
    assert [model.number for model in shrec_models(shrec)] == [0, 3]
    model = shrec_model(shrec, 3)
    np.testing.assert_array_equal(model.angles, [-60, 0, 60])
    np.testing.assert_array_equal(model.shifts, [[0.5, -1.25]] * 3)
    assert model.projections.name == "projections_unbinned.mrc"
    assert (model.pixel_size, model.voxel_size) == (5.0, 10.0)
    assert shrec_models(shrec / "model_3")[0].density == model.density


def test_another_folder_is_no_shrec_folder(shrec, tmp_path):
    with pytest.raises(InputError, match="model 7"):
        shrec_model(shrec, 7)
    with pytest.raises(InputError, match="no SHREC 2021 folder"):
        shrec_models(tmp_path / "absent")
    (shrec / "model_0" / "alignment_simulated.txt").write_text("nothing here\n")
    with pytest.raises(InputError, match="names no tilt"):
        shrec_models(shrec)


def test_a_model_is_read_whatever_the_others_lack(shrec):
    (shrec / "model_0" / "alignment_simulated.txt").write_text("nothing here\n")
    assert shrec_model(shrec, 3).number == 3
    (shrec / "model_5").mkdir()
    with pytest.raises(InputError, match=r"no model 5 with a grandmodel\.mrc\. It holds 0, 3"):
        shrec_model(shrec, 5)
