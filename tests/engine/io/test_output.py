"""Files are written whole or not at all, with headers that other programs take."""

from __future__ import annotations

import errno
import io
import itertools
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import mrcfile
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_lbn.engine.errors import InternalError, OutputError
from napari_lbn.engine.io import (
    VolumeWriter,
    atomic_path,
    check_free_space,
    ensure_folder,
    open_tilt_series,
    open_volume,
    write_provenance,
    write_stack,
    write_tilt_angles,
)
from napari_lbn.engine.io.files.unfinished import unfinished_name
from napari_lbn.engine.io.together import written_together

IMAGES = np.random.default_rng(3).normal(100, 4, (5, 6, 8)).astype("f4")

stacks = hnp.arrays(
    np.float32,
    hnp.array_shapes(min_dims=3, max_dims=3, min_side=1, max_side=6),
    # eighths, so that mrcfile's own float32 statistics are exact enough to compare with
    elements=st.integers(-2000, 2000).map(lambda eighths: eighths / 8),
)
pixel_sizes = st.none() | st.floats(0.2, 200).filter(lambda size: abs(size - 1) > 1e-3)


def assert_header(path: Path, images: np.ndarray, space_group: int, pixel_size: float | None):
    """The header is true of the images, and mrcfile finds nothing to complain about."""
    complaints = io.StringIO()
    assert mrcfile.validate(path, print_file=complaints), complaints.getvalue()
    with mrcfile.open(path) as file:
        header = file.header
        assert header.ispg == space_group
        assert header.mode == 2
        assert header.dmin == images.min()
        assert header.dmax == images.max()
        exact = images.astype(np.float64)
        scale = max(np.abs(exact).max(), 1e-30)
        assert header.dmean == pytest.approx(exact.mean(), abs=1e-6 * scale)
        assert header.rms == pytest.approx(exact.std(), abs=1e-6 * scale)
        assert file.voxel_size.x == pytest.approx(pixel_size or 0, rel=1e-6)
        assert header.mz == (1 if space_group == 0 else images.shape[0])
        assert file.get_labels()[0].startswith("napari-lbn")


@given(images=stacks, pixel_size=pixel_sizes)
def test_a_stack_goes_round_through_a_file_with_an_exact_header(images, pixel_size):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "TS_lbn.mrc"
        write_stack(path, images, pixel_size=pixel_size, labels=["a label"])
        assert_header(path, images, 0, pixel_size)
        volume, size = open_volume(path)
        np.testing.assert_array_equal(volume, images)
        assert size == (None if pixel_size is None else pytest.approx(pixel_size, rel=1e-5))
        assert os.listdir(folder) == ["TS_lbn.mrc"]
        del volume


@given(images=stacks, pixel_size=pixel_sizes, data=st.data())
def test_a_volume_of_slabs_in_any_order_is_the_volume(images, pixel_size, data):
    rows = images.shape[1]
    cuts = sorted(data.draw(st.sets(st.integers(1, max(rows - 1, 1)))) | {0, rows})
    slabs = data.draw(st.permutations([s for s in itertools.pairwise(cuts) if s[0] < s[1]]))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "TS_rec.mrc"
        with VolumeWriter(path, images.shape, pixel_size, ["WBP"]) as writer:
            for start, stop in slabs:
                writer.write_slab(start, images[:, start:stop])
            assert not path.exists(), "nothing appears under the name before the end"
        assert_header(path, images, 1, pixel_size)
        np.testing.assert_array_equal(mrcfile.read(path), images)
        assert os.listdir(folder) == ["TS_rec.mrc"]


def test_a_written_series_is_opened_again_as_it_was(tmp_path):
    path = write_stack(tmp_path / "TS_lbn.mrc", IMAGES, pixel_size=7.88)
    write_tilt_angles(tmp_path / "TS_lbn.tlt", [-60.402, -30, 0, 30, 60])
    series = open_tilt_series(path)
    np.testing.assert_array_equal(series.read(), IMAGES)
    np.testing.assert_allclose(series.angles, [-60.402, -30, 0, 30, 60])
    assert series.pixel_size == 7.88
    assert series.history["warnings"] == []


def test_images_are_taken_one_at_a_time(tmp_path):
    alive = []

    def images():
        for image in IMAGES:
            alive.append(len(list(tmp_path.iterdir())))
            yield image.astype("i2")

    path = write_stack(tmp_path / "a.mrc", images(), n=5, shape=(6, 8), pixel_size=2.0)
    assert alive == [1] * 5, "images are asked for while the file is being written"
    np.testing.assert_array_equal(mrcfile.read(path), IMAGES.astype("i2"))


def test_statistics_leave_out_what_is_not_finite(tmp_path):
    images = IMAGES.copy()
    images[2, 3, 4] = np.nan
    write_stack(tmp_path / "a.mrc", images, pixel_size=2.0)
    with mrcfile.open(tmp_path / "a.mrc") as file:
        assert file.header.dmax == np.nanmax(images)
        assert file.header.dmean == pytest.approx(np.nanmean(images), rel=1e-6)


def test_statistics_of_a_large_offset_are_exact(tmp_path):
    # the one-pass sum of squares loses every digit here
    images = (1e7 + np.random.default_rng(0).integers(-4, 5, (3, 700, 900))).astype("f4")
    write_stack(tmp_path / "a.mrc", images, pixel_size=2.0)
    with mrcfile.open(tmp_path / "a.mrc") as file:
        assert file.header.rms == pytest.approx(images.std(dtype="f8"), rel=1e-5)


def test_labels_are_plain_short_and_at_most_ten(tmp_path):
    labels = ["10 Å, ±60°", "x" * 200, "two\nlines\t", ""] + [f"line {i}" for i in range(20)]
    path = write_stack(tmp_path / "a.mrc", IMAGES, pixel_size=2.0, labels=labels)
    assert mrcfile.validate(path, print_file=io.StringIO())
    with mrcfile.open(path) as file:
        lines = file.get_labels()
    assert lines[1] == "10 A, ?60 deg"
    assert [len(line) for line in lines[2:5]] == [80, 80, 40]
    assert lines[5] == "two lines"
    assert len(lines) == 10


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt, GeneratorExit, MemoryError])
def test_a_failure_leaves_nothing_behind_and_the_old_file_as_it_was(tmp_path, failure):
    target = tmp_path / "a.mrc"
    target.write_text("old")

    def images():
        yield IMAGES[0]
        raise failure

    with pytest.raises(failure):
        write_stack(target, images(), n=5, shape=(6, 8), pixel_size=2.0)
    with pytest.raises(failure), VolumeWriter(target, IMAGES.shape, 2.0) as writer:  # noqa: PT012
        writer.write_slab(0, IMAGES[:, :2])
        raise failure
    with pytest.raises(failure), atomic_path(target) as temporary:  # noqa: PT012
        temporary.write_text("half")
        raise failure
    assert os.listdir(tmp_path) == ["a.mrc"]
    assert target.read_text() == "old"


@pytest.mark.parametrize("count", [4, 6])
def test_too_few_or_too_many_images_leave_nothing_behind(tmp_path, count):
    images = [IMAGES[0]] * count
    with pytest.raises(InternalError, match=f"{count} images came where 5"):
        write_stack(tmp_path / "a.mrc", images, n=5, shape=(6, 8), pixel_size=2.0)
    assert not os.listdir(tmp_path)


def write_rows(path: Path, *starts: int):
    """Four rows of the volume at each of these places."""
    with VolumeWriter(path, IMAGES.shape, 2.0) as writer:
        for start in starts:
            writer.write_slab(start, IMAGES[:, :4])


def test_a_volume_with_missing_or_repeated_rows_leaves_nothing_behind(tmp_path):
    with pytest.raises(InternalError, match="2 rows were never written"):
        write_rows(tmp_path / "v.mrc", 0)
    for start in (0, 3, 5, -1):
        with pytest.raises(InternalError, match="outside the volume or were written before"):
            write_rows(tmp_path / "v.mrc", 0, start)
    assert not os.listdir(tmp_path)


class FullDisk(io.FileIO):
    """A file on a disk that is full from the third write on."""

    writes = 0

    def write(self, data):
        FullDisk.writes += 1
        if FullDisk.writes > 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return super().write(data)


def test_a_disk_that_fills_up_is_told_and_nothing_is_left(tmp_path, monkeypatch):
    monkeypatch.setattr(Path, "open", lambda path, mode: FullDisk(path, mode.replace("b", "")))
    FullDisk.writes = 0
    with pytest.raises(OutputError, match="the disk is full") as raised:
        write_stack(tmp_path / "a.mrc", IMAGES, pixel_size=2.0)
    assert "a.mrc" in raised.value.message
    assert raised.value.remedy
    FullDisk.writes = 0
    with (
        pytest.raises(OutputError, match="the disk is full"),
        VolumeWriter(tmp_path / "v.mrc", IMAGES.shape, 2.0) as writer,
    ):
        writer.write_slab(0, IMAGES)
    assert not os.listdir(tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="asks for processes as POSIX does")
def test_what_a_killed_process_left_goes_and_what_others_write_stays(tmp_path):
    target = tmp_path / "a.mrc"
    kill = f"with atomic_path({str(target)!r}) as file: file.touch(); os._exit(9)"
    code = f"import os; from napari_lbn.engine.io.files.atomic import atomic_path\n{kill}"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 9
    assert len(os.listdir(tmp_path)) == 1
    alive, elsewhere = unfinished_name(target), tmp_path / ".a.mrc.00000000-1-ff.part"
    for path in (alive, elsewhere):
        path.touch()
    write_stack(target, IMAGES, pixel_size=2.0)
    assert sorted(tmp_path.iterdir()) == sorted([target, alive, elsewhere])


def test_too_little_free_space_is_told_before_the_start(tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda folder: type("", (), {"free": 3 << 20})())
    check_free_space(tmp_path, 1 << 20)
    asked = []

    def images():
        asked.append(1)
        yield from ()

    with pytest.raises(OutputError, match=r"0\.00315 GB free, and the output takes 0\.4 GB"):
        write_stack(tmp_path / "a.mrc", images(), n=100, shape=(1000, 1000), pixel_size=2.0)
    with (
        pytest.raises(OutputError, match="GB free"),
        VolumeWriter(tmp_path / "v.mrc", (100, 1000, 1000), 2.0),
    ):
        asked.append(1)
    assert not asked
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("refusal", [errno.EACCES, errno.EROFS])
def test_a_read_only_folder_is_told(tmp_path, monkeypatch, refusal):
    def refuse(*_):
        raise OSError(refusal, os.strerror(refusal))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(OutputError, match=r"read-only.*Choose another folder"):
        write_stack(tmp_path / "a.mrc", IMAGES, pixel_size=2.0)
    with (
        pytest.raises(OutputError, match="read-only"),
        VolumeWriter(tmp_path / "v.mrc", IMAGES.shape, 2.0),
    ):
        pass
    assert not os.listdir(tmp_path)


def test_a_folder_is_checked_before_the_work(tmp_path, monkeypatch):
    absent = tmp_path / "absent"
    with pytest.raises(OutputError, match=re.escape(f"the folder {absent} does not exist")):
        check_free_space(absent, 1)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(OutputError, match=re.escape(f"the folder {tmp_path} is read-only")):
        check_free_space(tmp_path, 1)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root writes anywhere")
def test_a_folder_without_write_permission_is_told(tmp_path):
    tmp_path.chmod(0o555)
    try:
        with pytest.raises(OutputError, match="read-only"):
            write_stack(tmp_path / "a.mrc", IMAGES, pixel_size=2.0)
    finally:
        tmp_path.chmod(0o755)


def test_a_path_below_a_file_or_in_an_absent_folder_is_told(tmp_path):
    (tmp_path / "file").touch()
    for folder, told in (("file", "is a file, not a folder"), ("absent", "does not exist")):
        target = tmp_path / folder / "out.mrc"
        with pytest.raises(OutputError, match=told):
            write_stack(target, IMAGES, pixel_size=2.0)
        with pytest.raises(OutputError, match=told):
            write_tilt_angles(target, [1, 2])
        with pytest.raises(OutputError, match=told), VolumeWriter(target, IMAGES.shape, 2.0):
            pass
    with pytest.raises(OutputError, match="is a file, not a folder"):
        ensure_folder(tmp_path / "file" / "deeper")
    assert ensure_folder(tmp_path / "new" / "deep").is_dir()
    assert ensure_folder(tmp_path / "new" / "deep").is_dir()


def test_provenance_is_json_whatever_it_holds(tmp_path):
    written = write_provenance(
        tmp_path / "TS_lbn.json",
        {
            "source": Path("TS.mrc"),
            "angles": np.array([-3.5, 0]),
            "count": np.int64(2),
            "pixel_size": np.float32(2.5),
            "spread": float("nan"),
            "excluded": frozenset({4, 1}),
            "nested": {"pair": (1, None), 3: True},
        },
    )
    assert json.loads(written.read_text(encoding="utf-8")) == {
        "source": "TS.mrc",
        "angles": [-3.5, 0.0],
        "count": 2,
        "pixel_size": 2.5,
        "spread": None,
        "excluded": [1, 4],
        "nested": {"pair": [1, None], "3": True},
    }


@pytest.mark.parametrize("old", [True, False], ids=["older files", "a new folder"])
@pytest.mark.parametrize("failure", [OSError(errno.ENOSPC, "full"), KeyboardInterrupt()])
def test_files_written_together_appear_together_or_not_at_all(tmp_path, old, failure):
    folder = tmp_path / "results"
    if old:
        folder.mkdir()
        for name in ("a.mrc", "a.tlt", "v.mrc"):
            (folder / name).write_text("older")

    def write():
        ensure_folder(folder)
        write_stack(folder / "a.mrc", IMAGES, pixel_size=2.0)
        with VolumeWriter(folder / "v.mrc", IMAGES.shape, 2.0) as writer:
            writer.write_slab(0, IMAGES)
        assert ((folder / "a.mrc").exists(), (folder / "v.mrc").exists()) == (old, old)

    with pytest.raises((OutputError, KeyboardInterrupt)), written_together(folder):  # noqa: PT012
        write()
        with atomic_path(folder / "a.tlt") as temporary:
            temporary.write_text("half")
            raise failure
    if old:
        assert {path.name: path.read_text() for path in folder.iterdir()} == dict.fromkeys(
            ("a.mrc", "a.tlt", "v.mrc"), "older"
        )
    assert folder.exists() == old
    with written_together(folder):
        write()
        write_tilt_angles(folder / "a.tlt", range(-20, 21, 10))
        write_provenance(tmp_path / "elsewhere.json", {})
        assert (tmp_path / "elsewhere.json").exists()
    assert sorted(os.listdir(folder)) == ["a.mrc", "a.tlt", "v.mrc"]
    assert open_tilt_series(folder / "a.mrc").n_tilts == 5
