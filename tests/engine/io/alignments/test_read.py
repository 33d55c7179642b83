"""Alignment files of IMOD, AreTomo, Warp and RELION: what they say, and what they may do."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_lbn.engine.binning import bin_series
from napari_lbn.engine.errors import InputError
from napari_lbn.engine.io import is_tilt_series, open_tilt_series
from napari_lbn.engine.io.alignments import is_alignment, read_alignment
from napari_lbn.engine.io.alignments.readers.star import read_star

from ..conftest import WriteMrc

SUFFIXES = (".xf", ".edf", ".com", ".aln", ".xml", ".star", ".json")
ALN = """# AreTomo Alignment / Priims bprmMn
# RawSize = 8 6 5
# NumPatches = 0
# DarkFrame =     1    1   -20.00
# AlphaOffset =     2.00
# BetaOffset =     0.00
# SEC     ROT         GMAG       TX          TY      SMEAN     SFIT    SCALE     BASE     TILT
    0    85.0000    1.00000      1.000      2.000     1.00     1.00     1.00     0.00    -38.00
    1    85.0000    1.00000      0.000      0.000     1.00     1.00     1.00     0.00      2.00
    2    85.0000    1.00000     -1.500      0.500     1.00     1.00     1.00     0.00     22.00
    3    85.0000    1.00000      0.250     -0.250     1.00     1.00     1.00     0.00     42.00
"""
PARSERS_OWN = re.compile("validation error|[Ii]nput should|pydantic|invalid literal|C error|unpack")
"""Words of the libraries, which no user should meet."""

STAR = """data_TS

loop_
_rlnMicrographName #1
_rlnMicrographPreExposure #2
_rlnTomoXTilt #3
_rlnTomoYTilt #4
_rlnTomoZRot #5
_rlnTomoXShiftAngst #6
_rlnTomoYShiftAngst #7
{rows}
"""

PORTAL = """{"alignment_type": "LOCAL", "per_section_alignment_parameters": [
{"z_index": 1, "tilt_angle": -3.5, "volume_x_rotation": 0,
 "in_plane_rotation": [[0, -1], [1, 0]], "x_offset": 0.5, "y_offset": -2},
{"z_index": 3, "tilt_angle": 4, "volume_x_rotation": 2,
 "in_plane_rotation": [[0, -1], [1, 0]], "x_offset": 0, "y_offset": 0}]}"""


def warp(body: str = "", head: str = "", angles: str = "-40 -20 0 20 40") -> str:
    return f"{head}<TiltSeries {body}><Angles>{angles}</Angles></TiltSeries>"


def imod(folder: Path, *, tilt: str = "", newst: str = "", count: int = 5) -> Path:
    """An IMOD directory around the raw stack TS.mrc."""
    turn = np.deg2rad(-85.0)
    line = f"{np.cos(turn):12.7f}{-np.sin(turn):12.7f}{np.sin(turn):12.7f}{np.cos(turn):12.7f}"
    (folder / "TS.xf").write_text("".join(f"{line} 1.500 {i}.250\n" for i in range(count)))
    (folder / "TS.tlt").write_text("".join(f"{-40 + 20 * i:7.2f}\n" for i in range(count)))
    (folder / "newst.com").write_text(
        f"$newstack -StandardInput\nInputFile TS.mrc\nTransformFile TS.xf\n{newst}"
    )
    (folder / "tilt.com").write_text(f"$tilt -StandardInput\nTILTFILE TS.tlt\n{tilt}")
    return folder


def test_every_real_alignment_is_read_or_refused_with_a_reason(shared_data: Path):
    files = [
        path
        for path in (shared_data / "alignments").rglob("*")
        if path.is_dir() or path.suffix in SUFFIXES
    ]
    assert len(files) > 20
    read = 0
    for path in files:
        assert is_alignment(path) in (True, False)
        with contextlib.suppress(InputError):
            assert read_alignment(path).alignment.n_tilts > 1
            read += 1
    assert read >= 12


def test_an_imod_directory_says_all_that_tilt_was_told(stack: WriteMrc, tmp_path: Path):
    path = stack(angles=None)
    tilt = "EXCLUDELIST 1,4-5\nOFFSET 1.5\nSHIFT 3.0 0.0\nXAXISTILT 2.0\n"
    imod(tmp_path, tilt=tilt, newst="SizeToOutputInXandY 4,3\nBinByFactor 2\n")
    series = open_tilt_series(tmp_path)
    assert series.source == path
    assert series.pixel_size == 15.0
    assert series.image_shape == (3, 4)
    np.testing.assert_allclose(series.angles, [-38.5, -18.5, 1.5, 21.5, 41.5])
    assert series.excluded == {0, 3, 4}
    assert series.history["alignment"]["axis_angle"] == pytest.approx(85)
    assert any("XAXISTILT" in text for text in series.history["warnings"])
    found = read_alignment(tmp_path).alignment
    np.testing.assert_allclose(
        found.shifts[:, 0], 1.5 + 3 * np.cos(np.deg2rad(found.angles)), atol=1e-6
    )
    for name in ("TS.xf", "newst.com", "tilt.com"):
        assert is_tilt_series(tmp_path / name)
        np.testing.assert_array_equal(open_tilt_series(tmp_path / name).angles, series.angles)


def test_etomos_file_excludes_projections_and_knows_the_pixel(stack: WriteMrc, tmp_path: Path):
    stack(angles=None, pixel_size=0)
    imod(tmp_path)
    (tmp_path / "TS.edf").write_text(
        "Setup.DatasetName=TS\nSetup.PixelSize=0.6192\nSetup.AxisA.ExcludeProjections=2\n"
    )
    series = open_tilt_series(tmp_path / "TS.edf")
    assert series.pixel_size == pytest.approx(6.192)
    assert series.excluded == {1}


def test_shifts_count_pixels_of_the_stack_however_the_camera_binned_them(
    stack: WriteMrc, tmp_path: Path
):
    stack(angles=None)
    imod(tmp_path, newst="ImagesAreBinned 2\nSizeToOutputInXandY /\n")
    series = open_tilt_series(tmp_path)
    np.testing.assert_allclose(series.images.alignment.shifts[1] / 7.5, [1.5, 1.25])
    assert series.image_shape == (8, 6)


def test_aretomos_dark_frames_are_excluded_and_its_angles_taken(stack: WriteMrc, tmp_path: Path):
    stack(angles=None)
    path = tmp_path / "TS.aln"
    path.write_text(ALN)
    series = open_tilt_series(path)
    np.testing.assert_allclose(series.angles, [-38, -18, 2, 22, 42])
    assert series.excluded == {1}
    assert series.image_shape == (8, 6)  # on its side: the axis lies 85 degrees off y
    found = read_alignment(path).alignment
    np.testing.assert_allclose(found.raw_offsets()[0], [1, 2], atol=1e-9)
    np.testing.assert_allclose(found.rotations, -85)


def test_aretomos_local_alignment_is_told(shared_data: Path):
    path = shared_data / "alignments" / "alnfile" / "global_and_local.aln"
    found = read_alignment(path).alignment
    assert any("local alignment" in text for text in found.notes)
    assert found.excluded == set(range(14))
    assert found.n_tilts == 51


def test_relions_star_names_its_images(stack: WriteMrc, tmp_path: Path):
    stack("stack.mrcs", angles=None)
    job = tmp_path / "AlignTiltSeries" / "job001"
    job.mkdir(parents=True)
    rows = "".join(
        f"00000{5 - i}@stack.mrcs {3.0 * i} 0.0 {-40 + 20 * i} 85.0 {10.0 * i} -5.0\n"
        for i in range(5)
    )
    (job / "TS.star").write_text(STAR.format(rows=rows))
    series = open_tilt_series(job / "TS.star")
    assert series.source == tmp_path / "stack.mrcs"
    np.testing.assert_array_equal(series.angles, [-40, -20, 0, 20, 40])
    np.testing.assert_array_equal(series.order, np.arange(5))
    found = read_alignment(job / "TS.star").alignment
    np.testing.assert_array_equal(found.sections, [4, 3, 2, 1, 0])
    np.testing.assert_allclose(found.raw_offsets()[2], [20, -5], atol=1e-9)
    np.testing.assert_array_equal(series.section_numbers, [5, 4, 3, 2, 1])


def test_relions_single_images_are_one_stack(stack: WriteMrc, tmp_path: Path):
    for i in range(3):
        stack(f"tilt{i}.mrc", angles=None, images=np.full((1, 6, 8), i, "f4"))
    rows = "".join(f"tilt{i}.mrc 0.0 0.0 {20.0 * i} 0.0 0.0 0.0\n" for i in range(3))
    (tmp_path / "TS.star").write_text(STAR.format(rows=rows))
    series = open_tilt_series(tmp_path / "TS.star")
    np.testing.assert_allclose(series.read().mean(axis=(1, 2)), [0, 1, 2])


def test_warp_deselects_tilts_and_knows_the_order(stack: WriteMrc, tmp_path: Path):
    stack(angles=None)
    text = warp().replace(
        "</Angles>",
        "</Angles><Dose>12 3 0 6 9</Dose><UseTilt>True False True True True</UseTilt>"
        "<AxisAngle>85 85 85 85 85</AxisAngle><AxisOffsetX>75 0 0 0 0</AxisOffsetX>",
    )
    (tmp_path / "TS.xml").write_text("﻿" + text, encoding="utf-8")
    series = open_tilt_series(tmp_path / "TS.xml")
    assert series.excluded == {1}
    np.testing.assert_array_equal(series.order, [4, 1, 0, 2, 3])
    found = read_alignment(tmp_path / "TS.xml").alignment
    np.testing.assert_allclose(found.raw_offsets()[0], [75, 0], atol=1e-9)


def test_the_portals_json_aligns_the_sections_that_it_lists(stack: WriteMrc, tmp_path: Path):
    path = stack(angles=None)
    (tmp_path / "alignment_metadata.json").write_text(PORTAL)
    series = open_tilt_series(path, alignment=tmp_path / "alignment_metadata.json")
    np.testing.assert_array_equal(series.angles, [-3.5, 4])
    found = read_alignment(tmp_path / "alignment_metadata.json").alignment
    np.testing.assert_array_equal(found.sections, [1, 3])
    np.testing.assert_allclose(found.rotations, -90)
    np.testing.assert_allclose(found.raw_offsets()[0], [0.5, -2], atol=1e-12)
    assert len(found.notes) == 2
    np.testing.assert_array_equal(series.section_numbers, [2, 4])
    np.testing.assert_array_equal(bin_series(series, 2).section_numbers, [2, 4])


BOMB = '<!DOCTYPE TiltSeries [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
EXTERNAL = '<!DOCTYPE TiltSeries [<!ENTITY a SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize("head", [BOMB, EXTERNAL, "<!DOCTYPE TiltSeries SYSTEM 'http://a.b/c'>"])
def test_entities_are_refused_and_not_expanded(tmp_path: Path, head: str):
    path = tmp_path / "TS.xml"
    path.write_text(warp(head=head, angles="&a;&b;"))
    with pytest.raises(InputError, match="declares"):
        read_alignment(path)


@pytest.mark.parametrize("name", ["../secret.mrc", "/etc/passwd", "C:\\secret.mrc", "a/../../b"])
def test_files_do_not_lead_out_of_their_folder(stack: WriteMrc, tmp_path: Path, name: str):
    folder = tmp_path / "inner"
    folder.mkdir()
    imod(folder, newst=f"InputFile {name}\n")
    (folder / "newst.com").write_text(f"InputFile {name}\nTransformFile TS.xf\n")
    with pytest.raises(InputError, match="outside"):
        read_alignment(folder)
    rows = f"000001@{name} 0.0 0.0 0.0 0.0 0.0 0.0\n"
    (folder / "TS.star").write_text(STAR.format(rows=rows))
    with pytest.raises(InputError, match="outside"):
        read_alignment(folder / "TS.star")


@pytest.mark.parametrize("leads", ["../x", "/etc/passwd", "a/../../x", "D:\\x"])
@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("TS.edf", "Setup.DatasetName={}\n"),
        ("newst.com", "TransformFile {}\n"),
        ("tilt.com", "TILTFILE {}/TS.tlt\n"),
        ("tilt.com", "TILTFILE TS.tlt\nXTILTFILE {}\n"),
        ("tomograms.star", "data_global\n\nloop_\n_rlnTomoTiltSeriesStarFile #1\n{}\n"),
    ],
)
def test_no_file_that_is_named_leads_out_of_the_folder(
    tmp_path: Path, file: str, line: str, leads: str
):
    folder = tmp_path / "inner"
    folder.mkdir()
    imod(folder)
    (folder / file).write_text(line.format(leads))
    with pytest.raises(InputError, match="outside"):
        read_alignment(folder / file)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("TS.xf", b"1 0 0 1 0\n", "six"),
        ("TS.xf", b"1 0 0 1 0 nan\n", "not a number"),
        ("TS.xf", b"1 0 0 -1 0 0\n" * 5, "mirrors"),
        ("TS.xf", "1 0 0 1 0 0".encode("utf-16"), "not a text file"),
        ("TS.xf", b"\x00" * 100, "not a text file"),
        ("TS.aln", ALN[:300].encode(), "not a whole|aligns no"),
        ("TS.aln", ALN[:-60].encode(), "line 11, .* is cut short"),
        ("TS.aln", ALN.replace("0.250", "wide").encode(), "line 11, .*“wide”, which is not a num"),
        ("TS.aln", ALN.replace("6 5", "6").encode(), "line 2, “# RawSize = 8 6”, is cut short"),
        ("TS.aln", ALN.replace("# RawSize", "# Size").encode(), "no line “# RawSize …”"),
        ("TS.aln", ALN.replace("   0    85", " 0.5    85").encode(), "those of the format"),
        ("TS.aln", b"hello", "no line “# AreTomo Alignment …”"),
        ("TS.aln", ALN.replace("8 6 5", "8 6 50").encode(), "has 50"),
        ("TS.aln", ALN.replace("8 6 5", "8 6 999999999").encode(), "cannot be"),
        ("TS.xml", b"<TiltSeries><Angles>1 2", "not whole XML"),
        ("TS.xml", warp().replace("0 20 40", "0 x 40").encode(), "not a number"),
        ("TS.xml", warp().replace("</T", "<AxisAngle>1</AxisAngle></T").encode(), "1 values"),
        ("TS.xml", b"<html/>", "not a tilt series"),
        ("TS.star", b"data_\nloop_\n_rlnTomoYTilt #1\n", "no tilt series|not a whole"),
        ("TS.star", STAR.format(rows="a b c d e f").encode(), "line 11 has 6 values for 7 columns"),
        ("TS.star", b"hello", "no data block"),
        ("TS.json", b"{", "not whole JSON"),
        ("TS.json", b"[" * 5000, "not whole JSON|no alignment"),
        ("TS.json", b'{"a": 1}', "no alignment of the"),
        ("TS.json", PORTAL.replace("0.5", '"x"').encode(), "not a number"),
        ("TS.json", PORTAL.replace("[[0, -1], [1, 0]]", "[1]").encode(), "2 × 2"),
        ("TS.star", STAR.format(rows="a b c d e f g").encode(), "not a number"),
    ],
)
def test_damaged_files_are_refused_by_name(tmp_path: Path, name: str, content: bytes, said: str):
    path = tmp_path / name
    path.write_bytes(content)
    path.with_suffix(".tlt").write_text("".join(f"{i}\n" for i in range(5)))
    with pytest.raises(InputError, match=said) as error:
        read_alignment(path)
    assert "TS." in str(error.value)
    assert not PARSERS_OWN.search(str(error.value))


def test_a_table_that_was_corrected_is_read_again(tmp_path: Path):
    path = tmp_path / "TS.star"
    path.write_text("data_\nloop_\n_a #1\n_b #2\n1 2\n3\n4 5 6\n")
    with pytest.raises(InputError, match="line 6 has 1 values for 2 columns"):
        read_star(path)
    path.write_text("data_\nloop_\n_a #1\n_b #2\n1 2\n3 4\n")
    assert read_star(path)[""] == {"a": ["1", "3"], "b": ["2", "4"]}


@settings(max_examples=40)
@given(content=st.binary(max_size=400) | st.text(max_size=400).map(str.encode))
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_any_bytes_are_an_alignment_or_an_input_error(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, content: bytes
):
    folder = tmp_path_factory.mktemp("fuzz")
    path = folder / f"TS{suffix}"
    path.write_bytes(content)
    (folder / "TS.tlt").write_text("1\n2\n3\n")
    is_tilt_series(path)
    is_tilt_series(folder)
    try:
        read_alignment(path)
    except InputError:
        return


@given(
    kind=st.sampled_from(["aln", "xml", "star", "json", "xf", "edf", "com"]),
    place=st.floats(0, 1),
    junk=st.sampled_from(["", "nan", "1e999", "-", "\n\n", "99999999999999", "\x01", "é"]),
    cut=st.integers(0, 12),
)
def test_damage_anywhere_is_an_alignment_or_an_input_error(
    tmp_path_factory: pytest.TempPathFactory, kind: str, place: float, junk: str, cut: int
):
    rows = "".join(f"00000{i + 1}@TS.mrcs 0.0 0.0 {20 * i} 85.0 1.0 2.0\n" for i in range(5))
    texts = {
        "aln": ALN,
        "xml": warp('LevelAngleX="1"'),
        "star": STAR.format(rows=rows),
        "json": PORTAL,
        "xf": "1.0 0.0 0.0 1.0 3.5 -2.5\n" * 5,
        "edf": "Setup.DatasetName=TS\nSetup.PixelSize=0.5\nSetup.AxisA.ExcludeProjections=1,3-4\n",
        "com": "$tilt\nTILTFILE TS.tlt\nEXCLUDELIST 1,3-4\nOFFSET 1.5\nSHIFT 2 3\nXAXISTILT 1\n",
    }
    text = texts[kind]
    at = int(place * len(text))
    folder = imod(tmp_path_factory.mktemp("fuzz"))
    path = folder / ("tilt.com" if kind == "com" else f"TS.{kind}")
    path.write_text(text[:at] + junk + text[at + cut :], encoding="utf-8")
    try:
        found = read_alignment(path).alignment
    except InputError:
        return
    assert np.isfinite(found.shifts).all()
    assert found.n_tilts <= 1000


ABSURD = ("1e999", "-1e999", "nan", "1e308", "-1e308")
ROWS = {
    "TS.aln": "# AreTomo Alignment\n# RawSize = 8 6 2\n# DarkFrame = 1 1 3\n"
    "# AlphaOffset = {}\n# SEC\n0 {} {} {} {} 1 1 1 0 {}\n",
    "TS.xf": "{} {} {} {} {} {}\n1 0 0 1 0 0\n",
    "tilt.com": "$tilt\nTILTFILE TS.tlt\nOFFSET {}\nSHIFT {} {}\n",
    "TS.star": STAR.format(rows="1@TS.mrc {} 0 {} {} {} {}\n2@TS.mrc 0 0 3 85 0 0"),
    "TS.xml": "<TiltSeries><Angles>{} 3</Angles><Dose>{} 3</Dose><AxisAngle>{} 85</AxisAngle>"
    "<AxisOffsetX>{} 0</AxisOffsetX></TiltSeries>",
}


@pytest.mark.parametrize("name", ROWS)
def test_absurd_numbers_are_refused_wherever_they_stand(tmp_path: Path, name: str):
    text, places = ROWS[name], ROWS[name].count("{}")
    (tmp_path / "TS.tlt").write_text("0\n3\n")
    (tmp_path / "TS.xf").write_text("1 0 0 1 0 0\n" * 2)
    sound = ["1", "0", "0", "1", "0", "0"][:places] if name != "TS.aln" else list("001000")
    for place in range(places):
        for absurd in ABSURD:
            numbers = [*sound[:place], absurd, *sound[place + 1 :]]
            (tmp_path / name).write_text(text.format(*numbers))
            with pytest.raises(InputError):
                read_alignment(tmp_path / name)
    (tmp_path / name).write_text(text.format(*sound))
    assert read_alignment(tmp_path / name).alignment.n_tilts == 2


def test_too_long_a_file_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from napari_lbn.engine.io.files import text_input

    monkeypatch.setattr(
        text_input.read_text, "__kwdefaults__", {"limit": 1 << 20, "errors": "strict"}
    )
    path = tmp_path / "TS.xf"
    path.write_bytes(b"1 0 0 1 0 0\n" * 100_000)
    with pytest.raises(InputError, match="longer than 1 MB"):
        read_alignment(path)


def test_alignments_that_do_not_fit_the_stack_are_refused(stack: WriteMrc, tmp_path: Path):
    path = stack(angles=None)
    imod(tmp_path, count=7)
    with pytest.raises(InputError, match="has 5"):
        open_tilt_series(tmp_path)
    imod(tmp_path, newst="SizeToOutputInXandY 90000,90000\n")
    with pytest.raises(InputError, match="cannot come from"):
        open_tilt_series(tmp_path)
    (tmp_path / "W.xml").write_text(warp())
    unknown = stack("U.mrc", angles=None, pixel_size=0)
    with pytest.raises(InputError, match="pixel size is unknown"):
        open_tilt_series(unknown, alignment=tmp_path / "W.xml")
    with pytest.raises(InputError, match="one angle for each"):
        open_tilt_series(path, alignment=tmp_path / "W.xml", angles=[1, 2])
    with pytest.raises(InputError, match="not beside it"):
        open_tilt_series(tmp_path / "W.xml")


def test_other_xml_star_and_folders_are_left_alone(tmp_path: Path):
    (tmp_path / "a.xml").write_text("<html></html>")
    (tmp_path / "a.star").write_text("data_\n_entry 1\n")
    (tmp_path / "notes.txt").write_text("hello")
    assert not any(is_alignment(path) for path in (*tmp_path.iterdir(), tmp_path))
