"""Tomograms that survive a kill, and number types whose scale is recorded."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import mrcfile
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_lbn.engine.errors import InternalError, OutputError
from napari_lbn.engine.io import open_volume
from napari_lbn.engine.io.sample_format import SampleFormat
from napari_lbn.engine.io.tomograms.resumable_mrc import ResumableVolume

SHAPE = (5, 8, 6)
VOLUME = np.random.default_rng(0).normal(3, 2, SHAPE).astype(np.float32)


def writer(path, **options) -> ResumableVolume:
    return ResumableVolume(path, SHAPE, 10.0, ["a tomogram"], key={"filter": "ramp"}, **options)


def write(volume: ResumableVolume, *ranges: tuple[int, int]) -> None:
    for start, stop in ranges:
        volume.write_slab(start, VOLUME[:, start:stop])


class Killed(BaseException):
    pass


def die() -> None:
    raise Killed


def stop_after(path, *ranges: tuple[int, int]) -> None:
    with pytest.raises(Killed), writer(path, keep=True) as volume:  # noqa: PT012
        write(volume, *ranges)
        die()


@pytest.mark.parametrize("name", ["float32", "float16", "int16"])
def test_any_program_reads_the_densities_back(tmp_path, name):
    sample = SampleFormat.for_range(name, -10, 15)
    with writer(tmp_path / "t.mrc", sample=sample) as volume:
        write(volume, (0, 3), (3, 8))
    with mrcfile.open(tmp_path / "t.mrc") as file:
        assert file.data.dtype == sample.dtype
        densities = file.data.astype(np.float64) * sample.scale + sample.offset
        labels = [bytes(line).decode().strip() for line in file.header.label]
        assert file.header.rms == pytest.approx(file.data.astype(float).std(), rel=1e-3)
        assert file.voxel_size.x == pytest.approx(10)
    np.testing.assert_allclose(densities, VOLUME, atol=5e-3 if name != "float32" else 0)
    if name == "int16":
        assert f"density = {sample.scale:.9g} * sample + {sample.offset:.9g}" in labels
    assert mrcfile.validate(tmp_path / "t.mrc")
    read, size = open_volume(tmp_path / "t.mrc")
    assert (size, read.shape) == (10, SHAPE)
    np.testing.assert_allclose(read[:, 2:5], VOLUME[:, 2:5], atol=5e-3)
    np.testing.assert_allclose(np.asarray(read), VOLUME, atol=5e-3)


@given(place=st.floats(-100, 100), width=st.floats(1e-3, 1e6))
def test_int16_holds_its_range_to_half_a_step(place, width):
    low = place * width
    sample = SampleFormat.for_range("int16", low, low + width)
    densities = np.linspace(low, low + width, 100).astype(np.float32)
    encoded, clipped = sample.encode(densities)
    assert clipped <= 2  # both ends, rounded to float32 beyond the range
    back = encoded.astype(np.float64) * sample.scale + sample.offset
    rounding = 4 * np.spacing(np.abs(densities).max())
    assert np.abs(back - densities).max() <= sample.scale * 0.51 + rounding


def test_what_is_clipped_is_counted(tmp_path):
    sample = SampleFormat.for_range("int16", 0, 3)
    with writer(tmp_path / "t.mrc", sample=sample) as volume:
        write(volume, (0, 8))
    assert volume.clipped == np.count_nonzero((VOLUME < 0) | (VOLUME > 3))


def test_finished_slabs_are_kept_and_the_file_comes_out_the_same(tmp_path):
    target = tmp_path / "t.mrc"
    stop_after(target, (2, 4), (6, 8))
    assert not target.exists()
    with writer(target, keep=True) as volume:
        assert volume.missing == [(0, 2), (4, 6)]
        write(volume, *volume.missing)
    with writer(tmp_path / "at_once.mrc") as volume:
        write(volume, (0, 8))
    one, other = mrcfile.open(target), mrcfile.open(tmp_path / "at_once.mrc")
    np.testing.assert_array_equal(one.data, other.data)
    for field in ("dmin", "dmax", "dmean", "rms"):
        assert one.header[field] == pytest.approx(float(other.header[field]), rel=1e-6)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["at_once.mrc", "t.mrc"]


def test_a_half_written_journal_line_does_not_count(tmp_path):
    stop_after(tmp_path / "t.mrc", (0, 2), (2, 4))
    journal = tmp_path / ".t.mrc.journal"
    journal.write_text(journal.read_text()[:-20])
    with pytest.raises(Killed), writer(tmp_path / "t.mrc", keep=True) as volume:  # noqa: PT012
        assert volume.missing == [(2, 8)]
        write(volume, (2, 5))
        die()
    with pytest.raises(Killed), writer(tmp_path / "t.mrc", keep=True) as volume:  # noqa: PT012
        assert volume.missing == [(5, 8)]
        die()


@pytest.mark.parametrize("change", ["key", "sample", "shape"])
def test_another_run_starts_anew(tmp_path, change):
    stop_after(tmp_path / "t.mrc", (0, 4))
    options = {"key": {"filter": "ramp"}, "sample": SampleFormat()}
    shape = SHAPE
    if change == "key":
        options["key"] = {"filter": "hamming"}
    elif change == "sample":
        options["sample"] = SampleFormat(name="float16")
    else:
        shape = (4, 8, 6)
    volume = ResumableVolume(tmp_path / "t.mrc", shape, 10.0, keep=True, **options)
    with pytest.raises(Killed), volume:  # noqa: PT012
        assert volume.missing == [(0, 8)]
        die()


def test_without_keep_nothing_is_left_behind(tmp_path):
    with pytest.raises(Killed), writer(tmp_path / "t.mrc") as volume:  # noqa: PT012
        write(volume, (0, 4))
        die()
    assert list(tmp_path.iterdir()) == []


def test_without_a_finished_slab_nothing_is_kept(tmp_path):
    with pytest.raises(Killed), writer(tmp_path / "t.mrc", keep=True):
        die()
    assert list(tmp_path.iterdir()) == []


def test_what_is_kept_outlives_a_disk_that_is_read_only_for_once(tmp_path, monkeypatch):
    stop_after(tmp_path / "t.mrc", (0, 4))
    kept = sorted(path.name for path in tmp_path.iterdir())

    def refused(*_, **__):
        raise OSError(errno.EROFS, "read-only")

    with monkeypatch.context() as patched:
        patched.setattr(ResumableVolume, "_open", refused)
        with pytest.raises(OutputError), writer(tmp_path / "t.mrc", keep=True):
            pass
    assert sorted(path.name for path in tmp_path.iterdir()) == kept


def test_a_tomogram_with_holes_is_not_finished(tmp_path):
    with pytest.raises(InternalError, match="never written"), writer(tmp_path / "t.mrc") as volume:
        write(volume, (0, 4))
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_full_at_the_start_leaves_nothing(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OutputError, match="disk is full"), writer(tmp_path / "t.mrc"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_the_disk_is_asked_first(tmp_path):
    huge = ResumableVolume(tmp_path / "t.mrc", (10**5, 10**5, 10**4), None)
    with pytest.raises(OutputError, match="free"), huge:
        pass
    assert list(tmp_path.iterdir()) == []


def test_the_journal_is_json_of_one_line_a_slab(tmp_path):
    stop_after(tmp_path / "t.mrc", (0, 2))
    key, line = map(json.loads, (tmp_path / ".t.mrc.journal").read_text().splitlines())
    assert key["shape"] == list(SHAPE)
    assert line["rows"] == [0, 2]


def test_only_integers_are_scaled_by_their_label(tmp_path):
    """A program that made floats of them may have kept the label."""
    with ResumableVolume(tmp_path / "t.mrc", SHAPE, 10.0, ["density = 2 * sample + 1"]) as volume:
        write(volume, (0, 8))
    np.testing.assert_array_equal(open_volume(tmp_path / "t.mrc")[0], VOLUME)


def test_a_kill_while_the_journal_is_written_anew_loses_no_slab(tmp_path, monkeypatch):
    stop_after(tmp_path / "t.mrc", (0, 2), (2, 4))
    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", lambda *_: die())
        with pytest.raises(Killed):
            writer(tmp_path / "t.mrc", keep=True).__enter__()
    with writer(tmp_path / "t.mrc", keep=True) as volume:
        assert volume.missing == [(4, 8)]
        write(volume, (4, 8))
    assert [p.name for p in tmp_path.iterdir()] == ["t.mrc"]
