"""Tomograms streamed into OME-Zarr: any cut into slabs, any number type, and after a kill."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_lbn.engine.errors import InternalError, OutputError
from napari_lbn.engine.io.ome_zarr import open_ome_zarr
from napari_lbn.engine.io.sample_format import SampleFormat
from napari_lbn.engine.io.tomograms.by_name import record_path, tomogram_writer
from napari_lbn.engine.io.tomograms.resumable_zarr import BAND, ZarrVolume
from napari_lbn.engine.io.tomograms.zarr_levels import halved, level_shapes

zarr = pytest.importorskip("zarr")

SHAPE = (5, 70, 9)
VOLUME = np.random.default_rng(0).normal(3, 2, SHAPE).astype(np.float32)


class Killed(BaseException):
    pass


def writer(path, **options) -> ZarrVolume:
    return ZarrVolume(path, SHAPE, 10.0, ["a tomogram"], key={"filter": "ramp"}, **options)


def write(volume: ZarrVolume, *edges: int) -> None:
    for start, stop in pairwise(edges):
        volume.write_slab(start, VOLUME[:, start:stop])


def stop_after(path, *edges: int) -> None:
    with pytest.raises(Killed), writer(path, keep=True) as volume:  # noqa: PT012
        write(volume, *edges)
        raise Killed


@settings(max_examples=15)
@given(cuts=st.sets(st.integers(1, SHAPE[1] - 1), max_size=8))
def test_any_cut_into_slabs_gives_the_same_volume(cuts, tmp_path_factory):
    path = tmp_path_factory.mktemp("cut") / "t.ome.zarr"
    with writer(path) as volume:
        write(volume, 0, *sorted(cuts), SHAPE[1])
        np.testing.assert_array_equal(volume.read_slab(3, 40), VOLUME[:, 3:40])
    np.testing.assert_array_equal(open_ome_zarr(path)[0][:], VOLUME)


@pytest.mark.parametrize("name", ["float32", "float16", "int16"])
def test_attributes_tell_how_to_get_the_densities_back(tmp_path, name):
    sample = SampleFormat.for_range(name, -10, 15)
    with writer(tmp_path / "t.ome.zarr", sample=sample) as volume:
        write(volume, 0, SHAPE[1])
    group = zarr.open_group(tmp_path / "t.ome.zarr", mode="r")
    record = group.attrs["napari_lbn"]
    assert record["labels"] == ["a tomogram"]
    assert record["samples"] == name
    for level, shape in enumerate(level_shapes(SHAPE)):
        array = group[str(level)]
        assert array.shape == shape
        assert array.dtype == sample.dtype
        scale, offset = array.attrs["scale_factor"], array.attrs["add_offset"]
        densities = array[:].astype(np.float64) * scale + offset
        expected = VOLUME if level == 0 else halved(VOLUME)
        np.testing.assert_allclose(densities, expected, atol=0 if name == "float32" else 5e-3)
    read, _ = open_ome_zarr(tmp_path / "t.ome.zarr", volume=True)
    np.testing.assert_allclose(read[2:4, :, 5], VOLUME[2:4, :, 5], atol=5e-3)
    assert read.shape == SHAPE
    assert read.dtype == (np.float16 if name == "float16" else np.float32)
    statistics = record["statistics_of_samples"]
    assert statistics["mean"] == pytest.approx(group["0"][:].mean(dtype=float), rel=1e-5)
    assert statistics["deviation"] == pytest.approx(group["0"][:].std(dtype=float), rel=1e-5)


@given(block=st.integers(1, 5).flatmap(lambda n: st.just(np.arange(-n, n * 11 - n))))
def test_coarse_integers_are_rounded_means(block):
    volume = block[None, None].astype(np.int16)
    means = halved(volume)[0, 0]
    pairs = np.pad(block, (0, len(block) % 2), mode="edge").reshape(-1, 2)
    assert means.dtype == np.int16
    np.testing.assert_array_equal(means, np.rint(pairs.mean(1)))


@settings(max_examples=8)
@given(first=st.integers(1, SHAPE[1] - 1))
def test_a_killed_run_goes_on_with_whole_bands(first, tmp_path_factory):
    path = tmp_path_factory.mktemp("killed") / "t.ome.zarr"
    stop_after(path, 0, first)
    assert not path.exists()
    with writer(path, keep=True) as volume:
        (start, stop), *more = volume.missing
        assert (start, stop, more) == (first - first % BAND, SHAPE[1], [])
        write(volume, start, stop)
    np.testing.assert_array_equal(open_ome_zarr(path)[0][:], VOLUME)
    assert [file.name for file in path.parent.iterdir()] == ["t.ome.zarr"]


def test_killed_while_levels_are_made_it_only_makes_these_again(tmp_path, monkeypatch):
    path = tmp_path / "t.ome.zarr"

    def die(_group):
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr("napari_lbn.engine.io.tomograms.resumable_zarr.write_coarser_levels", die)
        with pytest.raises(Killed), writer(path, keep=True) as volume:
            write(volume, 0, SHAPE[1])
    with writer(path, keep=True) as volume:
        assert volume.missing == []
    assert zarr.open_group(path, mode="r")["1"].shape == (3, 35, 5)


def test_another_tomogram_starts_anew(tmp_path):
    path = tmp_path / "t.ome.zarr"
    stop_after(path, 0, 64)
    other = ZarrVolume(path, SHAPE, 10.0, key={"filter": "hamming"}, keep=True)
    with pytest.raises(Killed), other:  # noqa: PT012
        assert other.missing == [(0, SHAPE[1])]
        raise Killed
    assert list(tmp_path.iterdir()) == []  # no slab of the other one was finished


def test_without_keep_nothing_is_left_behind(tmp_path):
    with pytest.raises(Killed), writer(tmp_path / "t.ome.zarr") as volume:  # noqa: PT012
        write(volume, 0, 64)
        raise Killed
    assert list(tmp_path.iterdir()) == []


def test_rows_out_of_turn_or_missing_are_refused(tmp_path):
    with pytest.raises(InternalError, match="out of turn"), writer(tmp_path / "a.zarr") as volume:
        write(volume, 3, 20)
    with pytest.raises(InternalError, match="out of turn"), writer(tmp_path / "a.zarr") as volume:  # noqa: PT012
        write(volume, 0, 20)
        write(volume, 24, 30)
    with pytest.raises(InternalError, match="6 rows were never"), writer(tmp_path / "a.zarr") as v:
        write(v, 0, 68)
    assert list(tmp_path.iterdir()) == []


def test_an_older_folder_is_kept(tmp_path):
    (tmp_path / "t.ome.zarr").mkdir()
    with pytest.raises(OutputError, match="exists already"), writer(tmp_path / "t.ome.zarr"):
        pass
    assert [file.name for file in tmp_path.iterdir()] == ["t.ome.zarr"]


def test_the_name_chooses_the_format(tmp_path):
    assert isinstance(tomogram_writer(tmp_path / "a.ome.zarr", SHAPE, None), ZarrVolume)
    assert not isinstance(tomogram_writer(tmp_path / "a.mrc", SHAPE, None), ZarrVolume)
    assert record_path(tmp_path / "a.ome.zarr") == tmp_path / "a.ome.zarr.json"
    assert record_path(tmp_path / "a.mrc") == tmp_path / "a.json"
