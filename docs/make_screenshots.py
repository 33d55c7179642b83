"""Pictures of the dock with a real tilt series, before, during and after a correction.

    xvfb-run -s "-screen 0 1600x1000x24" python docs/make_screenshots.py TS.mrc --out docs/images

Needs a screen with OpenGL (xvfb and Mesa will do). Without a file it takes the sample.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from evidence_screenshots import take_evidence_pictures
from screenshot_tools import PLUGIN, open_dock, settle, wait

import napari

if TYPE_CHECKING:
    from napari_lbn._qt.dock import MissingWedgeDock

SIZE = (1500, 950)
EPOCH_STEPS = 10
LONGEST = 3600
"""Seconds to wait for a training."""


def take_pictures(viewer: napari.Viewer, dock: MissingWedgeDock, folder: Path) -> None:
    """Run a correction and save a picture at each stage."""

    def save(name: str) -> None:
        settle()
        viewer.window.screenshot(
            str(folder / f"{name}.png"), size=None, canvas_only=False, flash=False
        )

    wait(dock.run_panel.button.isEnabled, 60)
    save("dock_before")
    dock.run_panel.button.click()
    seconds = wait(lambda: "wbp" in dock.views.roles(), 600)
    print(f"first XZ slab after {seconds:.1f} s")
    seconds += wait(lambda: "lbn" in dock.views.roles(), 600)
    print(f"first XZ slab with synthesized tilts after {seconds:.1f} s")
    save("dock_during")
    wait(lambda: not dock.session.running, 3600)
    print(dock.run_panel.status)
    if dock.session.result is None:
        sys.exit(1)
    save("dock")
    for view in ("measured", "tilts", "wbp", "lbn", "difference"):
        dock.views.show(view)
        if view == "tilts":
            dock.views.look_at(float(dock.session.result.angles[-4]))
        save(f"dock_{view}")
    dock.views.cut("xy")
    dock.views.show("both")
    save("dock_xy")


def take_training_pictures(viewer: napari.Viewer, folder: Path, epochs: int) -> None:
    """Fine-tune for some short epochs and save a picture before, late, and at the end."""
    _, dock = viewer.window.add_plugin_dock_widget(PLUGIN, "LBN training")
    status = dock.status

    def save(name: str) -> None:
        settle()
        viewer.window.screenshot(
            str(folder / f"{name}.png"), size=None, canvas_only=False, flash=False
        )

    with tempfile.TemporaryDirectory() as runs:
        status.set_options(folder=Path(runs), unit="epochs", length=epochs, steps=EPOCH_STEPS)
        wait(dock.run_panel.button.isEnabled, 600)
        save("training_before")
        dock.run_panel.button.click()
        wait(lambda: status.fraction > 0.8 and status.phase == "training", LONGEST)
        save("training")
        wait(lambda: not status.running, LONGEST)
        print(status.outcome)
        save("training_after")


def take_filter_pictures(viewer: napari.Viewer, folder: Path, steps: int) -> None:
    """Learn a filter from the series, apply it, and save pictures of both."""
    _, dock = viewer.window.add_plugin_dock_widget(PLUGIN, "Learned filter")
    dock.fields.steps.setValue(steps)

    def save(name: str) -> None:
        settle()
        viewer.window.screenshot(
            str(folder / f"{name}.png"), size=None, canvas_only=False, flash=False
        )

    dock.learn_button.click()
    wait(lambda: dock.bar.value() > dock.bar.maximum() // 2, 600)
    save("filter_learning")
    wait(lambda: not dock.runner.running, 600)
    print(dock.status.text())
    dock.apply_button.click()
    wait(lambda: not dock.runner.running, 600)
    save("filter")


def main() -> None:
    """Open the viewer, run, save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("stack", type=Path, nargs="?", help="tilt series; the sample by default")
    parser.add_argument("--out", type=Path, default=Path("docs/images"))
    parser.add_argument("--filter", default="cosine", help="of WBP: single sections are noisy")
    parser.add_argument("--average", type=int, default=21, help="pixels a section is averaged over")
    parser.add_argument(
        "--training", type=int, metavar="EPOCHS", help="pictures of the training dock instead"
    )
    parser.add_argument(
        "--learned-filter", type=int, metavar="STEPS", help="pictures of the filter dock instead"
    )
    parser.add_argument(
        "--evidence",
        nargs="*",
        type=Path,
        metavar="TOMOGRAM",
        help="pictures of Check, disagreement and Compare instead, with these tomograms too",
    )
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    viewer = napari.Viewer(show=True)
    viewer.window.resize(*SIZE)
    if arguments.stack is None:
        viewer.open_sample(PLUGIN, "simulated_tilt_series")
    else:
        viewer.open(str(arguments.stack), plugin=PLUGIN)
    if arguments.training:
        take_training_pictures(viewer, arguments.out, arguments.training)
        viewer.close()
        return
    if arguments.learned_filter:
        take_filter_pictures(viewer, arguments.out, arguments.learned_filter)
        viewer.close()
        return
    if arguments.evidence is not None:
        take_evidence_pictures(viewer, arguments.out, arguments.evidence)
        viewer.close()
        return
    dock = open_dock(viewer)
    dock.session.set_options(filter=arguments.filter)
    dock.display_panel.average.setValue(arguments.average)
    take_pictures(viewer, dock, arguments.out)
    viewer.close()


if __name__ == "__main__":
    main()
