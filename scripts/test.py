#!/usr/bin/env python3
"""Set everything up and run all checks: style, types, layering and tests.

Usage: python3 scripts/test.py [arguments for pytest]
"""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from environment import ROOT, install_viewer_packages, prepare, say

if TYPE_CHECKING:
    import os

CHECKS = {
    "Style": ["ruff", "check", "."],
    "Format": ["ruff", "format", "--check", "."],
    "Types": ["mypy"],
}
PARALLEL = ["--numprocesses=logical", "--maxprocesses=8", "--dist=loadfile"]
"""A process for each core; the tests of a file stay together, for they share what they prepare."""


def main() -> int:
    """Run every check, even after a failure, the tests last; 0 where all pass."""
    arguments = sys.argv[1:]
    torch_cpu = "--cpu" in arguments
    install_viewer_packages()
    python = prepare(extras="pyside6,zarr", group="check", torch_cpu=torch_cpu)
    failed = [name for name, command in CHECKS.items() if _fails(python, name, command)]
    rest = [argument for argument in arguments if argument != "--cpu"]
    if _fails(python, "Tests", ["pytest", *PARALLEL, *rest]):
        failed.append("Tests")
    if failed:
        print(f"Failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def _fails(python: os.PathLike[str], name: str, command: list[str]) -> bool:
    say(name)
    done = subprocess.run([str(python), "-m", *command], check=False, cwd=ROOT)
    return done.returncode != 0


if __name__ == "__main__":
    raise SystemExit(main())
