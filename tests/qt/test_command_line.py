"""The copied command says what the dock is set to, and the command line takes it."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from napari_lbn._qt.command_line import command_line, why_no_command
from napari_lbn._qt.options import Options
from napari_lbn.engine.io.angles.choose import AngleSource, EvenAngles
from napari_lbn.engine.io.in_memory import series_in_memory
from napari_lbn.engine.tilt_series import TiltSeries

PLAN = SimpleNamespace(thickness=20)


@pytest.fixture
def in_file(series: TiltSeries) -> TiltSeries:
    return replace(series, source=Path("/data/my series/TS.mrc"))


def test_defaults_are_short(in_file: TiltSeries) -> None:
    words = shlex.split(command_line(in_file, Options(weights="base"), PLAN, 1.0))
    assert words == [
        *("napari-lbn", "correct", "/data/my series/TS.mrc"),
        *("--out", "/data/my series/TS_lbn", "--thickness", "20", "--weights", "base"),
        *("--pixel-size", "100"),
    ]


def test_every_choice_is_said(in_file: TiltSeries) -> None:
    series = in_file.with_inverted_angles().with_excluded([0, 2])
    options = Options(
        weights="base", device="cpu", binning=2, increment=1.5, fill_gaps=True, filter="cosine"
    )
    words = shlex.split(command_line(series, options, PLAN, 0.5))
    for flag, value in {
        "--bin": "2",
        "--device": "cpu",
        "--increment": "1.5",
        "--exclude": "11,13",  # sections of the file, from 1, whichever way it is sorted
        "--alpha": "0.5",
        "--filter": "cosine",
    }.items():
        assert words[words.index(flag) + 1] == value
    assert {"--fill-gaps", "--invert-tilt-angles"} <= set(words)


def test_what_the_user_changed_of_an_alignment_is_said(in_file: TiltSeries) -> None:
    history = {
        "alignment_file": "/data/TS.xml",
        "alignment_pixel_size": 1.7005123,
        "excluded_by_alignment": [1, 2],
        "angles_given": "-60:3",
    }
    aligned = replace(in_file, history=history)
    sections = [int(section) + 1 for section in aligned.sections]
    series = aligned.with_excluded([sections.index(2), sections.index(5)])
    words = shlex.split(command_line(series, Options(weights="base"), PLAN, 1.0))
    assert words[2:5] == ["/data/my series/TS.mrc", "--alignment", "/data/TS.xml"]
    assert words[words.index("--exclude") + 1] == "5"
    assert words[words.index("--include") + 1] == "1"
    assert words[words.index("--alignment-pixel-size") + 1] == "1.7005123"
    assert "--tilt-angles=-60:3" in words


def test_sections_are_those_of_the_file(in_file: TiltSeries) -> None:
    twice = replace(in_file, file_sections=2 * np.arange(in_file.n_tilts))
    words = shlex.split(command_line(twice.with_excluded([0]), Options(), PLAN, 1.0))
    assert words[words.index("--exclude") + 1] == str(2 * int(in_file.sections[0]) + 1)


def test_an_alignment_that_stands_for_its_images_is_named_once(in_file: TiltSeries) -> None:
    series = replace(in_file, history={"alignment_file": str(in_file.source)})
    assert "--alignment" not in shlex.split(command_line(series, Options(), PLAN, 1.0))


@pytest.mark.parametrize("given", [EvenAngles(first=-60.0, step=3.5), "other.tlt"])
def test_given_angles_are_given_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: AngleSource
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("other.tlt").write_text("-60\n0\n60\n")
    series = series_in_memory(np.zeros((3, 4, 5)), given, name="TS", pixel_size=10.0)
    series = replace(series, source=Path("TS.mrc"))
    words = shlex.split(command_line(series, Options(weights="base"), PLAN, 1.0))
    written = "other.tlt" if given == "other.tlt" else "-60:3.5"
    assert f"--tilt-angles={written}" in words
    assert not why_no_command(series)


def test_angles_that_were_typed_one_by_one_have_no_command(in_file: TiltSeries) -> None:
    typed = series_in_memory(np.zeros((3, 4, 5)), [-60.0, 0.0, 61.0], name="TS")
    assert "in no file" in why_no_command(typed)
    assert ".tlt" in why_no_command(replace(typed, source=Path("TS.mrc")))
    assert not why_no_command(in_file)


def test_the_command_line_knows_every_flag(in_file: TiltSeries) -> None:
    from typer.main import get_command

    from napari_lbn.cli.app import app

    history = {
        "alignment_file": "TS.xf",
        "alignment_pixel_size": 2.5,
        "excluded_by_alignment": [2],
        "angles_given": "TS.tlt",
    }
    series = replace(in_file, history=history).with_inverted_angles().with_excluded([0])
    options = Options(weights="base", device="cpu", binning=2, increment=1.5, fill_gaps=True)
    words = shlex.split(command_line(series, replace(options, filter="none"), PLAN, 0.5))
    assert {"--alignment", "--include", "--tilt-angles=TS.tlt"} <= set(words)
    known = {
        option
        for parameter in get_command(app).commands["correct"].params
        for option in parameter.opts
    }
    assert {word.partition("=")[0] for word in words if word.startswith("--")} <= known
