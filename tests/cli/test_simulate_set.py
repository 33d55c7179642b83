"""`napari-lbn simulate-set` from the command line."""

from __future__ import annotations

import numpy as np
import pytest
from typer.testing import CliRunner

from napari_lbn.cli.app import app
from napari_lbn.engine.simulation.series_files import load_series

SMALL = ["--count", "1", "--size", "16", "24", "--range", "-30", "30", "--step", "30"]
SMALL += ["--views", "1", "--thickness", "12", "12", "--pixel-sizes", "20", "20"]


def run(folder, *more):
    return CliRunner().invoke(app, ["simulate-set", str(folder), *SMALL, *more])


@pytest.mark.parametrize(
    ("more", "truths"),
    [
        ([], set()),
        (["--truth", "both"], {"truth", "truth_box", "truth_angles"}),
        (["--truth", "box"], {"truth_box", "truth_angles"}),
        (["--validation"], {"truth", "truth_box", "truth_angles"}),
    ],
)
def test_a_set_has_the_truth_that_was_asked_for(tmp_path, more, truths):
    done = run(tmp_path / "set", *more)
    assert done.exit_code == 0, done.output
    seed = 1_000_000 if more == ["--validation"] else 0
    path = tmp_path / "set" / f"series_{seed:07d}_0.npz"
    assert done.stdout.split() == [str(path)]
    with np.load(path) as data:
        assert {key for key in data if key.startswith("truth")} == truths
    series = load_series(path)
    assert series.clean.shape == (3, 16, 24)
    assert series.angles.tolist() == [-30, 0, 30]
    assert run(tmp_path / "set", *more).stdout == ""  # kept: nothing is written again


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--truth", "box", "--validation"], "both truths"),
        (["--seed0", "1000000"], "not of this kind"),
        (["--validation", "--seed0", "3"], "not of this kind"),
        (["--range", "-100", "100"], "between -90 and 90"),
        (["--maps", "nowhere", "--use", "train"], "nowhere"),
    ],
)
def test_what_cannot_be_is_said_and_nothing_is_written(tmp_path, more, message):
    done = run(tmp_path / "set", *more)
    assert done.exit_code == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "set").exists()
