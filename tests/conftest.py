"""What every test shares: where real data lies, and a home that is not the user's."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent
SHARED_DATA = ROOT.parent / "shared" / "data"

os.environ.setdefault("MPLBACKEND", "Agg")
# Test arrays are small: threads only wait for each other, twice as long on a busy machine.
os.environ.setdefault("OMP_NUM_THREADS", "1")

settings.register_profile(
    "tests",
    deadline=None,  # a busy machine must not fail a test
    derandomize=bool(os.environ.get("CI")),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("tests")


def _is_missing(*modules: str) -> bool:
    return all(importlib.util.find_spec(module) is None for module in modules)


# Engine and command line are tested without napari and Qt too (tox -e headless).
collect_ignore: list[str] = []
if _is_missing("napari"):
    collect_ignore += ["napari", "qt"]
elif _is_missing("PyQt6", "PySide6"):
    collect_ignore += ["qt"]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder of real data beside the checkout; skips where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"real data is absent: {SHARED_DATA}")
    return SHARED_DATA


@pytest.fixture(scope="session")
def ts254(shared_data: Path) -> Path:
    """Real cryo-ET tilt series of a cell, 41 x 300 x 652, 10 Å, aligned."""
    return shared_data / "ts254" / "TS254_dev_rows000-299_10A.mrc"
