"""Tomograms as multiscale OME-Zarr, and stacks read from it."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from napari_lbn.engine.errors import InputError, OutputError
from napari_lbn.engine.io import is_tilt_series, open_tilt_series, open_volume, write_stack
from napari_lbn.engine.io.ome_zarr import open_ome_zarr, write_ome_zarr

zarr = pytest.importorskip("zarr")


@pytest.fixture
def volume() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(33, 70, 129)).astype("f4")


def test_levels_halve_and_stay_in_place(tmp_path: Path, volume: np.ndarray):
    path = write_ome_zarr(tmp_path / "T.ome.zarr", volume, pixel_size=7.5)
    group = zarr.open_group(path, mode="r")
    scales = group.attrs["multiscales"][0]
    assert [group[d["path"]].shape for d in scales["datasets"]] == [
        (33, 70, 129),
        (17, 35, 65),
        (9, 18, 33),
    ]
    np.testing.assert_array_equal(group["0"][:], volume)
    assert group["1"][3, 4, 5] == pytest.approx(volume[6:8, 8:10, 10:12].mean(), abs=1e-6)
    for level, dataset in enumerate(scales["datasets"]):
        scale, translation = dataset["coordinateTransformations"]
        assert scale["scale"] == [7.5 * 2**level] * 3
        # the first voxel's centre is the mean of the centres it averages
        assert translation["translation"] == [7.5 * (2**level - 1) / 2] * 3


def test_chunks_lie_in_folders_as_the_specification_wants(tmp_path: Path, volume: np.ndarray):
    path = write_ome_zarr(tmp_path / "T.ome.zarr", volume, pixel_size=7.5)
    assert json.loads((path / "0" / ".zarray").read_text())["dimension_separator"] == "/"
    assert (path / "0" / "0" / "0" / "0").is_file()


def test_the_fields_own_reader_takes_it(tmp_path: Path, volume: np.ndarray):
    models = pytest.importorskip("ome_zarr.reader")
    from ome_zarr.io import parse_url

    path = write_ome_zarr(tmp_path / "T.ome.zarr", volume, pixel_size=7.5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        node = next(iter(models.Reader(parse_url(path))()))
    assert node.data[0].shape == volume.shape
    assert len(node.data) == 3
    np.testing.assert_array_equal(np.asarray(node.data[0]), volume)


def test_volumes_and_tilt_series_are_read_lazily(tmp_path: Path, volume: np.ndarray):
    path = write_ome_zarr(tmp_path / "TS.zarr", volume, pixel_size=7.5)
    opened, size = open_volume(path)
    assert size == 7.5
    assert not isinstance(opened, np.ndarray)
    assert not is_tilt_series(path)
    (tmp_path / "TS.rawtlt").write_text("".join(f"{2 * i - 32}\n" for i in range(33)))
    assert is_tilt_series(path)
    series = open_tilt_series(path)
    assert series.pixel_size == 7.5
    np.testing.assert_array_equal(series.read([3], slice(4, 9))[0], volume[3, 4:9])


def test_nothing_is_replaced_or_left_behind(tmp_path: Path, volume: np.ndarray):
    path = write_ome_zarr(tmp_path / "T.ome.zarr", volume, pixel_size=None)
    assert open_ome_zarr(path)[1] is None
    with pytest.raises(OutputError, match="exists already"):
        write_ome_zarr(path, volume, pixel_size=None)

    class Failing:
        shape = (4, 4, 4)

        def __getitem__(self, key: object) -> np.ndarray:
            raise OSError("disk")

    with pytest.raises(OutputError):
        write_ome_zarr(tmp_path / "U.ome.zarr", Failing(), pixel_size=None)
    assert [file.name for file in tmp_path.iterdir()] == ["T.ome.zarr"]


def test_other_folders_are_refused(tmp_path: Path):
    (tmp_path / "a.zarr").mkdir()
    (tmp_path / "a.zarr" / ".zgroup").write_text("{")
    assert not is_tilt_series(tmp_path / "a.zarr")
    with pytest.raises(InputError, match="not an OME-Zarr"):
        open_ome_zarr(tmp_path / "a.zarr")


def test_the_command_exports_a_file(tmp_path: Path, volume: np.ndarray):
    from napari_lbn.cli.app import app

    source = write_stack(tmp_path / "T.mrc", volume, pixel_size=5.0)
    result = CliRunner().invoke(app, ["export", str(source)])
    assert result.exit_code == 0, result.output
    found, size = open_ome_zarr(tmp_path / "T.ome.zarr")
    assert size == 5.0
    np.testing.assert_array_equal(found[:], volume)


@pytest.mark.parametrize("suffix", [".mrc", ".ome.zarr"])
def test_scaled_samples_are_exported_as_densities(tmp_path: Path, volume: np.ndarray, suffix: str):
    from napari_lbn.cli.app import app
    from napari_lbn.engine.io.sample_format import SampleFormat
    from napari_lbn.engine.io.tomograms.by_name import tomogram_writer

    source = tmp_path / f"T{suffix}"
    sample = SampleFormat.for_range("int16", float(volume.min()), float(volume.max()))
    with tomogram_writer(source, volume.shape, 5.0, [], sample=sample) as writer:
        writer.write_slab(0, volume)
    command = ["export", str(source), "--out", str(tmp_path / "out.ome.zarr")]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    found, size = open_ome_zarr(tmp_path / "out.ome.zarr")
    assert size == 5.0
    np.testing.assert_allclose(np.asarray(found), volume, atol=2 * sample.scale)


def test_a_damaged_chunk_is_told_with_its_folder(tmp_path: Path, volume: np.ndarray):
    from napari_lbn.cli.app import app

    write_ome_zarr(tmp_path / "T.ome.zarr", volume, pixel_size=5.0)
    for chunk in (tmp_path / "T.ome.zarr" / "0" / "0").rglob("*"):
        if chunk.is_file():
            chunk.write_bytes(b"xx")
    command = ["export", str(tmp_path / "T.ome.zarr"), "--out", str(tmp_path / "out.ome.zarr")]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 2
    assert "T.ome.zarr is damaged" in result.stderr.replace("\n", " ")
    assert not (tmp_path / "out.ome.zarr").exists()


def test_voxels_that_are_no_cubes_are_refused(tmp_path: Path, volume: np.ndarray):
    path = write_ome_zarr(tmp_path / "T.ome.zarr", volume, pixel_size=5.0)
    attributes = path / ".zattrs"
    told = json.loads(attributes.read_text())
    first = told["multiscales"][0]["datasets"][0]["coordinateTransformations"]
    first[0]["scale"] = [10.0, 5.0, 5.0]
    attributes.write_text(json.dumps(told))
    with pytest.raises(InputError, match="10 × 5 × 5 Å"):
        open_ome_zarr(path, volume=True)
    assert open_ome_zarr(path)[1] == 5.0  # of a stack of images
    first[0]["scale"] = [5.0, 10.0, 5.0]
    attributes.write_text(json.dumps(told))
    with pytest.raises(InputError, match="10 × 5 Å"):
        open_ome_zarr(path)


def test_angles_lie_beside_an_exported_series(tmp_path: Path, volume: np.ndarray):
    write_ome_zarr(tmp_path / "T.ome.zarr", volume, pixel_size=5.0)
    angles = np.linspace(-60, 60, volume.shape[0])
    (tmp_path / "T.tlt").write_text("\n".join(f"{a:.2f}" for a in angles))
    np.testing.assert_allclose(open_tilt_series(tmp_path / "T.ome.zarr").angles, angles, atol=0.01)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("0/.zarray", '"chunks": [', '"chunks": [99999999, '),
        ("0/.zarray", '"zarr_format": 2', '"zarr_format": "x"'),
        (".zattrs", '"path": "0"', '"path": "../../secret"'),
        (".zattrs", '"path": "0"', '"path": "/etc"'),
        (".zattrs", '"multiscales"', '"scales"'),
        (".zattrs", '"datasets"', '"data"'),
        (".zattrs", "{", ""),
        (".zattrs", "{", "\xff\xfe{"),
    ],
)
def test_damaged_folders_are_refused(
    tmp_path: Path, volume: np.ndarray, file: str, old: str, new: str
):
    path = write_ome_zarr(tmp_path / "inner" / "t.ome.zarr", volume, pixel_size=10.0)
    write_ome_zarr(tmp_path / "secret", volume, pixel_size=10.0)
    text = (path / file).read_text()
    assert old in text
    (path / file).write_text(text.replace(old, new, 1), encoding="latin-1")
    with pytest.raises(InputError, match="inner"):
        open_ome_zarr(path)


def test_absurd_arrays_are_refused_unread(tmp_path: Path, volume: np.ndarray):
    path = write_ome_zarr(tmp_path / "t.ome.zarr", volume, pixel_size=10.0)
    facts = json.loads((path / "0" / ".zarray").read_text())
    for changes in ({"chunks": [1 << 11] * 3}, {"shape": [1 << 40, 9, 9]}):
        (path / "0" / ".zarray").write_text(json.dumps({**facts, **changes}))
        with pytest.raises(InputError, match="cannot be read"):
            open_volume(path)
