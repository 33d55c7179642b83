"""Full disks, signals and faults on the way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from napari_lbn.engine.errors import OutputError

from .conftest import left_behind, run


def test_a_full_disk_at_the_end_leaves_nothing(
    series: Path, out: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OutputError("The disk is full.", "Free some space.")

    monkeypatch.setattr("napari_lbn.engine.results.writer.write_provenance", full)
    result = run("correct", series, "--out", out, "--weights", weights, "--thickness", 8)
    assert result.exit_code == 2
    assert "disk is full" in result.stderr
    assert not out.exists()


@pytest.mark.parametrize("step", ["write_stack", "write_tilt_angles", "write_provenance"])
def test_a_failed_run_keeps_the_files_of_an_earlier_one(
    correction: Path, series: Path, weights: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    before = {path: path.read_bytes() for path in left_behind(correction)}

    def full(*_: object, **__: object) -> None:
        raise OutputError("The disk is full.")

    monkeypatch.setattr(f"napari_lbn.engine.results.writer.{step}", full)
    assert run("correct", series, "--out", correction, "--weights", weights).exit_code == 2
    assert {path: path.read_bytes() for path in left_behind(correction)} == before


def test_an_unexpected_failure_says_how_to_get_its_traceback(
    series: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("napari_lbn.engine.io.open_tilt_series", broken)
    result = run("info", series)
    assert result.exit_code == 1
    assert "ZeroDivisionError: a bug" in result.stderr
    assert "--debug" in result.stderr
    assert "Traceback" not in result.stderr
    assert "Traceback" in run("info", series, "--debug").stderr


INTERRUPTED = """
import os, signal, time
from napari_lbn.cli import main
from napari_lbn.engine.io.tomograms.resumable_mrc import ResumableVolume

write = ResumableVolume.write_slab
def write_and_interrupt(self, *arguments):
    write(self, *arguments)
    os.kill(os.getpid(), {number})
    time.sleep(60)  # until the signal arrives, perhaps by way of another thread
ResumableVolume.write_slab = write_and_interrupt
# a job in a shell's background, as these tests may be, inherits that Ctrl-C is ignored
signal.signal(signal.SIGINT, signal.default_int_handler)
main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent as on Unix")
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "terminated"]
)
def test_signals_end_cleanly(number: int, code: int, series: Path, tmp_path: Path) -> None:
    target = tmp_path / "rec.mrc"
    script = INTERRUPTED.format(number=int(number))
    arguments = ["reconstruct", str(series), "--out", str(target), "--thickness", "8"]
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], check=False, capture_output=True, text=True
    )
    assert done.returncode == code, done.stderr
    assert "Nothing unfinished" in done.stderr
    assert "Traceback" not in done.stderr
    assert left_behind(tmp_path) == [series.parent, *left_behind(series.parent)]


@pytest.mark.skipif(sys.platform == "win32", reason="signals are sent as on Unix")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_error_that_a_signal_was_turned_into_is_no_fault(
    number: int, code: int, series: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half_loaded(*_: object, **__: object) -> None:
        try:
            os.kill(os.getpid(), number)
            time.sleep(60)
        except BaseException:
            raise AttributeError("module has no attribute") from None

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    monkeypatch.setattr("napari_lbn.engine.io.open_tilt_series", half_loaded)
    result = run("info", series)
    signal.signal(signal.SIGINT, before)
    assert result.exit_code == code
    assert "Nothing unfinished" in result.stderr
    assert "fault" not in result.stderr


INTERRUPTED_EARLY = """
import sys
from importlib.abc import MetaPathFinder
class Interrupt(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "napari_lbn.cli.app":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupt())
from napari_lbn.cli import main
main()
"""


def test_ctrl_c_while_the_program_is_loaded_ends_without_a_traceback() -> None:
    command = [sys.executable, "-c", INTERRUPTED_EARLY, "info"]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (130, "Stopped.\n")
