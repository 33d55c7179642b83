"""TS254, raw, through Warp's and IMOD's alignment files: it becomes the aligned stack."""

from __future__ import annotations

from pathlib import Path

import mrcfile
import numpy as np
import pytest
from scipy import ndimage

from napari_lbn.engine.io import is_tilt_series, open_tilt_series
from napari_lbn.engine.io.checks.series import check_tilt_series
from napari_lbn.engine.tilt_series import TiltSeries

EDGE = 10
TILTS = (0, 10, 20, 30, 40)


@pytest.fixture(scope="module")
def folder(shared_data: Path) -> Path:
    return shared_data / "ts254"


@pytest.fixture(scope="module")
def aligned(folder: Path) -> np.ndarray:
    """Rows 0 to 149 as the authors of the data aligned them."""
    return np.array(mrcfile.mmap(folder / "TS254_dev_20A.mrc").data)


@pytest.fixture
def raw(folder: Path) -> Path:
    return folder / "TS254_raw_20A.mrc"


def smooth(image: np.ndarray) -> np.ndarray:
    return ndimage.gaussian_filter(image, 1.5)[EDGE:-EDGE, EDGE:-EDGE]


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


def shift_between(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(y, x) by which `a` is moved against `b`, from the peak of their correlation."""
    window = np.outer(np.hanning(a.shape[0]), np.hanning(a.shape[1]))
    spectra = [np.fft.rfft2((image - image.mean()) * window) for image in (a, b)]
    peak = np.fft.fftshift(np.fft.irfft2(spectra[0] * spectra[1].conj(), s=a.shape))
    y, x = np.unravel_index(peak.argmax(), peak.shape)
    fine = [
        0.5 * (line[0] - line[2]) / (line[0] - 2 * line[1] + line[2])
        for line in (peak[y - 1 : y + 2, x], peak[y, x - 1 : x + 2])
    ]
    return np.array([y, x]) - np.array(a.shape) // 2 + fine


def compare(series: TiltSeries, aligned: np.ndarray) -> np.ndarray:
    """Correlation with the aligned stack and shifts (y, x), a row a tilt."""
    rows = []
    for tilt in TILTS:
        image = series.read([tilt], slice(0, aligned.shape[1]))[0]
        moved = shift_between(image, aligned[tilt])
        rows.append([correlation(smooth(image), smooth(aligned[tilt])), *moved])
    return np.array(rows)


def test_warps_alignment_gives_the_aligned_stack(folder: Path, raw: Path, aligned: np.ndarray):
    series = open_tilt_series(raw, alignment=folder / "00254.xml")
    assert series.angles[[0, -1]] == pytest.approx([-60.01, 59.98])
    assert series.pixel_size == 20
    np.testing.assert_array_equal(series.order[:2], [39, 38])
    found = compare(series, aligned)
    assert found[:, 0].min() > 0.985
    assert np.abs(found[:, 1:]).max() < 0.05


def test_imods_transformations_are_those_that_warp_imported(folder: Path, raw: Path):
    """Warp's own import of the same .xf says in Å what the .xf says in pixels of 10 Å."""
    imod = open_tilt_series(raw, alignment=folder / "xf_import", alignment_pixel_size=10.0)
    warp = open_tilt_series(raw, alignment=folder / "xf_import" / "00254.xml")
    for tilt in TILTS:
        a, b = (series.read([tilt])[0] for series in (imod, warp))
        np.testing.assert_allclose(a, b, atol=2e-3 * b.std())
    np.testing.assert_allclose(imod.angles, warp.angles, atol=0.006)


def test_imods_coarser_alignment_is_near_the_refined_one(
    folder: Path, raw: Path, aligned: np.ndarray
):
    series = open_tilt_series(raw, alignment=folder / "xf_import", alignment_pixel_size=10.0)
    found = compare(series, aligned)
    # Warp moved single tilts by up to 35 Å after that import
    assert np.abs(found[:, 1:]).max() < 2.5
    assert np.median(found[:, 0]) > 0.93


def test_the_alignment_stands_the_axis_upright(folder: Path, raw: Path):
    series = open_tilt_series(raw, alignment=folder / "00254.xml")
    texts = [str(finding) for finding in check_tilt_series(series)]
    assert not [text for text in texts if "tilt axis" in text]
    assert [text for text in texts if "AreAnglesInverted" in text]


def test_alignment_files_open_by_themselves(folder: Path, raw: Path, tmp_path: Path):
    (tmp_path / "00254.mrc").symlink_to(raw)
    (tmp_path / "00254.xml").write_bytes((folder / "00254.xml").read_bytes())
    assert is_tilt_series(tmp_path)
    assert is_tilt_series(tmp_path / "00254.xml")
    for path in (tmp_path, tmp_path / "00254.xml"):
        series = open_tilt_series(path)
        assert series.n_tilts == 41
        assert series.history["alignment"]["axis_angle"] == pytest.approx(-4.3)
