"""One program at a time in a folder, whatever becomes of the others."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from napari_lbn.engine.errors import InputError, OutputError
from napari_lbn.engine.io.files.in_use import alone_in

HOLD = """
import sys
from pathlib import Path
from napari_lbn.engine.io.files.in_use import alone_in
with alone_in(Path(sys.argv[1])):
    print("in", flush=True)
    sys.stdin.read()
"""


def test_another_program_is_kept_out_until_it_ends_or_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    command = [sys.executable, "-c", HOLD, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"in\n"
        with pytest.raises(InputError, match="new"), alone_in(folder):
            pass
        other.send_signal(signal.SIGKILL)
        other.wait()
    with alone_in(folder):
        assert list(folder.iterdir())
    assert not list(folder.iterdir())


@pytest.mark.skipif(os.name == "nt", reason="locks of POSIX")
@pytest.mark.parametrize("code", [errno.ENOSYS, errno.ENOLCK, errno.ENOTSUP])
def test_a_file_system_without_locks_is_worked_in(
    code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("fcntl.flock", unknown)
    with alone_in(tmp_path):
        pass
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="file"), alone_in(tmp_path / "file"):
        pass
