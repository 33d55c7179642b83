"""`napari-lbn make-weights` from the command line."""

from __future__ import annotations

import subprocess
import sys

import pytest

TINY = """
name = "tiny"
start = "fast"
[specimens]
count = 1
views = 1
fields = [[32, 32]]
validation = 1
variants = 1
[fine]
widths = [4, 4, 4]
steps = 2
every = 1
[box]
widths = [4, 4]
steps = 2
every = 1
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "napari_lbn", *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def test_a_recipe_of_ones_own_makes_weights_that_every_command_knows(tmp_path) -> None:
    recipe = tmp_path / "tiny.toml"
    recipe.write_text(TINY)
    done = run("make-weights", str(recipe), "--out", str(tmp_path / "out"), "--device", "cpu")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(tmp_path / "out" / "tiny.safetensors")
    assert "box, step 2: error" in done.stderr
    assert "tiny" in run("info", done.stdout.strip()).stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing"], "There is no recipe 'nothing'"),
        (["small", "--set", "fine.speed=2"], "has no fine.speed"),
        (["small", "--set", "start='unknown'"], "unknown"),
        (["small", "--device", "abacus"], "abacus"),
    ],
)
def test_bad_input_is_told_without_a_traceback(arguments, message, tmp_path) -> None:
    done = run("make-weights", *arguments, "--out", str(tmp_path / "out"))
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
