"""`napari-lbn convert`, and raw series on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from napari_lbn.engine.io import open_tilt_series

from .conftest import run


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """A raw stack with IMOD's alignment beside it: shifted by one pixel in x, the last left out."""
    images = np.random.default_rng(1).normal(size=(4, 10, 12)).astype("f4")
    path = tmp_path / "TS.mrc"
    with mrcfile.new(path) as file:
        file.set_data(images)
        file.set_image_stack()
        file.voxel_size = 8.0
    (tmp_path / "TS.xf").write_text("1 0 0 1 1 0\n" * 4)
    (tmp_path / "TS.tlt").write_text("-20\n0\n20\n40\n")
    (tmp_path / "tilt.com").write_text("TILTFILE TS.tlt\nEXCLUDELIST 4\n")
    return path


def test_info_tells_what_an_alignment_gives(raw: Path):
    result = run("info", raw.with_suffix(".xf"), "--json")
    facts = json.loads(result.stdout)
    assert facts["excluded_sections"] == [4]
    assert facts["history"]["alignment"]["largest_shift"] == 8.0
    assert facts["history"]["alignment_file"] == str(raw.with_suffix(".xf"))


@pytest.mark.parametrize(
    ("package", "names"),
    [
        ("aretomo", ["TS.aln"]),
        ("imod", ["TS.tlt", "TS.xf", "newst.com", "tilt.com"]),
        ("relion", ["TS.star", "TS_tomograms.star"]),
        ("warp", ["TS.xml"]),
        ("portal", ["TS_alignment.json"]),
    ],
)
def test_alignments_become_another_packages(
    raw: Path, tmp_path: Path, package: str, names: list[str]
):
    out = tmp_path / "out"
    result = run("convert", raw.with_suffix(".xf"), "--to", package, "--out", out)
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in out.iterdir()) == names
    (out / "TS.mrc").symlink_to(raw)
    ending = {"imod": ".xf", "portal": "_alignment.json"}.get(package, Path(names[0]).suffix)
    series = open_tilt_series(out / f"TS{ending}")
    np.testing.assert_allclose(series.included_angles, [-20, 0, 20])
    expected = open_tilt_series(raw.with_suffix(".xf")).read()
    np.testing.assert_allclose(series.read(), expected, atol=1e-4)


def test_aligned_stacks_are_written_with_their_angles(raw: Path, tmp_path: Path):
    out = tmp_path / "out"
    result = run("convert", raw.with_suffix(".xf"), "--align", "--out", out)
    assert result.exit_code == 0, result.output
    series = open_tilt_series(out / "TS_ali.mrc")
    np.testing.assert_array_equal(series.angles, [-20, 0, 20])
    assert series.pixel_size == 8
    original = np.array(mrcfile.read(raw))
    np.testing.assert_allclose(series.read()[:, :, 1:], original[:3, :, :-1], atol=1e-5)


def test_one_output_has_to_be_chosen(raw: Path, tmp_path: Path):
    for options in ([], ["--to", "warp", "--align"]):
        result = run("convert", raw.with_suffix(".xf"), "--out", tmp_path / "out", *options)
        assert result.exit_code == 2
        assert not (tmp_path / "out").exists()


def test_handedness_says_what_the_images_cannot_tell(raw: Path):
    result = run("handedness", raw.with_suffix(".xf"))
    assert result.exit_code == 0, result.output
    assert "cannot tell" in result.stdout
    found = json.loads(run("handedness", raw.with_suffix(".xf"), "--json").stdout)
    assert found["verdict"] == "undecided"
