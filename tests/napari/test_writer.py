"""What is saved is read back the same; what cannot be saved is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest

from napari_lbn._napari.layers import tilt_series_layer, volume_layer
from napari_lbn._napari.lazy import BlendedVolume
from napari_lbn._napari.metadata import series_of, volume_record
from napari_lbn._napari.reader import read
from napari_lbn._napari.writer import write_image
from napari_lbn.engine.errors import InputError, OutputError
from napari_lbn.engine.tilt_series import TiltSeries


def test_tilt_series_round_trip(tmp_path: Path, series: TiltSeries) -> None:
    data, attributes, _ = tilt_series_layer(series)
    written = write_image(str(tmp_path / "out"), data, attributes)
    assert [Path(file).name for file in written] == ["out.mrc", "out.tlt"]
    ((again, its_attributes, _),) = read(written[0])
    reread = series_of(its_attributes)
    assert reread is not None
    np.testing.assert_allclose(reread.angles, series.angles)
    np.testing.assert_array_equal(np.asarray(again), np.asarray(data))
    assert reread.pixel_size == pytest.approx(10.0)


def test_lazy_tomogram_is_written_as_displayed(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    measured, synthesized = rng.normal(size=(2, 6, 40, 8)).astype(np.float32)
    blended = BlendedVolume(measured, synthesized, alpha=0.5)
    record = volume_record("tomogram", pixel_size=12.0, alpha=0.5, provenance={})
    data, attributes, _ = volume_layer(blended, name="t", pixel_size=12.0, record=record)
    (file,) = write_image(str(tmp_path / "t.mrc"), data, attributes)
    with mrcfile.open(file) as mrc:
        np.testing.assert_array_equal(mrc.data, measured + np.float32(0.5) * synthesized)
        assert mrc.is_volume()
        assert float(mrc.voxel_size.x) == pytest.approx(12.0)


@pytest.mark.parametrize(
    ("kind", "alpha", "said"),
    [
        ("tomogram", 0.0, "WBP of the measured tilts"),
        ("tomogram", 0.5, "WBP + 0.5 x WBP of the synthesized"),
        ("difference", 1.0, "1 x WBP of the synthesized"),
    ],
)
def test_a_tomogram_says_in_its_file_what_it_was_made_from(
    tmp_path: Path, kind: Any, alpha: float, said: str
) -> None:
    record = volume_record(kind, pixel_size=12.0, alpha=alpha, provenance={"weights": "small"})
    zeros = np.zeros((2, 3, 4), np.float32)
    data, attributes, _ = volume_layer(zeros, name="t", pixel_size=12.0, record=record)
    file, beside = write_image(str(tmp_path / "t.mrc"), data, attributes)
    with mrcfile.open(file) as mrc:
        assert any(said in line for line in mrc.get_labels())
    told = json.loads(Path(beside).read_text(encoding="utf-8"))
    assert (told["weights"], told["kind"], told["alpha"]) == ("small", kind, alpha)


def test_a_series_is_never_written_over_its_own_files(tmp_path: Path, series: TiltSeries) -> None:
    source = tmp_path / "TS.mrc"
    history = {"alignment_file": str(tmp_path / "aligned.mrc")}
    data, attributes, _ = tilt_series_layer(replace(series, source=source, history=history))
    source.write_bytes(b"raw data")
    (tmp_path / "TS.tlt").write_text("its angles")
    for name in ("TS.mrc", "TS.st", "aligned.mrc"):
        with pytest.raises(OutputError, match="is an input"):
            write_image(str(tmp_path / name), data, attributes)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["TS.mrc", "TS.tlt"]
    assert source.read_bytes() == b"raw data"


@pytest.mark.parametrize("beside", ["out.mrc", "out.tlt", "out.json"])
def test_nothing_is_replaced_that_nobody_was_asked_about(
    tmp_path: Path, series: TiltSeries, beside: str
) -> None:
    """napari's dialog asks about the name as it was typed."""
    data, attributes, _ = tilt_series_layer(series)
    attributes["metadata"]["napari_lbn"]["provenance"] = {"weights": "small"}
    there = tmp_path / beside
    there.write_text("something else")
    with pytest.raises(OutputError, match=f"{beside} is there already"):
        write_image(str(tmp_path / "out"), data, attributes)
    assert list(tmp_path.iterdir()) == [there]
    there.rename(tmp_path / "out.mrc")  # and this name was typed: the dialog has asked
    assert len(write_image(str(tmp_path / "out.mrc"), data, attributes)) == 3


@pytest.mark.parametrize(("unit", "expected"), [("nanometer", 20.0), ("angstrom", 2.0)])
def test_foreign_volume_takes_its_pixel_size_from_scale_and_units(
    tmp_path: Path, unit: str, expected: float
) -> None:
    attributes = {"scale": (2.0,) * 3, "units": (unit,) * 3, "metadata": {}}
    (file,) = write_image(str(tmp_path / "v.mrc"), np.zeros((2, 3, 4), np.float32), attributes)
    with mrcfile.open(file) as mrc:
        assert float(mrc.voxel_size.x) == pytest.approx(expected)


def test_picture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="2 dimensions"):
        write_image(str(tmp_path / "p.mrc"), np.zeros((3, 4)), {"name": "p", "metadata": {}})
    assert list(tmp_path.iterdir()) == []


def test_missing_folder_leaves_nothing(tmp_path: Path, series: TiltSeries) -> None:
    (tmp_path / "file").write_text("")
    data, attributes, _ = tilt_series_layer(series)
    with pytest.raises(OutputError):
        write_image(str(tmp_path / "file" / "out.mrc"), data, attributes)
