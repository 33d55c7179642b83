"""The copied command, run, gives what the dock gave."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtWidgets import QApplication
from typer.testing import CliRunner

from napari_lbn._napari.preferences import Preferences
from napari_lbn._napari.reader import read
from napari_lbn._qt.dock import MissingWedgeDock

from .conftest import WAIT

COUNT = 9


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """Weights of a tiny, untrained network for 8 to 16 Å."""
    import torch

    from napari_lbn.engine.io.weights.file import save_weights
    from napari_lbn.engine.network import LBN, LBNConfig

    torch.manual_seed(3)
    config = LBNConfig(widths=(2, 4, 4, 8, 8), unet_widths=(8, 8, 8, 8))
    path = tmp_path / "tiny.safetensors"
    save_weights(path, LBN(config), name="tiny", pixel_sizes=(8.0, 16.0), summary={})
    return path


@pytest.fixture
def imod_folder(tmp_path: Path) -> Path:
    """A raw stack, its transformations, and a view that tilt.com leaves out."""
    folder = tmp_path / "TS"
    folder.mkdir()
    y, x = np.mgrid[:18, :40]
    rng = np.random.default_rng(0)
    images = [100 + 10 * np.cos(x / 5 + i / 4) + rng.normal(0, 3, y.shape) for i in range(COUNT)]
    with mrcfile.new(folder / "TS.mrc") as file:
        file.set_data(np.array(images, "f4"))
        file.set_image_stack()
        file.voxel_size = 10.123
    turn = np.deg2rad(4.0)
    matrix = f"{np.cos(turn)} {-np.sin(turn)} {np.sin(turn)} {np.cos(turn)}"
    (folder / "TS.xf").write_text(f"{matrix} 1.25 -0.5\n" * COUNT)
    (folder / "TS.tlt").write_text("".join(f"{-40 + 10 * i}\n" for i in range(COUNT)))
    (folder / "tilt.com").write_text("$tilt\nTILTFILE TS.tlt\nEXCLUDELIST 1,2\nOFFSET 0.3\n")
    return folder


def test_the_copied_command_does_what_the_dock_did(
    qtbot: Any, imod_folder: Path, weights: Path, tmp_path: Path
) -> None:
    from napari_lbn.cli.app import app

    viewer = ViewerModel()
    ((data, attributes, _),) = read(str(imod_folder))
    viewer.add_image(data, **attributes)
    dock = MissingWedgeDock(viewer, preferences=Preferences)
    qtbot.addWidget(dock)
    session = dock.session
    qtbot.waitUntil(lambda: session.options.weights != "", timeout=3 * WAIT)
    # the first view back in, another one out
    series = session.series.with_excluded([1, COUNT - 1]).with_inverted_angles()
    session.update_series(series)
    session.set_options(weights=str(weights), thickness_nm=10.0, increment=7.5, filter="hamming")
    session.set_alpha(0.35)
    qtbot.waitUntil(dock.run_panel.button.isEnabled, timeout=3 * WAIT)
    dock.run_panel.button.click()
    qtbot.waitUntil(lambda: session.result is not None, timeout=6 * WAIT)
    saved = tmp_path / "saved"
    saved.mkdir()
    dock.saver.save_tomograms(saved)
    qtbot.waitUntil(lambda: "Saved" in dock.save_panel.status, timeout=WAIT)

    dock.settings_panel.advanced.copy.click()
    program, *words = shlex.split(QApplication.clipboard().text())
    assert program == "napari-lbn"
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    for ending in ("_wbp.mrc", "_wbp_lbn.mrc"):
        ours = mrcfile.read(saved / f"TS{ending}")
        theirs = mrcfile.read(imod_folder / "TS_lbn" / f"TS{ending}")
        # tilts are synthesized in other groups: the same to rounding
        np.testing.assert_allclose(theirs, ours, atol=1e-5 * ours.std())
