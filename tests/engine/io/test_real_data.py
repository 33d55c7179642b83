"""Real files: every one opens or is refused with an `InputError`, and axes are where they are."""

from __future__ import annotations

import contextlib
from pathlib import Path

import numpy as np
import pytest

from napari_lbn.engine.errors import InputError
from napari_lbn.engine.io import (
    MissingAnglesError,
    find_angle_file,
    is_tilt_series,
    open_tilt_series,
    open_volume,
    read_angles,
)
from napari_lbn.engine.io.checks.series import check_tilt_series
from napari_lbn.engine.io.checks.tilt_axis import measure_tilt_axis
from napari_lbn.engine.tilt_series import TiltSeries


def axis_warnings(series: TiltSeries) -> list[str]:
    return [str(found) for found in check_tilt_series(series) if "tilt axis" in found.message]


def transposed(series: TiltSeries) -> TiltSeries:
    return TiltSeries.from_array(series.images.transpose(0, 2, 1), series.angles)


def test_every_file_opens_or_is_refused_with_an_input_error(shared_data: Path):
    files = [path for path in shared_data.rglob("*") if path.is_file()]
    assert files
    for path in files:
        assert is_tilt_series(path) in (True, False)
        find_angle_file(path)
        for reading in (open_tilt_series, open_volume, read_angles):
            with contextlib.suppress(InputError):
                reading(path)


def test_density_maps_open_as_volumes_and_are_not_claimed(shared_data: Path):
    maps = [*(shared_data / "templates").rglob("*.mrc"), *(shared_data / "maps").rglob("*.mrc")]
    assert maps
    for path in maps:
        assert not is_tilt_series(path)
        volume, pixel_size = open_volume(path)
        assert volume.ndim == 3
        assert pixel_size > 1


def test_ts254_opens_and_has_nothing_wrong(ts254: Path):
    assert is_tilt_series(ts254)
    series = open_tilt_series(ts254)
    assert series.images.shape == (41, 300, 652)
    assert isinstance(series.images, np.memmap)
    assert series.pixel_size == 10
    assert series.angles[[0, -1]] == pytest.approx([-60.01, 59.98])
    assert check_tilt_series(series) == []


def test_ts254_on_its_side_is_told(ts254: Path):
    series = transposed(open_tilt_series(ts254))
    assert abs(measure_tilt_axis(series).angle) == pytest.approx(90, abs=1)
    assert "Rotate the images by 90°" in axis_warnings(series)[0]


def test_ts254_unaligned_is_told_with_the_angle_that_the_alignment_found(shared_data: Path):
    folder = shared_data / "ts254"
    raw = folder / "TS254_raw_20A.mrc"
    with pytest.raises(MissingAnglesError):
        open_tilt_series(raw)
    series = open_tilt_series(raw, angles=folder / "xf_import" / "00254.tlt")
    # Warp's alignment says -4.3 degrees
    assert measure_tilt_axis(series).angle == pytest.approx(-4.3, abs=2)
    assert len(axis_warnings(series)) == 1


def test_the_needle_has_old_angles_and_pixel_size_and_an_axis_off_y(shared_data: Path):
    path = shared_data / "haadf_needle" / "HAADF.mrc"
    series = open_tilt_series(path)
    assert series.history["angles"] == "HAADF.rawtlt"
    assert series.pixel_size == pytest.approx(33.6)
    assert len(series.history["warnings"]) == 2
    np.testing.assert_array_equal(read_angles(path).angles, series.angles)
    assert len(axis_warnings(series)) == 1


def test_the_vesicles_have_an_axis_off_y(shared_data: Path):
    series = open_tilt_series(shared_data / "ev_negstain" / "ev_negstain_aligned.mrc")
    assert series.pixel_size == pytest.approx(72.45)
    assert 15 < measure_tilt_axis(series).angle < 40
    assert len(axis_warnings(series)) == 1


def test_the_lysosome_lacks_its_pixel_size_only(shared_data: Path):
    series = open_tilt_series(shared_data / "lysosome" / "lysosome_aligned.mrc")
    assert series.pixel_size is None
    assert [found.remedy for found in check_tilt_series(series)] == [
        "Give it in Å (--pixel-size, or in the dock)."
    ]
    assert len(axis_warnings(transposed(series))) == 1


@pytest.mark.parametrize("area", range(1, 11))
def test_the_film_needs_its_angles_named_and_lies_across(shared_data: Path, area: int):
    folder = shared_data / "ta_film"
    path = folder / f"Ta_area{area:02d}.mrc"
    assert is_tilt_series(path)
    with pytest.raises(MissingAnglesError):
        open_tilt_series(path)
    series = open_tilt_series(path, angles=folder / "Ta_film.tlt")
    assert series.angles[0] == -63
    assert abs(measure_tilt_axis(series).angle) > 85
    assert len(axis_warnings(series)) == 1
    assert not axis_warnings(transposed(series))


def test_a_serialem_mdoc_gives_the_order_of_a_real_series(shared_data: Path):
    table = read_angles(shared_data / "alignments" / "mdocfile" / "tilt_series.mdoc")
    assert len(table.angles) == 41
    assert table.pixel_size == 5.4
    np.testing.assert_array_equal(table.order, np.arange(41))
    assert table.angles[:3] == pytest.approx([0, 3, -3], abs=0.01)


def test_imods_own_stack_without_an_image_in_it_is_read(shared_data: Path):
    series = open_tilt_series(shared_data / "alignments" / "etomofiles" / "TS_001" / "TS_001.st")
    assert series.n_tilts == 40
    assert series.history["angles"] == "TS_001.tlt"
