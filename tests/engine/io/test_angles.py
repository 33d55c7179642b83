"""Tilt angles from text, mdoc and extended headers; what is not a list of angles is named."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mrcfile.dtypes import get_ext_header_dtype

from napari_lbn.engine.errors import InputError
from napari_lbn.engine.io import (
    find_angle_file,
    is_tilt_series,
    open_tilt_series,
    read_angles,
    write_tilt_angles,
)

from .conftest import raw_mrc

ANGLES = [-40.0, -20.0, 0.0, 20.0, 40.0]
PARSERS_OWN = re.compile("validation error|[Ii]nput should|pydantic|unpack")
"""Words of the libraries, which no user should meet."""


def mdoc(sections: list[dict[str, object]], *, kind: str = "ZValue") -> str:
    """Text of a SerialEM mdoc."""
    blocks = ["PixelSpacing = 5.4\nImageFile = TS.mrc\n[T = SerialEM: a title = with signs]\n"]
    for place, section in enumerate(sections):
        fields = dict(section)
        lines = [f"[{kind} = {fields.pop('ZValue', place)}]"]
        lines += [f"{key} = {value}" for key, value in fields.items()]
        blocks.append("\n".join(lines) + "\n")
    return "\n".join(blocks)


@given(st.lists(st.floats(-90, 90), min_size=1, max_size=80))
def test_written_angles_read_back_to_a_thousandth_of_a_degree(angles):
    with tempfile.TemporaryDirectory() as folder:
        path = write_tilt_angles(Path(folder) / "a.tlt", angles)
        np.testing.assert_allclose(read_angles(path).angles, angles, atol=5.001e-4)


def test_angles_are_written_as_the_field_writes_them(tmp_path):
    plain = write_tilt_angles(tmp_path / "a.tlt", [-60, -0.0, 3.01])
    assert plain.read_text() == " -60.00\n   0.00\n   3.01\n"
    fine = write_tilt_angles(tmp_path / "b.tlt", [-60.402, 3])
    assert fine.read_text() == " -60.402\n   3.000\n"


def test_blank_lines_comments_and_a_byte_order_mark_are_skipped(tmp_path):
    path = tmp_path / "a.tlt"
    path.write_bytes(b"\xef\xbb\xbf# degrees\r\n\r\n  -3.5\r\n+4e0\r\n\r\n")
    np.testing.assert_array_equal(read_angles(path).angles, [-3.5, 4])


def test_aretomo_columns_give_order_and_accumulated_dose(tmp_path):
    path = tmp_path / "TS_TLT.txt"
    path.write_text("-3.0 3 2.5\n0.0 1 3.0\n3.0 2 2.0\n")
    table = read_angles(path)
    np.testing.assert_array_equal(table.angles, [-3, 0, 3])
    np.testing.assert_array_equal(table.order, [2, 0, 1])
    np.testing.assert_allclose(table.dose, [5, 0, 3])


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("-60\n-57\nsixty\n", "line 3.*sixty"),
        ("-60,0\n", "line 1.*decimal point"),
        ("-60\nnan\n", "line 2.*finite"),
        ("-60\ninf\n", "line 2.*finite"),
        ("", "no tilt angles"),
        ("# nothing\n\n", "no tilt angles"),
        ("0.99 -0.07 0.07 0.99 -27 -2\n", "6 numbers on a line"),
        ("-60 1\n-57 1\n", "2 numbers on a line"),
        ("-60\n-57 -54\n", "2 numbers on a line"),
    ],
)
def test_a_wrong_angle_file_is_refused_naming_the_line(tmp_path, content, told):
    path = tmp_path / "wrong.tlt"
    path.write_text(content)
    with pytest.raises(InputError, match=told) as raised:
        read_angles(path)
    assert "wrong.tlt" in raised.value.message
    assert raised.value.remedy


def test_an_absent_or_binary_angle_file_is_refused(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        read_angles(tmp_path / "absent.tlt")
    (tmp_path / "b.tlt").write_bytes(b"\xff\xfe\x00\x01" * 50)
    with pytest.raises(InputError, match="not a text file"):
        read_angles(tmp_path / "b.tlt")
    with pytest.raises(InputError, match=r"no tilt angles in its extended header"):
        read_angles(raw_mrc(tmp_path / "c.mrc", np.zeros((5, 4, 4))))


def test_tlt_comes_before_rawtlt_before_mdoc_in_both_namings(tmp_path):
    stack = tmp_path / "TS.mrc"
    assert find_angle_file(stack) is None
    for name in ("TS.mdoc", "TS.mrc.mdoc", "TS.rawtlt", "TS.tlt"):
        (tmp_path / name).touch()
        assert find_angle_file(stack) == tmp_path / name


@pytest.mark.parametrize("aligned", ["TS_ali.mrc", "TS_preali.mrc", "TS.ali", "TS.preali", "TS.st"])
def test_imods_aligned_stacks_find_the_series_angles(tmp_path, aligned):
    (tmp_path / "TS.tlt").touch()
    assert find_angle_file(tmp_path / aligned) == tmp_path / "TS.tlt"


def test_an_mdoc_gives_angles_in_stack_order_and_dose_in_time(tmp_path):
    path = tmp_path / "TS.mrc.mdoc"
    angles, times, doses = [0, 3, -3, -6, 6], [1, 2, 3, 5, 4], [3.0, 2.0, 2.5, 1.0, 4.0]
    sections = [
        {"TiltAngle": a, "ExposureDose": d, "DateTime": f"08-Oct-21  09:5{t}:00"}
        for a, t, d in zip(angles, times, doses, strict=True)
    ]
    path.write_text(mdoc(sections))
    table = read_angles(path)
    np.testing.assert_array_equal(table.angles, angles)
    np.testing.assert_array_equal(table.order, [0, 1, 2, 4, 3])
    np.testing.assert_allclose(table.dose, [0, 3, 5, 11.5, 7.5])
    assert table.pixel_size == 5.4


def test_sections_are_put_in_stack_order_and_without_times_that_is_the_order(tmp_path):
    path = tmp_path / "TS.mdoc"
    path.write_text(mdoc([{"ZValue": 2, "TiltAngle": 6}, {"ZValue": 0, "TiltAngle": 0},
                          {"ZValue": 1, "TiltAngle": -6}]))  # fmt: skip
    table = read_angles(path)
    np.testing.assert_array_equal(table.angles, [0, -6, 6])
    np.testing.assert_array_equal(table.order, [0, 1, 2])
    assert table.dose is None


def test_prior_dose_is_used_where_no_exposure_is_recorded(tmp_path):
    path = tmp_path / "TS.mdoc"
    sections = [
        {"TiltAngle": 3 * i, "ExposureDose": 0, "PriorRecordDose": 2.0 * i} for i in range(3)
    ]
    path.write_text(mdoc(sections))
    np.testing.assert_allclose(read_angles(path).dose, [0, 2, 4])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (mdoc([{"TiltAngle": 3}, {"StageZ": 4}]), "section 1: no tilt angle"),
        (mdoc([{"TiltAngle": "nan"}]), "section 0: the tilt angle is not a finite"),
        (mdoc([{"TiltAngle": "three"}]), "“TiltAngle = three”: TiltAngle is not a number"),
        (mdoc([{"TiltAngle": ""}]), "TiltAngle has no value"),
        (mdoc([{"TiltAngle": 3, "MinMaxMean": "1 2"}]), "1 2”: MinMaxMean has too few values"),
        (mdoc([{"ZValue": "first"}]), "ZValue is not a whole number"),
        (mdoc([{"TiltAngle": 3, "FrameDosesAndNumber": "a b"}]), "cannot be understood"),
        (mdoc([{"ZValue": 0, "TiltAngle": 3}, {"ZValue": 0, "TiltAngle": 6}]), "twice"),
        (mdoc([{"TiltAngle": 3}], kind="MontSection"), "montage"),
        ("PixelSpacing = 5\n", "describes no image"),
        ("no = equals = rule\n[ZValue = 0]\nTiltAngle = 3\n", "line 1, .* NAME = VALUE"),
        ("\n\nhello\n[ZValue = 0]\nTiltAngle = 3\n", "line 3, “hello” is not of the form"),
    ],
)
def test_an_mdoc_that_cannot_be_used_is_named(tmp_path, text, told):
    path = tmp_path / "TS.mdoc"
    path.write_text(text)
    with pytest.raises(InputError, match=told) as raised:
        read_angles(path)
    assert "TS.mdoc" in raised.value.message
    assert raised.value.remedy
    assert not PARSERS_OWN.search(str(raised.value))


def test_of_lines_alike_the_refused_one_is_named(tmp_path):
    path = tmp_path / "TS.mdoc"
    path.write_text("[ZValue = 0]\nTiltAngle = 3\n\n[ZValue = 1]\nTiltAngle = six\n")
    with pytest.raises(InputError, match="line 5, “TiltAngle = six”"):
        read_angles(path)


def fei_header(kind: bytes, order: str) -> bytes:
    """An extended header of EPU: padded records, tilts, doses and times out of order."""
    layout = get_ext_header_dtype(kind, order)
    stride = layout.itemsize + 24
    raw = bytearray(stride * 5)
    records = np.ndarray(5, layout, raw, strides=(stride,))
    records["Metadata size"] = stride
    records["Alpha tilt"] = ANGLES
    records["Pixel size X"] = 3.5e-10
    records["Dose"] = 2e20
    records["Timestamp"] = [44000.5, 44000.3, 44000.1, 44000.2, 44000.4]
    return bytes(raw)


@pytest.mark.parametrize("kind", [b"FEI1", b"FEI2"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_fei_extended_headers_give_angles_order_dose_and_pixel_size(tmp_path, kind, order):
    path = raw_mrc(
        tmp_path / "TS.mrc",
        np.zeros((5, 4, 4)),
        order=order,
        extended=fei_header(kind, order),
        exttyp=kind,
    )
    assert is_tilt_series(path)
    series = open_tilt_series(path)
    np.testing.assert_array_equal(series.angles, ANGLES)
    np.testing.assert_array_equal(series.order, [4, 2, 0, 1, 3])
    np.testing.assert_allclose(series.dose, [8, 4, 0, 2, 6])
    assert series.pixel_size == pytest.approx(3.5)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("mode", [0, 1, 2])
def test_serialem_extended_headers_give_angles(tmp_path, order, mode):
    # tilt, piece coordinates, stage, magnification, intensity: 16 bytes, flags 1 + 2 + 4 + 8 + 16
    records = np.zeros((5, 8), f"{order}i2")
    records[:, 0] = np.array(ANGLES) * 100
    path = raw_mrc(
        tmp_path / "TS.mrc",
        np.zeros((5, 4, 4)),
        mode=mode,
        order=order,
        extended=records.tobytes() + bytes(300),
        words=(16, 31),
        exttyp=b"SERI",
    )
    np.testing.assert_array_equal(open_tilt_series(path).angles, ANGLES)


def test_old_fei_extended_headers_give_angles_and_pixel_size_in_metres(tmp_path):
    records = np.zeros((1024, 32), "<f4")
    records[:5, 0] = ANGLES
    records[:5, 11] = 3.36e-9
    path = raw_mrc(
        tmp_path / "TS.mrc",
        np.zeros((5, 4, 4)),
        mode=1,
        extended=records.tobytes(),
        words=(0, 32),
        map=b"",
        machst=(0, 0, 0, 0),
    )
    series = open_tilt_series(path)
    np.testing.assert_array_equal(series.angles, ANGLES)
    assert series.pixel_size == pytest.approx(33.6)
    assert "extended header" in series.history["angles"]


@given(extended=st.binary(max_size=700), words=st.tuples(*[st.integers(-40, 40)] * 2),
       kind=st.sampled_from([b"", b"FEI1", b"FEI2", b"SERI", b"AGAR"]))  # fmt: skip
def test_no_extended_header_whatever_breaks_a_stack(extended, words, kind):
    with tempfile.TemporaryDirectory() as folder:
        path = raw_mrc(Path(folder) / "a.mrc", np.ones((5, 3, 3)), extended=extended, words=words,
                       exttyp=kind)  # fmt: skip
        assert is_tilt_series(path) in (True, False)
        assert open_tilt_series(path, angles=ANGLES).n_tilts == 5
