"""The copied command says what the dock is set to, and the command line takes it."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from napari_lbn._qt.command_line import command_line
from napari_lbn._qt.session import Options
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


def test_the_command_line_knows_every_flag(in_file: TiltSeries) -> None:
    from typer.main import get_command

    from napari_lbn.cli.app import app

    series = in_file.with_inverted_angles().with_excluded([0])
    options = Options(weights="base", device="cpu", binning=2, increment=1.5, fill_gaps=True)
    words = shlex.split(command_line(series, replace(options, filter="none"), PLAN, 0.5))
    known = {
        option
        for parameter in get_command(app).commands["correct"].params
        for option in parameter.opts
    }
    assert {word for word in words if word.startswith("--")} <= known
