"""What the commands offer, and that the pages tell it."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from napari_lbn.cli.app import app

from .conftest import COMMANDS, ok


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_takes_the_shared_options(name: str) -> None:
    command = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
    options = {option for parameter in command.params for option in parameter.opts}
    shared = {"--tilt-angles", "--thickness", "--pixel-size", "--weights", "--device"}
    assert shared | {"--sample", "--invert-tilt-angles", "--exclude", "--debug"} <= options


@pytest.mark.parametrize("name", [*COMMANDS, "evaluate", "batch", "simulate"])
def test_help_breaks_lines_at_sentences_and_the_terminals_edge_only(name: str) -> None:
    text = CliRunner().invoke(app, [name, "--help"], env={"COLUMNS": "400"}).output
    told = text[text.index("[OPTIONS]") : text.index("╭")].splitlines()[1:]
    assert [line for line in told if line.strip() and not line.rstrip().endswith(".")] == []


def test_version() -> None:
    assert ok("--version").stdout.startswith("napari-lbn ")


def test_every_option_is_documented() -> None:
    page = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    options = {o for c in commands.values() for p in c.params for o in p.opts if o[:2] == "--"}
    assert {option for option in options if f"`{option}" not in page} == {"--help"} & options
