"""The engine runs without Qt and napari, and starting up loads nothing heavy."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
QT = {"qtpy", "superqt", "magicgui", "PyQt5", "PyQt6", "PySide2", "PySide6", "vispy"}
OPTIONAL = {"triton", "numba"}
HEAVY = {"torch", "scipy", "numpy", "matplotlib", "tifffile", "mrcfile"}

PRINT_MODULES = """
import json, sys
{statement}
print(json.dumps(sorted({{name.partition('.')[0] for name in sys.modules}})))
"""

IMPORT_WHOLE_PACKAGE = """
import importlib, importlib.abc, pkgutil, sys

class Refuse(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition('.')[0] in {refused!r}:
            raise ImportError(f'{{name}} must not be needed here')

sys.meta_path.insert(0, Refuse())
package = importlib.import_module({package!r})
for module in pkgutil.walk_packages(package.__path__, package.__name__ + '.'):
    try:
        importlib.import_module(module.name)
    except ModuleNotFoundError as error:  # an extra that is not installed
        if error.name not in {optional!r}:
            raise
"""


def loaded_by(statement: str) -> set[str]:
    """Top-level modules in a fresh interpreter after a statement."""
    code = PRINT_MODULES.format(statement=statement)
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_the_package_loads_nothing_heavy() -> None:
    loaded = loaded_by("import napari_lbn")
    assert "napari_lbn" in loaded
    assert not loaded & (HEAVY | QT | {"napari", "npe2"})


@pytest.mark.parametrize("arguments", [["--help"], ["correct", "--help"], ["--version"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    statement = (
        f"sys.argv = ['napari-lbn', *{arguments!r}]\n"
        "from napari_lbn.cli import main\n"
        "try: main()\n"
        "except SystemExit as stop: assert not stop.code, stop.code"
    )
    assert not loaded_by(statement) & (HEAVY | QT | {"napari"})


def test_loading_weights_does_not_load_torchs_compiler() -> None:
    statement = "from napari_lbn.engine.io.weights.file import open_network\nopen_network('base')"
    loaded = loaded_by(statement)
    assert "torch" in loaded
    assert "sympy" not in loaded  # which the compiler needs


@pytest.mark.parametrize("package", ["napari_lbn.engine", "napari_lbn.cli"])
def test_every_module_imports_where_qt_and_napari_are_absent(package: str) -> None:
    code = IMPORT_WHOLE_PACKAGE.format(refused=QT | {"napari"}, package=package, optional=OPTIONAL)
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_import_contracts_hold() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout
