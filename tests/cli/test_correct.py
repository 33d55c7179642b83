"""`napari-lbn correct`, `reconstruct` and `synthesize`: files, headers, records."""

from __future__ import annotations

import json
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from napari_lbn.cli.options import ComputingOptions, WedgeOptions
from napari_lbn.cli.settings import correction_settings
from napari_lbn.engine.tilt_series import TiltSeries

from .conftest import ANGLES, PIXEL_SIZE, SHAPE, left_behind, ok, read, run, write_series


def test_correct_writes_five_files_and_nothing_else(correction: Path) -> None:
    names = [path.name for path in left_behind(correction)]
    assert names == ["TS_lbn.json", "TS_lbn.mrc", "TS_lbn.tlt", "TS_wbp.mrc", "TS_wbp_lbn.mrc"]


def test_measured_tilts_are_untouched_in_the_stack(correction: Path, series: Path) -> None:
    stack, angles = read(correction / "TS_lbn.mrc"), np.loadtxt(correction / "TS_lbn.tlt")
    assert len(stack) == len(angles) == 18
    assert np.all(np.diff(angles) > 0)
    measured = np.isin(angles, ANGLES)
    np.testing.assert_array_equal(stack[measured], read(series))


def test_headers_say_stack_or_volume_and_the_voxel_size(correction: Path) -> None:
    for name, space_group, shape in [
        ("TS_lbn.mrc", 0, (18, *SHAPE)),
        ("TS_wbp.mrc", 1, (12, *SHAPE)),
        ("TS_wbp_lbn.mrc", 1, (12, *SHAPE)),
    ]:
        with mrcfile.open(correction / name) as mrc:
            assert mrc.data.shape == shape
            assert mrc.data.dtype == np.float32
            assert int(mrc.header.ispg) == space_group
            assert float(mrc.voxel_size.x) == pytest.approx(PIXEL_SIZE)
            assert float(mrc.header.dmax) == mrc.data.max()


def test_ome_zarr_tomograms_are_those_of_the_mrc_files(
    correction: Path, series: Path, weights: Path, tmp_path: Path
) -> None:
    zarr = pytest.importorskip("zarr")
    folder = tmp_path / "zarr"
    options = ["--weights", weights, "--thickness", 12, "--tomograms", "ome-zarr"]
    ok("correct", series, "--out", folder, *options)
    for name in ("TS_wbp", "TS_wbp_lbn"):
        array = zarr.open_group(folder / f"{name}.ome.zarr", mode="r")["0"]
        np.testing.assert_array_equal(array[:], read(correction / f"{name}.mrc"))
    names = {"TS_lbn.json", "TS_lbn.mrc", "TS_lbn.tlt", "TS_wbp.ome.zarr", "TS_wbp_lbn.ome.zarr"}
    assert {path.name for path in folder.iterdir()} == names
    refused = run("correct", series, "--out", folder, *options)
    assert refused.exit_code == 2
    assert "exists already" in refused.stderr.replace("\n", " ")


def test_the_record_says_what_changed_outside_the_wedge(correction: Path) -> None:
    record = json.loads((correction / "TS_lbn.json").read_text())["alteration"]
    assert 0 <= record["changed_outside"] < record["added_inside"]
    assert "Outside the wedge" in record["in_words"]


def test_labels_tell_measured_from_synthesized(correction: Path) -> None:
    labels = {}
    for path in correction.glob("*.mrc"):
        with mrcfile.open(path, header_only=True) as mrc:
            labels[path.stem] = " ".join(mrc.get_labels())
    assert "9 measured and 9 synthesized (LBN) tilts of TS" in labels["TS_lbn"]
    assert "WBP, measured tilts of TS" in labels["TS_wbp"]
    assert "measured + 1 x synthesized tilts (LBN)" in labels["TS_wbp_lbn"]


def test_the_record_tells_synthesized_from_measured(correction: Path, weights: Path) -> None:
    record = json.loads((correction / "TS_lbn.json").read_text(encoding="utf-8"))
    synthesized = set(np.loadtxt(correction / "TS_lbn.tlt")) - set(ANGLES)
    assert set(record["synthesized_angles"]) == synthesized
    assert record["measured_angles"] == ANGLES
    assert record["weights"]["name"] == "tiny"
    assert record["alpha"] == 1.0


def test_plain_wbp_of_correct_is_the_tomogram_of_reconstruct(
    correction: Path, series: Path, tmp_path: Path
) -> None:
    ok("reconstruct", series, "--out", tmp_path / "rec.mrc", "--thickness", 12)
    np.testing.assert_array_equal(read(tmp_path / "rec.mrc"), read(correction / "TS_wbp.mrc"))


def test_a_jackknife_and_mirrored_tilts_change_synthesized_tilts_only_and_are_on_record(
    correction: Path, series: Path, weights: Path, tmp_path: Path
) -> None:
    options = ["--weights", weights, "--thickness", 12, "--mirrored", "--jackknife", 2]
    ok("correct", series, "--out", tmp_path / "jackknife", *options)
    record = json.loads((tmp_path / "jackknife" / "TS_lbn.json").read_text())
    assert record["options"]["jackknife"] == 2
    assert record["options"]["mirrored"]
    for name, same in (("TS_wbp", True), ("TS_wbp_lbn", False)):
        changed = np.abs(
            read(tmp_path / "jackknife" / f"{name}.mrc") - read(correction / f"{name}.mrc")
        )
        assert (changed.max() == 0) == same
    for refused, said in (
        (run("correct", series, "--out", tmp_path / "no", *options[:-1], 1), "1 groups"),
        (run("reconstruct", series, "--out", tmp_path / "r.mrc", *options[5:]), "--jackknife"),
        (run("reconstruct", series, "--out", tmp_path / "r.mrc", "--mirrored"), "--mirrored"),
    ):
        assert refused.exit_code == 2
        assert said in refused.stderr


@pytest.mark.parametrize("alpha", [0.0, 0.5])
def test_alpha_blends_linearly(
    correction: Path, series: Path, weights: Path, tmp_path: Path, alpha: float
) -> None:
    folder = tmp_path / "blended"
    options = ["--weights", weights, "--thickness", 12, f"--alpha={alpha}"]
    ok("correct", series, "--out", folder, *options)
    plain, full = read(correction / "TS_wbp.mrc"), read(correction / "TS_wbp_lbn.mrc")
    blended = read(folder / "TS_wbp_lbn.mrc")
    assert np.abs(full - plain).max() > 0
    np.testing.assert_allclose(blended, plain + alpha * (full - plain), atol=1e-5 * full.std())
    if alpha == 0:
        np.testing.assert_array_equal(blended, plain)
    changed = [json.loads((f / "TS_lbn.json").read_text()) for f in (folder, correction)]
    here, whole = (record["alteration"]["added_inside"] for record in changed)
    assert here == pytest.approx(alpha * whole)


def test_synthesize_keeps_the_order_of_the_angles(
    correction: Path, series: Path, weights: Path, tmp_path: Path
) -> None:
    path = tmp_path / "tilts.mrc"
    options = ["--weights", weights, "--thickness", 12]
    ok("synthesize", series, "--angles=70,-50,0", "--box", "--out", path, *options)
    np.testing.assert_array_equal(np.loadtxt(path.with_suffix(".tlt")), [70, -50, 0])
    tilts = read(path)
    stack, angles = read(correction / "TS_lbn.mrc"), np.loadtxt(correction / "TS_lbn.tlt")
    for i, angle in enumerate([70, -50]):
        expected = stack[angles == angle][0]
        np.testing.assert_allclose(tilts[i], expected, rtol=1e-4, atol=1e-4 * expected.std())
    record = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    assert record["synthesized_angles"] == [70, -50, 0]
    assert record["wedge_tilts_show"] == "the reconstruction box alone"
    ok("synthesize", series, "--angles=70,-30", "--out", path, *options)
    record = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    assert record["wedge_tilts_show"] == "the whole specimen"
    assert not np.allclose(read(path)[0], tilts[0], rtol=1e-2)


def test_synthesize_takes_an_angle_file_and_tells_measured_angles(
    series: Path, weights: Path, tmp_path: Path
) -> None:
    (tmp_path / "wanted.tlt").write_text("-60\n10\n")
    path = tmp_path / "tilts.mrc"
    options = ["--angles", tmp_path / "wanted.tlt", "--out", path, "--weights", weights]
    assert "1 of these angles was measured (10°)" in ok("synthesize", series, *options).stderr
    assert read(path).shape == (2, *SHAPE)


def test_full_size_joins_the_unbinned_stack(tmp_path: Path, weights: Path, out: Path) -> None:
    fine = write_series(tmp_path, pixel_size=5.0, shape=(32, 80))
    ok("correct", fine, "--out", out, "--weights", weights, "--thickness", 12, "--full-size")
    stack, angles = read(out / "TS_lbn.mrc"), np.loadtxt(out / "TS_lbn.tlt")
    assert stack.shape == (18, 32, 80)
    np.testing.assert_array_equal(stack[np.isin(angles, ANGLES)], read(fine))
    assert read(out / "TS_wbp.mrc").shape == (12, 16, 40)  # at the working pixel size
    record = json.loads((out / "TS_lbn.json").read_text(encoding="utf-8"))
    assert record["synthesized_band_limit"] == 2 * record["pixel_size"]
    with mrcfile.open(out / "TS_lbn.mrc") as mrc:
        told = f"to {record['synthesized_band_limit']:g} A only"
        assert told in " ".join(mrc.get_labels()).replace("Å", "A")


def test_excluded_sections_are_left_out_of_everything(
    series: Path, weights: Path, out: Path
) -> None:
    ok("correct", series, "--out", out, "--weights", weights, "--thickness", 8, "--exclude=1,2")
    stack, angles = read(out / "TS_lbn.mrc"), np.loadtxt(out / "TS_lbn.tlt")
    np.testing.assert_array_equal(stack[np.isin(angles, ANGLES[2:])], read(series)[2:])
    assert np.abs(stack[angles == -30] - read(series)[1]).max() > 0  # now synthesized
    record = json.loads((out / "TS_lbn.json").read_text(encoding="utf-8"))
    assert record["excluded_angles"] == [-40, -30]


def test_a_later_run_replaces_the_files_of_an_earlier_one(correction: Path, series: Path) -> None:
    before = read(correction / "TS_wbp.mrc")
    ok("reconstruct", series, "--out", correction / "TS_wbp.mrc", "--thickness", 14)
    assert before.shape[0] == 12
    assert read(correction / "TS_wbp.mrc").shape[0] == 14


def test_the_usual_thickness_of_a_fine_series_asks_for_no_more_memory(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """200 nm are 2000 pixels of 1 Å: of pixels that the weights work at they are some 200."""
    pixel = np.zeros((1, 1, 1), np.float32)
    images = np.broadcast_to(pixel, (41, 2400, 5216))
    series = TiltSeries.from_array(images, np.linspace(-60, 60, 41), pixel_size=1.35)
    computing = ComputingOptions(weights="fast", device="cpu", memory=3.0)
    settings = correction_settings(series, computing, WedgeOptions())
    assert settings.thickness == 212
    assert "212 pixels (200 nm)" in capsys.readouterr().err
