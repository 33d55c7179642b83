"""Opening a tilt series: what belongs together is found, what does not is told."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import mrcfile
import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st

from napari_lbn.engine.errors import InputError
from napari_lbn.engine.io import (
    MissingAnglesError,
    is_tilt_series,
    open_tilt_series,
    open_volume,
    write_stack,
    write_tilt_angles,
)

from .conftest import raw_mrc
from .test_angles import mdoc

ANGLES = [-40, -20, 0, 20, 40]


def test_a_stack_opens_with_the_angles_beside_it(stack):
    path = stack()
    series = open_tilt_series(path)
    np.testing.assert_array_equal(series.angles, ANGLES)
    assert series.pixel_size == 7.5
    assert series.name == "TS"
    assert series.source == path
    assert series.history == {
        "angles": "TS.tlt", "angles_were_sorted": False, "pixel_size": "header", "warnings": [],
    }  # fmt: skip
    np.testing.assert_array_equal(series.read(), mrcfile.read(path))


@given(order=st.permutations(range(5)))
def test_unsorted_angles_are_sorted_and_each_image_keeps_its_own(order):
    with tempfile.TemporaryDirectory() as folder:
        angles = np.array(ANGLES, float)[order]
        images = np.stack([np.full((3, 4), angle, "f4") for angle in angles])
        path = write_stack(Path(folder) / "TS.mrc", images, pixel_size=2.0)
        write_tilt_angles(path.with_suffix(".tlt"), angles)
        series = open_tilt_series(path)
        np.testing.assert_array_equal(series.angles, ANGLES)
        np.testing.assert_array_equal(series.read()[:, 0, 0], ANGLES)
        assert series.history["angles_were_sorted"] == (order != sorted(order))


def test_order_and_dose_stay_with_their_tilts(stack):
    path = stack(angles=None)
    taken = [0, 20, -20, -40, 40]
    sections = [{"TiltAngle": a, "ExposureDose": 3, "DateTime": f"01-Jan-24  10:0{i}:00"}
                for i, a in enumerate(taken)]  # fmt: skip
    Path(f"{path}.mdoc").write_text(mdoc(sections))
    series = open_tilt_series(path)
    np.testing.assert_array_equal(series.angles, ANGLES)
    np.testing.assert_array_equal(series.order, [3, 2, 0, 1, 4])
    np.testing.assert_allclose(series.dose, [9, 6, 0, 3, 12])


def test_refined_angles_take_order_and_dose_from_the_mdoc_of_the_same_stack(stack):
    path = stack(angles=[-38.1, -18.2, 1.9, 21.8, 41.9])
    sections = [{"TiltAngle": a, "ExposureDose": 3} for a in ANGLES]
    path.with_suffix(".mdoc").write_text(mdoc(sections))
    series = open_tilt_series(path)
    np.testing.assert_allclose(series.angles, [-38.1, -18.2, 1.9, 21.8, 41.9])
    np.testing.assert_allclose(series.dose, [0, 3, 6, 9, 12])
    sections = [{"TiltAngle": -a, "ExposureDose": 3} for a in ANGLES]  # another stack's
    path.with_suffix(".mdoc").write_text(mdoc(sections))
    assert open_tilt_series(path).dose is None


def test_an_mdocs_pixel_size_is_used_where_the_header_knows_none(stack):
    path = stack(angles=None, pixel_size=1.0)
    Path(f"{path}.mdoc").write_text(mdoc([{"TiltAngle": a} for a in ANGLES]))
    assert open_tilt_series(path).pixel_size == 5.4
    assert open_tilt_series(path).history["pixel_size"] == "TS.mrc.mdoc"
    assert open_tilt_series(path, pixel_size=3.2).pixel_size == 3.2


@pytest.mark.parametrize("pixel_size", [0, -1, np.nan, np.inf])
def test_an_impossible_pixel_size_is_refused(stack, pixel_size):
    with pytest.raises(InputError, match="pixel size must be above 0"):
        open_tilt_series(stack(), pixel_size=pixel_size)


def test_inverting_changes_the_sign_and_is_recorded(stack):
    path = stack(angles=[-40, -20, 0, 20, 50])
    plain, inverted = open_tilt_series(path), open_tilt_series(path, invert=True)
    np.testing.assert_array_equal(inverted.angles, [-50, -20, 0, 20, 40])
    np.testing.assert_array_equal(inverted.read(), plain.read()[::-1])
    assert inverted.inverted
    assert not plain.inverted


def test_a_wrong_number_of_angles_names_both_numbers_and_files(stack):
    path = stack(angles=ANGLES[:-1])
    with pytest.raises(InputError, match=r"TS\.tlt has 4 tilt angles, but TS\.mrc has 5 images"):
        open_tilt_series(path)
    with pytest.raises(InputError, match="3 tilt angles"):
        open_tilt_series(path, angles=[1, 2, 3])
    assert is_tilt_series(path), "the user is told, not shown a volume"


def test_the_next_angle_file_is_used_and_told_where_the_first_does_not_fit(stack):
    path = stack(angles=ANGLES[:-1])
    path.with_suffix(".rawtlt").write_text("\n".join(map(str, ANGLES)))
    series = open_tilt_series(path)
    assert series.history["angles"] == "TS.rawtlt"
    assert "TS.tlt has 4 tilt angles" in series.history["warnings"][0]
    assert "TS.rawtlt was used instead" in series.history["warnings"][0]


def test_missing_angles_are_an_error_of_their_own(stack):
    path = stack(angles=None)
    with pytest.raises(MissingAnglesError, match=r"TS\.tlt.*Give an angle file") as raised:
        open_tilt_series(path)
    assert isinstance(raised.value, InputError)
    assert open_tilt_series(path, angles=tuple(ANGLES)).history["angles"] == "given by the user"


@pytest.mark.parametrize(
    ("angles", "told"),
    [
        ([-40, -20, np.nan, 20, 40], "angle 3 of 5 is not a finite"),
        ([1, 2, 3, 4, "five"], "not all numbers"),
        (5, "not all numbers"),
        ([0, 0, 0, 0, 0], "all 5 tilt angles are 0°"),
        ([], "0 tilt angles"),
        ([-1.05, -0.5, 0, 0.5, 1.05], "not in degrees"),
        ([-600, -300, 0, 300, 600], "-600° is no tilt angle"),
    ],
)
def test_impossible_angles_are_refused(stack, angles, told):
    with pytest.raises(InputError, match=told):
        open_tilt_series(stack(), angles=angles)


def test_angles_that_look_wrong_are_told(stack):
    warnings = open_tilt_series(stack(), angles=[0, 30, 60, 90, 120]).history["warnings"]
    assert any("beyond ±90°" in text for text in warnings)
    assert not any("in degrees" in text for text in warnings)


def test_few_angles_close_together_are_told(tmp_path):
    path = write_stack(tmp_path / "three.mrc", np.ones((3, 4, 6)), pixel_size=2.0)
    warnings = open_tilt_series(path, angles=[-1.047, 0, 1.047]).history["warnings"]
    assert any("only 2.09°. Are these angles in degrees?" in text for text in warnings)


def test_one_tilt_and_a_flat_image_are_refused(tmp_path):
    path = tmp_path / "one.mrc"
    mrcfile.write(path, np.zeros((6, 8), "f4"))
    assert not is_tilt_series(path)
    with pytest.raises(InputError, match="one image of 6 × 8"):
        open_tilt_series(path, angles=[0])
    tifffile.imwrite(tmp_path / "one.tif", np.zeros((6, 8), "f4"))
    with pytest.raises(InputError, match="one image of 6 × 8"):
        open_tilt_series(tmp_path / "one.tif", angles=[0])


def test_no_tilts_at_all_are_refused(tmp_path):
    path = raw_mrc(tmp_path / "none.mrc", np.zeros((0, 6, 8)))
    with pytest.raises(InputError, match=r"none.mrc has a damaged header: it announces 0 images"):
        open_tilt_series(path, angles=[])


@pytest.mark.parametrize(
    ("name", "fields", "beside", "claimed"),
    [
        ("TS.mrc", {"ispg": 0, "mz": 1}, None, True),
        ("TS.mrc", {"ispg": 0}, None, False),  # as EMAN writes volumes
        ("TS.mrc", {"ispg": 0}, "TS.tlt", True),  # as IMOD writes stacks
        ("TS.mrc", {"ispg": 1}, None, False),
        ("TS.mrc", {"ispg": 1}, "TS.tlt", True),
        ("TS.st", {"ispg": 0}, None, True),
        ("TS_ali.mrc", {"ispg": 0}, "TS.tlt", True),
        ("TS.rec", {"ispg": 0}, "TS.tlt", False),
        ("TS_rec.mrc", {"ispg": 0}, "TS.tlt", False),
        ("TS.map", {"ispg": 0, "mz": 1}, "TS.tlt", False),
        ("TS.dat", {"ispg": 0, "mz": 1}, "TS.tlt", False),
    ],
)
def test_what_is_claimed_as_a_tilt_series(tmp_path, name, fields, beside, claimed):
    path = raw_mrc(tmp_path / name, np.zeros((5, 4, 4)), **fields)
    if beside:
        (tmp_path / beside).write_text("\n".join(map(str, ANGLES)))
    assert is_tilt_series(path) is claimed


def test_a_volume_is_not_claimed_for_angles_that_do_not_fit_it(tmp_path):
    path = raw_mrc(tmp_path / "TS.mrc", np.zeros((7, 4, 4)), ispg=1)
    path.with_suffix(".tlt").write_text("\n".join(map(str, ANGLES)))
    assert not is_tilt_series(path)


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}, {"bigtiff": True}])
def test_tiff_stacks_open_like_mrc_stacks(tmp_path, options):
    images = np.random.default_rng(0).integers(0, 60000, (5, 6, 8)).astype("u2")
    path = tmp_path / "TS.tif"
    tifffile.imwrite(path, images, photometric="minisblack", **options)
    assert not is_tilt_series(path)
    path.with_suffix(".tlt").write_text("\n".join(map(str, ANGLES)))
    assert is_tilt_series(path)
    series = open_tilt_series(path)
    np.testing.assert_array_equal(series.read(), images)
    assert isinstance(series.images, np.memmap)
    assert series.pixel_size is None


@pytest.mark.parametrize(("unit", "expected"), [("nm", 5.0), ("A", 0.5), ("inch", None)])
def test_imagejs_pixel_size_is_read_in_its_unit(tmp_path, unit, expected):
    path = tmp_path / "v.tif"
    images = np.zeros((5, 6, 8), "f4")
    tifffile.imwrite(path, images, imagej=True, resolution=(2, 2), metadata={"unit": unit})
    assert open_volume(path)[1] == expected


def test_damaged_and_colour_tiffs_are_refused(tmp_path):
    path = tmp_path / "TS.tif"
    path.write_text("not a TIFF file")
    with pytest.raises(InputError, match=r"TS\.tif cannot be read as a TIFF"):
        open_volume(path)
    assert not is_tilt_series(path)
    tifffile.imwrite(path, np.zeros((5, 6, 8, 3), "u1"), photometric="rgb")
    with pytest.raises(InputError, match="not a stack of grey images"):
        open_volume(path)
    with pytest.raises(InputError, match="does not exist"):
        open_volume(tmp_path / "absent.tif")


def test_a_truncated_tiff_is_an_input_error(tmp_path):
    path = tmp_path / "TS.tif"
    tifffile.imwrite(path, np.zeros((5, 60, 80), "f4"), photometric="minisblack")
    path.write_bytes(path.read_bytes()[:9000])
    with pytest.raises(InputError, match=r"TS\.tif"):
        open_tilt_series(path, angles=ANGLES)


def test_importing_the_readers_loads_neither_torch_nor_a_file_library():
    code = (
        "import sys, napari_lbn.engine.io; "
        "heavy = {'torch', 'mrcfile', 'tifffile', 'mdocfile', 'pandas', 'scipy'}; "
        "sys.exit(' '.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
