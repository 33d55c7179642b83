"""Files become layers: tilt series with angles, volumes without."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
from napari.components import ViewerModel
from napari.utils.notifications import notification_manager

import napari
from napari_lbn._napari.metadata import kind_of, series_of
from napari_lbn._napari.reader import get_reader, read, read_or_tell
from napari_lbn.engine.errors import InputError

from .conftest import ANGLES


def test_stack_with_angles_opens_as_tilt_series(stack_file: Path, images: np.ndarray) -> None:
    (data, attributes, layer_type), *rest = read(str(stack_file))
    assert (layer_type, rest) == ("image", [])
    assert data.shape == (5, 1, 12, 16)
    np.testing.assert_array_equal(data[3, 0], images[3])
    series = series_of(attributes)
    assert series is not None
    np.testing.assert_array_equal(series.angles, ANGLES)
    assert attributes["scale"][-2:] == (10.0, 10.0)
    assert attributes["units"][-1] == "angstrom"
    assert attributes["axis_labels"] == ("tilt", "z", "y", "x")


def test_volume_opens_as_volume(tmp_path: Path) -> None:
    path = tmp_path / "tomogram.rec"
    with mrcfile.new(path) as mrc:
        mrc.set_data(np.arange(24, dtype=np.float32).reshape(2, 3, 4))
        mrc.set_volume()
        mrc.voxel_size = 13.0
    ((data, attributes, _),) = read(str(path))
    assert data.shape == (2, 3, 4)
    assert attributes["scale"] == (13.0,) * 3
    assert kind_of(attributes) == "tomogram"


def test_stack_without_angles_opens_so_that_the_user_can_be_asked(stack_file: Path) -> None:
    stack_file.with_suffix(".tlt").unlink()
    ((data, attributes, _),) = read(str(stack_file))
    assert data.shape == (5, 12, 16)
    assert kind_of(attributes) == "stack"
    assert series_of(attributes) is None


def test_text_named_mrc_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "notes.mrc"
    path.write_text("not an image\n" * 200)
    with pytest.raises(InputError, match=r"notes\.mrc"):
        read(str(path))


def test_what_cannot_be_read_is_told_in_a_viewer_and_raised_without(
    stack_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """napari would show which plugins it tried, and the reason at the end of a traceback."""
    stack_file.with_suffix(".tlt").write_text("-3\n0\n3\n")
    told: list[str] = []

    def add(notification: Any) -> None:
        told.append(notification.message)

    reader = get_reader(str(stack_file))
    assert reader is not None
    with pytest.raises(InputError):
        reader(str(stack_file))
    monkeypatch.setattr(napari, "current_viewer", ViewerModel)
    notification_manager.notification_ready.connect(add)
    try:
        assert reader(str(stack_file)) == [(None,)]  # no layer, says npe2
    finally:
        notification_manager.notification_ready.disconnect(add)
    (message,) = told
    assert message.startswith("TS.tlt has 3 tilt angles, but TS.mrc has 5 images.")


def test_alignment_files_and_folders_open_the_series_they_belong_to(
    stack_file: Path, images: np.ndarray
) -> None:
    lines = ["1.0 0.0 0.0 1.0 0.0 0.0"] * len(ANGLES)
    transforms = stack_file.with_suffix(".xf")
    transforms.write_text("\n".join(lines) + "\n")
    reader = get_reader(str(transforms))
    assert reader is not None
    ((data, attributes, _),) = reader(str(transforms))
    series = series_of(attributes)
    assert series is not None
    np.testing.assert_allclose(series.angles, ANGLES)
    np.testing.assert_allclose(np.asarray(data[3, 0]), images[3], atol=1e-3)


def test_angle_files_and_folders_open_their_stack(stack_file: Path) -> None:
    for path in (stack_file.with_suffix(".tlt"), stack_file.parent):
        reader = get_reader(str(path))
        assert reader is not None
        ((_, attributes, _),) = reader(str(path))
        series = series_of(attributes)
        assert series is not None
        assert series.source == stack_file


def test_folders_and_tables_of_others_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.json").write_text("{}")
    for path in (tmp_path, tmp_path / "notes.json"):
        assert get_reader(str(path)) is None


def test_what_is_left_to_other_readers(tmp_path: Path) -> None:
    picture = tmp_path / "picture.tif"
    picture.write_bytes(b"II*\0")
    assert get_reader(str(picture)) is None
    assert get_reader([str(picture), str(picture)]) is None
    assert get_reader(str(tmp_path / "absent.png")) is None


def test_real_series(ts254: Path) -> None:
    ((data, attributes, _),) = read(str(ts254))
    series = series_of(attributes)
    assert series is not None
    assert (data.shape, series.pixel_size) == ((41, 1, 300, 652), 10.0)
    assert series.angles[[0, -1]] == pytest.approx([-60.0, 60.0], abs=0.1)


def test_ome_zarr_written_here_opens_as_a_tomogram_others_are_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zarr = pytest.importorskip("zarr")
    from napari_lbn.engine.io.ome_zarr import write_ome_zarr

    volume = np.random.default_rng(0).normal(size=(20, 70, 66)).astype("f4")
    path = write_ome_zarr(tmp_path / "T.ome.zarr", volume, pixel_size=12.0)
    assert get_reader(str(path)) is read_or_tell
    ((data, attributes, _),) = read(str(path))
    np.testing.assert_array_equal(data[5], volume[5])
    assert (attributes["name"], attributes["multiscale"]) == ("T", False)
    assert attributes["scale"] == (12.0,) * 3
    assert kind_of(attributes) == "tomogram"
    # large ones are shown by their levels
    monkeypatch.setattr("napari_lbn._napari.reader.LARGEST_SINGLE", 0)
    ((levels, attributes, _),) = read(str(path))
    assert [level.shape for level in levels] == [(20, 70, 66), (10, 35, 33)]
    assert attributes["multiscale"]
    zarr.open_group(tmp_path / "other.zarr", mode="w", zarr_format=2)
    assert get_reader(str(tmp_path / "other.zarr")) is None
