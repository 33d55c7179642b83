"""MRC files: every mode and byte order, damage that can be read through, and what cannot."""

from __future__ import annotations

import bz2
import gzip
import os
import struct
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_lbn.engine.errors import InputError
from napari_lbn.engine.io import is_tilt_series, open_tilt_series, open_volume
from napari_lbn.engine.io.mrc.read import map_mrc, read_mrc_header

from .conftest import MODES, raw_mrc

IMAGES = np.arange(5 * 6 * 8).reshape(5, 6, 8) % 120


@given(
    mode=st.sampled_from(sorted(MODES)),
    order=st.sampled_from("<>"),
    shape=st.tuples(st.integers(1, 6), st.integers(1, 9), st.integers(1, 9)),
    pixel_size=st.floats(0.2, 500).filter(lambda size: abs(size - 1) > 1e-3),
    extended=st.binary(max_size=64),
)
def test_every_mode_order_and_size_is_read_as_written(mode, order, shape, pixel_size, extended):
    images = np.random.default_rng(0).integers(0, 100, shape)
    with tempfile.TemporaryDirectory() as folder:
        path = raw_mrc(
            Path(folder) / "a.mrc",
            images,
            mode=mode,
            order=order,
            extended=extended,
            cella=(pixel_size * shape[2], pixel_size * shape[1], 3.0),
        )
        header = read_mrc_header(path)
        mapped = map_mrc(path, header)
        np.testing.assert_array_equal(mapped, images)
        assert isinstance(mapped, np.memmap)
        assert mapped.dtype.kind == np.dtype(MODES[mode]).kind
        assert header.pixel_size == pytest.approx(pixel_size, rel=1e-5)
        assert header.warnings == ()
        del mapped


@pytest.mark.parametrize("cell", [0.0, 8.0, -3.0, np.nan, np.inf])
def test_a_pixel_size_of_nought_or_one_or_nonsense_is_unknown(tmp_path, cell):
    path = raw_mrc(tmp_path / "a.mrc", IMAGES, cella=(cell, cell, cell))
    assert read_mrc_header(path).pixel_size is None


def test_the_z_voxel_size_of_a_stack_is_ignored(tmp_path):
    path = raw_mrc(tmp_path / "a.mrc", IMAGES, cella=(80.0, 60.0, 99999.0))
    assert read_mrc_header(path).pixel_size == 10


@pytest.mark.parametrize(
    ("fields", "unsigned"),
    [
        ({}, False),
        ({"dmin": -100.0, "dmax": 100.0}, False),
        ({"dmin": 0.0, "dmax": 255.0}, True),
        ({"stamp": (1146047817, 0)}, True),
        ({"stamp": (1146047817, 1)}, False),
    ],
)
def test_bytes_are_unsigned_where_the_header_says_so(tmp_path, fields, unsigned):
    stamp = fields.pop("stamp", None)
    path = raw_mrc(tmp_path / "a.mrc", IMAGES, mode=0, **fields)
    if stamp is not None:
        raw = bytearray(path.read_bytes())
        raw[152:160] = struct.pack("<ii", *stamp)
        path.write_bytes(raw)
    assert read_mrc_header(path).dtype == np.dtype("u1" if unsigned else "i1")


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ({"map": b"\0\0\0\0"}, "MAP"),
        ({"machst": (0, 0, 0, 0)}, "machine stamp"),
        ({"machst": (0x11, 0x11, 0, 0)}, "machine stamp"),
        ({"nsymbt": -5}, "extended header"),
        ({"nsymbt": 10**9}, "extended header"),
        ({"mapc": 3, "maps": 1}, "axes"),
        ({"mx": 0}, None),
    ],
)
def test_a_damaged_but_readable_header_is_accepted_with_a_warning(tmp_path, damage, told):
    path = raw_mrc(tmp_path / "a.mrc", IMAGES, mode=1, **damage)
    series = open_tilt_series(path, angles=[-20, -10, 0, 10, 20])
    np.testing.assert_array_equal(series.images, IMAGES)
    warnings = series.history["warnings"]
    assert not warnings if told is None else any(told in warning for warning in warnings)


def test_a_file_longer_than_its_images_is_read_and_told(tmp_path):
    path = raw_mrc(tmp_path / "a.mrc", IMAGES)
    path.write_bytes(path.read_bytes() + b"1234567")
    series = open_tilt_series(path, angles=[-20, -10, 0, 10, 20])
    np.testing.assert_array_equal(series.images, IMAGES)
    assert "7 bytes longer" in series.history["warnings"][0]


@given(kept=st.integers(1024, 1024 + 5 * 6 * 8 * 4 - 1))
def test_a_truncated_file_is_refused_with_its_numbers(kept):
    with tempfile.TemporaryDirectory() as folder:
        path = raw_mrc(Path(folder) / "cut.mrc", IMAGES)
        path.write_bytes(path.read_bytes()[:kept])
        with pytest.raises(InputError, match="truncated") as raised:
            open_volume(path)
    assert "cut.mrc" in raised.value.message
    assert "1,984 bytes" in raised.value.message
    assert f"{kept:,} bytes, {(kept - 1024) // 192} whole images" in raised.value.message
    assert raised.value.remedy


@pytest.mark.parametrize("mode", [3, 4, 101])
def test_complex_and_packed_modes_are_refused_by_name(tmp_path, mode):
    path = raw_mrc(tmp_path / "a.mrc", IMAGES, mode=mode)
    with pytest.raises(InputError, match=f"MRC mode {mode}.*newstack"):
        open_volume(path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"-60.0\n-57.0\n", "text file"),
        ("Å ≠ MRC\n".encode() * 500, "text file"),
        (b"", "0 bytes"),
        (b"\0" * 500, "500 bytes"),
        (b"\0" * 4096, "neither a valid mode nor an image size"),
        (b"\xff" * 4096, "neither a valid mode nor an image size"),
        (b"II*\0" + b"\0" * 4096, "TIFF"),
        (b"\x89PNG\r\n\x1a\n" + b"\x01\x80" * 4096, "not an MRC file"),
        (gzip.compress(b"\0" * 4096, mtime=0), r"compressed \(gzip\).* gunzip"),
        (bz2.compress(os.urandom(4096)), r"compressed \(bzip2\)"),
        (
            struct.pack("<4i", 8, 6, 0, 2) + b"\0" * 192 + b"MAP DA" + b"\0" * 4096,
            "damaged header: it announces 0 images of 6 × 8",
        ),
    ],
)
def test_what_is_no_mrc_file_is_refused_and_named(tmp_path, content, told):
    path = tmp_path / "TS.mrc"
    path.write_bytes(content)
    with pytest.raises(InputError, match=told) as raised:
        open_tilt_series(path, angles=[-1, 1])
    assert "TS.mrc" in raised.value.message
    assert raised.value.remedy
    assert not is_tilt_series(path)


@given(content=st.binary(max_size=3000))
def test_no_bytes_whatever_raise_anything_but_an_input_error(content):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "noise.mrc"
        path.write_bytes(content)
        assert is_tilt_series(path) in (True, False)
        for opening in (open_volume, open_tilt_series):
            with pytest.raises(InputError):
                opening(path)


@given(place=st.integers(0, 255), value=st.integers(-(2**31), 2**31 - 1))
def test_no_damaged_header_word_raises_anything_but_an_input_error(place, value):
    with tempfile.TemporaryDirectory() as folder:
        path = raw_mrc(Path(folder) / "a.mrc", IMAGES, extended=bytes(640), words=(0, 32))
        raw = bytearray(path.read_bytes())
        raw[4 * place : 4 * place + 4] = struct.pack("<i", value)
        path.write_bytes(raw)
        assert is_tilt_series(path) in (True, False)
        try:
            series = open_tilt_series(path, angles=[-20, -10, 0, 10, 20])
        except InputError:
            return
        assert series.images.shape[0] == 5
        del series


@pytest.mark.parametrize("opening", [open_volume, open_tilt_series])
def test_an_absent_file_and_a_folder_are_input_errors(tmp_path, opening):
    with pytest.raises(InputError, match="does not exist"):
        opening(tmp_path / "absent.mrc")
    with pytest.raises(InputError, match="folder"):
        opening(tmp_path)
    assert not is_tilt_series(tmp_path / "absent.mrc")
    assert not is_tilt_series(tmp_path)


def test_a_volume_opens_in_place_with_its_voxel_size(tmp_path):
    path = raw_mrc(tmp_path / "v.mrc", IMAGES, ispg=1, cella=(80.0, 60.0, 50.0))
    volume, pixel_size = open_volume(path)
    np.testing.assert_array_equal(volume, IMAGES)
    assert pixel_size == 10
    assert isinstance(volume, np.memmap)
    assert not volume.flags.writeable


@given(missing=st.integers(1, 2000))
def test_a_file_that_lost_less_than_its_extended_header_is_truncated_too(missing):
    with tempfile.TemporaryDirectory() as folder:
        path = raw_mrc(Path(folder) / "cut.mrc", IMAGES, extended=b"\1" * 2048)
        path.write_bytes(path.read_bytes()[:-missing])
        with pytest.raises(InputError, match="truncated"):
            open_volume(path)
