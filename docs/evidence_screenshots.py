"""Pictures of Check, of the disagreement and of Compare."""

from __future__ import annotations

from typing import TYPE_CHECKING

from screenshot_tools import PLUGIN, open_dock, save, scroll_to, settle, wait

if TYPE_CHECKING:
    from pathlib import Path

    import napari
    from napari_lbn._qt.dock import MissingWedgeDock

LONG = 1800
"""Seconds that a check may take."""


def take_evidence_pictures(viewer: napari.Viewer, folder: Path, others: list[Path]) -> None:
    """Check, correct, measure the disagreement, compare; a picture of each."""
    dock = open_dock(viewer)
    wait(dock.run_panel.button.isEnabled, 60)
    dock.session.set_options(filter="cosine")
    dock.display_panel.average.setValue(9)
    wait(dock.run_panel.button.isEnabled, 60)
    dock.run_panel.button.click()
    wait(lambda: not dock.session.running and dock.session.result is not None, LONG)
    take_check(viewer, dock, folder)
    take_disagreement(viewer, dock, folder)
    viewer.window.remove_dock_widget(dock)
    take_comparison(viewer, folder, others)


def take_check(viewer: napari.Viewer, dock: MissingWedgeDock, folder: Path) -> None:
    """The check's verdict and plot."""
    panel = dock.check_panel
    dock.views.show("measured")
    wait(panel.button.isEnabled, 60)
    panel.button.click()
    wait(lambda: not panel.runner.running, LONG)
    scroll_to(dock, dock.sections.boxes["Check"])
    save(viewer, folder / "check.png")
    panel.found.plot.kind.setCurrentIndex(panel.found.plot.kind.count() - 1)
    save(viewer, folder / "check_edge.png")


def take_disagreement(viewer: napari.Viewer, dock: MissingWedgeDock, folder: Path) -> None:
    """The spread beside the tomogram, of tilts, and the mask."""
    panel = dock.disagreement_panel
    wait(panel.button.isEnabled, 60)
    panel.button.click()
    wait(lambda: not panel.runner.running, LONG)
    scroll_to(dock, dock.sections.boxes["Disagreement"])
    save(viewer, folder / "disagreement.png")
    panel.view_buttons["spread tilts"].click()
    save(viewer, folder / "disagreement_tilts.png")
    dock.views.show("lbn")
    dock.mask_panel.switch.click()
    save(viewer, folder / "disagreement_mask.png")
    dock.mask_panel.switch.click()


def take_comparison(viewer: napari.Viewer, folder: Path, others: list[Path]) -> None:
    """Tomograms side by side, swapped in place, their difference, amplitude and profile."""
    _, compare = viewer.window.add_plugin_dock_widget(PLUGIN, "Compare tomograms")
    for path in others:
        compare.tomograms.add_file(str(path))
    names = {path.stem for path in others}
    chosen = [
        layer
        for layer in viewer.layers
        if layer.name in names or layer.name.endswith((" WBP", " WBP + LBN"))
    ]
    compare.tomograms.tick(chosen)
    compare.cut("xz")
    settle()
    compare.measures.button.click()
    wait(lambda: not compare.measures.plots[0].isHidden(), 10)
    settle()
    save(viewer, folder / "compare.png")
    compare.flip()
    compare.measures.what.setCurrentIndex(3)
    compare.measures.button.click()
    save(viewer, folder / "compare_profile.png")
    compare.difference_button.click()
    save(viewer, folder / "compare_difference.png")
    compare.imod.click()
    compare.arrange()
    save(viewer, folder / "compare_imod.png")
