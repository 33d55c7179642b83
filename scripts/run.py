#!/usr/bin/env python3
"""Set everything up and correct a tilt series: the embedded simulated one, or yours.

Usage: python3 scripts/run.py [--cpu] [TS.mrc [options of `napari-lbn correct`]]
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from environment import prepare, say


def main() -> int:
    """Run `napari-lbn correct` in an environment made for it; its exit code."""
    arguments = sys.argv[1:]
    torch_cpu = "--cpu" in arguments
    rest = [argument for argument in arguments if argument != "--cpu"]
    python = prepare(torch_cpu=torch_cpu)
    if not rest:
        rest = ["--sample"]
    if not any(argument.split("=")[0] in {"--out", "--help"} for argument in rest):
        rest += ["--out", str(Path.cwd() / "out")]
    say(f"napari-lbn correct {' '.join(rest)}")
    command = [str(python), "-m", "napari_lbn", "correct", *rest]
    try:
        return subprocess.run(command, check=False, env=os.environ).returncode
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    raise SystemExit(main())
