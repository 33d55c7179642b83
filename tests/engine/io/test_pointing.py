"""A stack is found by whatever of its files the user points at, or it is said what is missing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_lbn.engine.errors import InputError
from napari_lbn.engine.io import is_tilt_series, open_tilt_series
from napari_lbn.engine.io.angles.choose import EvenAngles, MissingAnglesError
from napari_lbn.engine.io.angles.read import read_angles

from .conftest import WriteMrc

MDOC = "PixelSpacing = 7.5\nImageFile = C:\\data\\{stack}\n\n" + "".join(
    f"[ZValue = {i}]\nTiltAngle = {-40 + 20 * i}\nExposureDose = 3\n\n" for i in range(5)
)


@pytest.mark.parametrize(
    "name", ["TS.mrc.mdoc", "TS.mdoc", "TS.rawtlt", "TS.tlt", "session_1.mdoc", "."]
)
def test_any_file_of_a_series_opens_its_stack(stack: WriteMrc, tmp_path: Path, name: str):
    path = stack(angles=None)
    angles = "".join(f"{-40 + 20 * i}\n" for i in range(5))
    text = MDOC.format(stack="TS.mrc") if "mdoc" in name else angles
    pointed = tmp_path / ("TS.tlt" if name == "." else name)
    pointed.write_text(text)
    assert is_tilt_series(tmp_path / name)
    series = open_tilt_series(tmp_path / name, angles=None)
    assert series.source == path
    np.testing.assert_allclose(series.angles, [-40, -20, 0, 20, 40])
    assert open_tilt_series(path, angles=pointed).angles.tolist() == series.angles.tolist()


def test_the_angle_file_that_is_named_is_the_one_that_counts(stack: WriteMrc, tmp_path: Path):
    stack(angles=(-41, -21, -1, 19, 39))
    (tmp_path / "TS.rawtlt").write_text("-40\n-20\n0\n20\n40\n")
    series = open_tilt_series(tmp_path / "TS.rawtlt")
    assert series.angles[0] == -40
    assert series.history["angles_given"] == str(tmp_path / "TS.rawtlt")
    assert open_tilt_series(tmp_path / "TS.mrc").angles[0] == -41


def test_refined_angles_belong_to_the_aligned_stack_first(stack: WriteMrc, tmp_path: Path):
    stack("TS.mrc")
    aligned = stack("TS_ali.mrc", angles=None)
    assert open_tilt_series(tmp_path / "TS.tlt").source == aligned
    assert open_tilt_series(tmp_path).source == aligned
    aligned.unlink()
    (tmp_path / "TS.xf").write_text("1 0 0 1 3 0\n" * 5)
    series = open_tilt_series(tmp_path / "TS.tlt")
    assert "alignment" in series.history


def test_refined_angles_take_the_offset_of_their_directory(stack: WriteMrc, tmp_path: Path):
    stack("TS.mrc")
    (tmp_path / "TS.xf").write_text("1 0 0 1 3 0\n" * 5)
    (tmp_path / "tilt.com").write_text("$tilt -StandardInput\nTILTFILE TS.tlt\nOFFSET 1.5\n")
    by_alignment = open_tilt_series(tmp_path / "TS.xf").angles
    assert by_alignment[0] == -38.5
    np.testing.assert_array_equal(open_tilt_series(tmp_path / "TS.tlt").angles, by_alignment)


XML = "<TiltSeries><Angles>-40 -20 0 20 40</Angles><AxisAngle>{axis}</AxisAngle></TiltSeries>"


def test_who_opens_a_raw_stack_is_told_of_the_alignment_beside_it(stack: WriteMrc, tmp_path: Path):
    path = stack("TS.mrc")
    file = tmp_path / "TS.xml"
    file.write_text(XML.format(axis="85 85 85 85 85"))
    told = open_tilt_series(path).history["warnings"]
    assert any("TS.xml" in text and "not applied" in text for text in told)
    assert "alignment" in open_tilt_series(file).history
    file.write_text(XML.format(axis="0 0 0 0 0"))  # of an aligned stack: nothing to be done
    assert not open_tilt_series(path).history["warnings"]
    file.write_text("<TiltSeries>")
    assert not open_tilt_series(path).history["warnings"]


def test_angles_that_only_an_alignment_holds_are_pointed_at(stack: WriteMrc, tmp_path: Path):
    path = stack("TS.mrc", angles=None)
    (tmp_path / "TS.xml").write_text(XML.format(axis="85 85 85 85 85"))
    with pytest.raises(MissingAnglesError, match=r"Open TS\.xml"):
        open_tilt_series(path)


def test_the_name_that_a_stack_should_have_is_told(stack: WriteMrc, tmp_path: Path):
    folder = tmp_path / "processing"
    folder.mkdir()
    (folder / "TS.xf").write_text("1 0 0 1 3 0\n" * 5)
    (folder / "TS.tlt").write_text("-40\n-20\n0\n20\n40\n")
    with pytest.raises(InputError, match=r"under the name TS\.mrc"):
        open_tilt_series(folder)


def test_a_folder_of_several_series_asks_for_one(stack: WriteMrc, tmp_path: Path):
    stack("A.mrc")
    stack("B.mrc")
    assert is_tilt_series(tmp_path)  # so that what is wrong with it can be said
    with pytest.raises(InputError, match=r"several tilt series: A\.mrc, B\.mrc"):
        open_tilt_series(tmp_path)


def test_what_is_no_series_is_refused_with_the_reason(stack: WriteMrc, tmp_path: Path):
    (tmp_path / "particles.star").write_text("data_\n\nloop_\n_rlnCoordinateX #1\n1.0\n")
    (tmp_path / "page.xml").write_text("<html/>")
    (tmp_path / "alone.mdoc").write_text(MDOC.format(stack="elsewhere.mrc"))
    said = {
        ".": "holds no alignment",
        "particles.star": "no tilt series of RELION 5",
        "page.xml": "not a tilt series of Warp",
        "alone.mdoc": "alone.mrc is not beside it",
        "absent.mdoc": "does not exist",
    }
    for name, reason in said.items():
        with pytest.raises(InputError, match=reason):
            open_tilt_series(tmp_path / name)
    assert not is_tilt_series(tmp_path)


def test_every_real_mdoc_is_opened_or_refused_with_a_reason(shared_data: Path):
    said = {"montage": "a montage", "frame_set": "movie frames", "": "is not beside it"}
    files = sorted((shared_data / "alignments").rglob("*.mdoc"))
    assert len(files) > 10
    for path in files:
        reason = next(text for name, text in said.items() if path.name.startswith(name))
        with pytest.raises(InputError, match=reason):
            open_tilt_series(path)


def test_an_mdoc_does_not_choose_what_is_opened_elsewhere(stack: WriteMrc, tmp_path: Path):
    inner = tmp_path / "inner"
    inner.mkdir()
    stack("secret.mrc", angles=None)
    (inner / "a.mdoc").write_text(MDOC.format(stack="../secret.mrc"))
    with pytest.raises(InputError, match="not beside it"):
        open_tilt_series(inner / "a.mdoc")


@given(first=st.floats(-80, 40), step=st.floats(1, 5))
def test_even_steps_are_angles_too(
    tmp_path_factory: pytest.TempPathFactory, first: float, step: float
):
    import mrcfile

    path = tmp_path_factory.mktemp("even") / "TS.mrc"
    with mrcfile.new(path) as file:
        file.set_data(np.zeros((7, 3, 4), "f4"))
    series = open_tilt_series(path, angles=EvenAngles(first=first, step=step))
    np.testing.assert_allclose(series.angles, first + step * np.arange(7))
    again, by = map(float, series.history["angles_given"].split(":"))
    np.testing.assert_allclose([again, by], [first, step], rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("name", ["TS.tlt", "TS.rawtlt", "TS.mdoc"])
def test_endless_angle_files_are_refused_unread(stack: WriteMrc, tmp_path: Path, name: str):
    path = stack(angles=None)
    with (tmp_path / name).open("wb") as file:
        file.truncate(1 << 36)  # sparse: 64 GB on no disk
    with pytest.raises(InputError, match="longer than 32 MB"):
        open_tilt_series(path, angles=tmp_path / name)


@given(
    place=st.floats(0, 1),
    junk=st.sampled_from(["", "nan", "1e999", "=", "\n\n[ZValue = 0]\n", "9" * 40, "\x01", "°"]),
    cut=st.integers(0, 12),
)
def test_a_damaged_mdoc_is_a_series_or_an_input_error(
    tmp_path_factory: pytest.TempPathFactory, place: float, junk: str, cut: int
):
    text = MDOC.format(stack="TS.mrc")
    at = int(place * len(text))
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "TS.mdoc").write_text(text[:at] + junk + text[at + cut :], encoding="latin-1")
    try:
        table = read_angles(folder / "TS.mdoc")
    except InputError:
        return
    assert np.isfinite(table.angles).all()
    assert table.pixel_size is None or np.isfinite(table.pixel_size)
    with pytest.raises(InputError):  # its stack is not there
        open_tilt_series(folder / "TS.mdoc")
