"""`napari-lbn info`."""

from __future__ import annotations

import json
from pathlib import Path

import mrcfile
import numpy as np

from .conftest import ANGLES, ok, read, write_series


def test_info_tells_shape_pixel_size_angles_and_wedge(series: Path, weights: Path) -> None:
    text = ok("info", series, "--weights", weights, "--thickness", 12).stdout
    for part in ("9 of 16 x 40", "10 Å", "-40° to 40°", "100°", "TS.tlt", "9 tilts to synthesize"):
        assert part in text


def test_info_json_takes_the_wedge_from_the_actual_angles(tmp_path: Path, weights: Path) -> None:
    pre_tilted = write_series(tmp_path, angles=[angle + 7 for angle in ANGLES])
    facts = json.loads(ok("info", pre_tilted, "--json", "--weights", weights).stdout)
    assert facts["missing_wedge"] == [47.0, 147.0]
    assert facts["increment"] == 10.0
    assert facts["plan"]["synthesized_tilts"] == 9


def test_unsorted_angles_are_sorted_and_told(tmp_path: Path) -> None:
    mixed = write_series(tmp_path)
    file = mixed.with_suffix(".tlt")
    lines = file.read_text().splitlines()
    file.write_text("\n".join(lines[::2] + lines[1::2]) + "\n")
    assert "sorted here" in ok("info", mixed).stdout
    result = ok("reconstruct", mixed, "--out", tmp_path / "rec.mrc", "--thickness", 8)
    assert "not in the order of the angles" in result.stderr


def test_info_counts_excluded_sections_from_one(series: Path) -> None:
    facts = json.loads(ok("info", series, "--json", "--exclude", "1,9").stdout)
    assert facts["excluded_sections"] == [1, 9]
    assert facts["angle_range"] == [-30.0, 30.0]


def test_info_says_what_noisy_tilts_would_take() -> None:
    facts, plain = (
        json.loads(ok("info", "--sample", "--json", *w).stdout)["plan"]
        for w in ([], ["--weights", "fast"])
    )
    assert facts["seconds_if_noisy"] > facts["seconds"]
    assert "s if its tilts turn out noisy)" in ok("info", "--sample").stdout
    assert plain["seconds_if_noisy"] == plain["seconds"]  # whose tilts are never smoothed


def test_info_says_why_a_correction_is_not_possible(tmp_path: Path, weights: Path) -> None:
    coarse = write_series(tmp_path, pixel_size=40.0)
    facts = json.loads(ok("info", coarse, "--json", "--weights", weights).stdout)
    assert "coarser" in facts["plan"]["refused"]


def test_inverted_angles_change_sign_and_are_recorded(series: Path) -> None:
    series.with_suffix(".tlt").write_text("".join(f"{angle + 7}\n" for angle in ANGLES))
    facts = json.loads(ok("info", series, "--json", "--invert-tilt-angles").stdout)
    assert facts["angle_range"] == [-47.0, 33.0]
    assert facts["angles_inverted"] is True


def test_inverting_the_angles_reverses_the_tomogram_in_z(tmp_path: Path) -> None:
    series = write_series(tmp_path, angles=[angle + 7 for angle in ANGLES])
    ok("reconstruct", series, "--out", tmp_path / "as_is.mrc", "--thickness", 20)
    options = ["--thickness", 20, "--invert-tilt-angles"]
    ok("reconstruct", series, "--out", tmp_path / "inverted.mrc", *options)
    as_is, inverted = read(tmp_path / "as_is.mrc"), read(tmp_path / "inverted.mrc")
    assert np.abs(inverted - as_is).max() > 0.1 * as_is.std()
    np.testing.assert_allclose(inverted[::-1], as_is, atol=1e-3 * as_is.std())
    with mrcfile.open(tmp_path / "inverted.mrc", header_only=True) as mrc:
        assert "inverted" in " ".join(mrc.get_labels())
