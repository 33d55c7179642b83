"""Names of unfinished files, which tell whose they are: those of killed processes are removed."""

from __future__ import annotations

import glob
import hashlib
import os
import platform
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SUFFIX = ".part"


def unfinished_name(target: Path) -> Path:
    """A hidden name beside a target, which nobody else has."""
    return target.with_name(
        f".{target.name}.{_machine()}-{os.getpid()}-{secrets.token_hex(4)}{SUFFIX}"
    )


def orphans(target: Path) -> list[Path]:
    """Unfinished files of a target whose process on this machine is no more."""
    pattern = f".{glob.escape(target.name)}.{_machine()}-*-*{SUFFIX}"
    return [file for file in target.parent.glob(pattern) if not _runs(file.name.split("-")[-2])]


def _machine() -> str:
    """Short and without dots: several machines may share a folder."""
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]


def _runs(process: str) -> bool:
    """Whether a process of that number is there; so said where that cannot be asked."""
    if os.name != "posix":  # on Windows that signal would end it
        return True
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except (OSError, ValueError, OverflowError):  # somebody else's, or none of our names
        return True
    return True
