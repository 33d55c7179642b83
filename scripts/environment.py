"""Set up a virtual environment for this checkout. Standard library only.

`run.py` and `test.py` use it; neither needs anything but Python 3.11 or newer. The
environment lies in ``.venv`` beside this folder (or where ``NAPARI_LBN_VENV`` says) and is
installed again only when ``pyproject.toml`` or the wish changes.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import NoReturn

ROOT = Path(__file__).resolve().parent.parent
VENV = Path(os.environ.get("NAPARI_LBN_VENV", ROOT / ".venv"))
STAMP = VENV / "napari-lbn-setup.json"
TORCH = "torch==2.13.0"
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
OLDEST = (3, 11)

VIEWER_PACKAGES = (
    "xvfb",
    "libgl1-mesa-dri",
    "libegl1",
    "libxkbcommon-x11-0",
    "libxcb-cursor0",
    "libxcb-icccm4",
    "libxcb-image0",
    "libxcb-keysyms1",
    "libxcb-randr0",
    "libxcb-render-util0",
    "libxcb-shape0",
    "libxcb-xinerama0",
    "libdbus-1-3",
    "libfontconfig1",
)
"""Debian packages that a napari window on a virtual screen needs."""


def stop(message: str) -> NoReturn:
    """End with a message and exit code 2."""
    print(message, file=sys.stderr)
    raise SystemExit(2)


def say(message: str) -> None:
    """Tell the user what happens next."""
    print(f"==> {message}", flush=True)


def venv_python() -> Path:
    """Interpreter of the virtual environment."""
    scripts = "Scripts" if os.name == "nt" else "bin"
    return VENV / scripts / ("python.exe" if os.name == "nt" else "python")


def prepare(*, extras: str = "", group: str = "", torch_cpu: bool = False) -> Path:
    """Make the environment ready and give its interpreter.

    Parameters
    ----------
    extras : str
        Comma-separated extras of the package: "pyside6,zarr", or none.
    group : str
        Dependency group: "test", or none.
    torch_cpu : bool
        Take torch from PyTorch's own index of CPU builds.
    """
    if sys.version_info < OLDEST:
        stop(f"napari-lbn needs Python 3.11 or newer; this is {sys.version.split()[0]}.")
    wish = {"extras": extras, "group": group, "project": _digest(ROOT / "pyproject.toml")}
    if _is_ready(wish):
        return venv_python()
    if not venv_python().exists():
        _create()
    _install(extras, group, torch_cpu)
    STAMP.write_text(json.dumps(wish), encoding="utf-8")
    return venv_python()


def install_viewer_packages() -> None:
    """Install what a viewer on a virtual screen needs, on Debian and its relatives."""
    if sys.platform != "linux" or shutil.which("dpkg-query") is None:
        return
    missing = [name for name in VIEWER_PACKAGES if not _is_installed(name)]
    if not missing:
        return
    if os.geteuid() != 0:
        stop(
            "The tests open real windows on a virtual screen. Install what they need first:\n"
            f"  sudo apt-get install {' '.join(missing)}"
        )
    _apt_install(missing)


def _is_ready(wish: dict[str, str]) -> bool:
    if not (venv_python().exists() and STAMP.exists()):
        return False
    found = json.loads(STAMP.read_text(encoding="utf-8"))
    # An environment made for the tests also serves the run, which wishes for less.
    return bool(found == wish or (found["project"] == wish["project"] and not wish["group"]))


def _create() -> None:
    say(f"Creating a virtual environment in {VENV}")
    if importlib.util.find_spec("ensurepip") is None:
        if shutil.which("apt-get") is None or os.geteuid() != 0:
            stop(
                "This Python cannot create virtual environments. On Debian and Ubuntu:\n"
                "  sudo apt-get install python3-venv"
            )
        _apt_install([f"python{sysconfig.get_python_version()}-venv"])
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=True)


def _install(extras: str, group: str, torch_cpu: bool) -> None:
    """Install torch first: later steps then ask for no other build of it."""
    say(f"Installing {TORCH}" + (" (CPU build)" if torch_cpu else ""))
    if sys.platform == "linux" and not torch_cpu and shutil.which("nvidia-smi") is None:
        print(
            "    No NVIDIA GPU here: --cpu takes PyTorch's smaller CPU build instead.", flush=True
        )
    _pip("pip>=25.1")  # knows dependency groups
    _pip(TORCH, *(["--index-url", CPU_INDEX] if torch_cpu else []))
    target = f"{ROOT}[{extras}]" if extras else str(ROOT)
    say("Installing napari-lbn" + (f" with {extras}" if extras else ""))
    groups = ["--group", f"{ROOT / 'pyproject.toml'}:{group}"] if group else []
    _pip("--editable", target, *groups)


def _pip(*arguments: str) -> None:
    command = [str(venv_python()), "-m", "pip", "install", "-qq", "--upgrade-strategy"]
    done = subprocess.run([*command, "only-if-needed", *arguments], check=False, cwd=ROOT)
    if done.returncode:
        stop(f"pip could not install {' '.join(arguments)}; its message is above.")


def _apt_install(names: list[str]) -> None:
    say(f"Installing Debian packages: {' '.join(names)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update"], ["install", "--yes", "--no-install-recommends", *names]):
        subprocess.run(["apt-get", "-qq", *command], check=True, env=environment)


def _is_installed(name: str) -> bool:
    query = ["dpkg-query", "--show", "--showformat=${Status}", name]
    found = subprocess.run(query, check=False, capture_output=True, text=True)
    return "install ok installed" in found.stdout


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
