"""The Compare dock over a viewer model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import Qt
from qtpy.QtGui import QColor

from napari_lbn._napari import sliders
from napari_lbn._qt.compare.arrangement import difference_name
from napari_lbn._qt.compare.dock import CompareDock
from napari_lbn._qt.compare.measures import DifferenceVolume, line_profile, xz_amplitude
from napari_lbn._qt.compare.tomograms import is_tomogram
from napari_lbn._qt.lists import PADDING
from napari_lbn._qt.theme import OUTLINE_COLOUR
from napari_lbn.engine.tilt_series import TiltSeries

SHAPE = (12, 20, 24)


@pytest.fixture
def volumes(viewer: ViewerModel) -> list[Any]:
    rng = np.random.default_rng(0)
    return [
        viewer.add_image(rng.normal(i, 1, SHAPE).astype(np.float32), name=name)
        for i, name in enumerate(("A", "B", "C"))
    ]


@pytest.fixture
def dock(qtbot: Any, viewer: ViewerModel, volumes: list[Any]) -> CompareDock:
    dock = CompareDock(viewer)
    qtbot.addWidget(dock)
    return dock


def names(dock: CompareDock) -> list[str]:
    shown = dock.tomograms.list
    return [shown.item(i).text() for i in range(shown.count())]


def test_a_tomogram_that_forgot_its_voxel_size_lies_on_its_twin(
    qtbot: Any, viewer: ViewerModel, tmp_path: Path
) -> None:
    """Other programs write no voxel size; it would be a speck beside one of 10 Å."""
    data = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32)
    viewer.add_image(data, name="ours", scale=(10.0,) * 3, units=("angstrom",) * 3)
    for name, shape in (("theirs", SHAPE), ("other", (4, 5, 6))):
        with mrcfile.new(tmp_path / f"{name}.mrc") as mrc:
            mrc.set_data(np.resize(data, shape))
            mrc.set_volume()
    dock = CompareDock(viewer)
    qtbot.addWidget(dock)
    for name in ("theirs", "other"):
        dock.tomograms.add_file(str(tmp_path / f"{name}.mrc"))
    assert tuple(viewer.layers["theirs"].scale) == (10, 10, 10)
    assert tuple(viewer.layers["other"].scale) == (1, 1, 1)


def test_tomograms_are_offered_and_tilts_are_not(
    dock: CompareDock,
    volumes: list[Any],
    add_series: Callable[[TiltSeries], Any],
    series: TiltSeries,
) -> None:
    tilts = add_series(series)
    assert not is_tomogram(tilts)
    assert names(dock) == ["A", "B", "C"]
    dock._viewer.layers.remove(volumes[1])
    assert names(dock) == ["A", "C"]


def test_ticked_ones_are_side_by_side_with_one_contrast(
    dock: CompareDock, volumes: list[Any], viewer: ViewerModel
) -> None:
    dock.tomograms.tick(volumes[:2])
    assert viewer.canvas.grid.enabled
    assert [layer.visible for layer in volumes] == [True, True, False]
    volumes[0].contrast_limits = (-2, 5)
    assert tuple(volumes[1].contrast_limits) == (-2, 5)
    dock.link_contrast.setChecked(False)
    volumes[0].contrast_limits = (-1, 1)
    assert tuple(volumes[1].contrast_limits) == (-2, 5)


def test_densities_of_another_scale_keep_their_contrast_unless_the_user_asks(
    qtbot: Any, dock: CompareDock, volumes: list[Any], viewer: ViewerModel
) -> None:
    data = 1 + 0.05 * np.random.default_rng(3).normal(size=SHAPE).astype(np.float32)
    theirs = viewer.add_image(data, name="theirs")
    before = [tuple(layer.contrast_limits) for layer in (volumes[0], theirs)]
    dock.tomograms.tick([volumes[0], theirs])
    assert not dock.link_contrast.isChecked()
    assert [tuple(layer.contrast_limits) for layer in (volumes[0], theirs)] == before
    dock.tomograms.tick(volumes[:2])
    assert dock.link_contrast.isChecked()
    assert tuple(volumes[0].contrast_limits) == tuple(volumes[1].contrast_limits)
    dock.tomograms.tick([volumes[0], theirs])
    assert [tuple(layer.contrast_limits) for layer in (volumes[0], theirs)] == before
    dock.link_contrast.click()
    dock.tomograms.tick([volumes[1], theirs])
    assert dock.link_contrast.isChecked()
    assert tuple(volumes[1].contrast_limits) == tuple(theirs.contrast_limits)


def test_the_flip_key_swaps_in_place(
    dock: CompareDock, volumes: list[Any], viewer: ViewerModel
) -> None:
    dock.tomograms.tick(volumes[:2])
    dock.flip()
    assert not viewer.canvas.grid.enabled
    first = [layer.visible for layer in volumes]
    dock.flip()
    second = [layer.visible for layer in volumes]
    assert sum(first) == sum(second) == 1
    assert volumes[0].name_overlay.visible  # which says whose turn it is
    assert first != second
    assert not second[2]


def test_picked_points_stay_on_the_tomogram_in_place(
    dock: CompareDock, volumes: list[Any], viewer: ViewerModel
) -> None:
    """Side by side they would have a box of their own, so they are away meanwhile."""
    points, hidden = (viewer.add_points([[1, 2, 3]], name=name) for name in ("picked", "hidden"))
    hidden.visible = False
    dock.tomograms.tick(volumes[:2])
    assert not points.visible
    for _ in range(2):
        dock.flip()
        assert points.visible
        assert not hidden.visible
    assert sum(layer.visible for layer in volumes) == 1


def test_what_the_user_brought_along_is_back_once_nothing_is_compared(
    dock: CompareDock, volumes: list[Any], viewer: ViewerModel
) -> None:
    points, hidden = (viewer.add_points([[1, 2, 3]], name=name) for name in ("picked", "hidden"))
    hidden.visible = False
    dock.tomograms.tick(volumes[:2])
    dock.tomograms.tick(volumes)  # the third one was away
    dock.tomograms.tick(volumes[:2])
    assert not volumes[2].visible
    dock.flip()
    assert not volumes[2].visible
    dock.tomograms.tick([])
    assert all(layer.visible for layer in (*volumes, points))
    assert not hidden.visible


@pytest.mark.parametrize(("section", "axis"), [("xy", 0), ("xz", 1), ("yz", 2)])
def test_sections_go_through_each_axis(
    dock: CompareDock, viewer: ViewerModel, section: str, axis: int
) -> None:
    dock.cut(section)
    assert viewer.dims.order[0] == axis


def test_sections_are_averaged_and_follow_whoever_averages(
    dock: CompareDock, volumes: list[Any], viewer: ViewerModel
) -> None:
    assert not dock.average.isEnabled()
    dock.tomograms.tick(volumes[:2])
    for name, axis in (("xy", 0), ("xz", 1), ("yz", 2)):
        dock.cut(name)
        dock.average.setValue(5)
        shown = volumes[0]._slice.image.raw
        at = round(viewer.dims.point[axis])
        around = np.moveaxis(volumes[0].data, axis, 0)[at - 2 : at + 3].mean(axis=0)
        np.testing.assert_allclose(np.sort(shown, None), np.sort(around, None), rtol=1e-5)
        dock.average.setValue(1)
    sliders.set_average(viewer, volumes[0], 7)
    assert dock.average.value() == 7


def test_the_buttons_say_which_section_is_on_the_screen_whoever_chose_it(
    qtbot: Any, viewer: ViewerModel, volumes: list[Any]
) -> None:
    viewer.dims.order = (1, 0, 2)  # as a correction leaves the viewer
    dock = CompareDock(viewer)
    qtbot.addWidget(dock)
    assert [name for name, button in dock.sections.items() if button.isChecked()] == ["xz"]
    viewer.dims.order = (0, 1, 2)
    assert [name for name, button in dock.sections.items() if button.isChecked()] == ["xy"]


def test_rows_of_the_list_have_room_for_their_ticks(dock: CompareDock) -> None:
    rows = dock.tomograms.list
    assert rows.sizeHintForRow(0) >= rows.fontMetrics().height() + PADDING
    assert rows.height() >= rows.count() * rows.sizeHintForRow(0)


def test_empty_ticks_can_be_seen(dock: CompareDock) -> None:
    rows = dock.tomograms.list
    rows.item(2).setCheckState(Qt.CheckState.Unchecked)
    image = rows.viewport().grab().toImage()
    row = rows.visualItemRect(rows.item(2))
    outline = np.array(QColor(OUTLINE_COLOUR).getRgb()[:3])
    colours = [
        image.pixelColor(x, y).getRgb()[:3]
        for x in range(row.left(), row.left() + 20)
        for y in range(row.top(), row.bottom())
    ]
    of_the_outline = np.abs(np.array(colours) - outline).max(axis=1) < 8  # screens of 16 bits
    assert of_the_outline.sum() > 20


def test_the_difference_is_a_layer(
    dock: CompareDock, volumes: list[Any], viewer: ViewerModel
) -> None:
    dock.tomograms.tick(volumes[:2])
    dock.difference_button.click()
    layer = viewer.layers["A − B"]
    np.testing.assert_allclose(layer.data[3], volumes[0].data[3] - volumes[1].data[3])
    assert layer.contrast_limits[0] == pytest.approx(-layer.contrast_limits[1])


def test_the_difference_follows_what_it_is_made_of(
    viewer: ViewerModel, dock: CompareDock, volumes: list[Any]
) -> None:
    dock.tomograms.tick(volumes[:2])
    dock.difference_button.click()
    data = viewer.layers[-1].data
    volumes[0].data = volumes[0].data + 5
    expected = volumes[0].data[3] - volumes[1].data[3]
    np.testing.assert_allclose(data[3], expected)
    volumes[0].data = np.zeros((4, 5, 6), np.float32)  # no longer of its shape: the last one stays
    np.testing.assert_allclose(data[3], expected)


def test_the_difference_is_labelled_like_what_it_stands_beside(
    dock: CompareDock, volumes: list[Any], viewer: ViewerModel
) -> None:
    dock.tomograms.tick(volumes[:2])
    dock.difference_button.click()
    named = {layer.name for layer in viewer.layers if layer.name_overlay.visible}
    assert named == {"A", "B", "A − B"}
    assert len({layer.name_overlay.font_size for layer in viewer.layers if layer.visible}) == 1


def test_in_place_the_difference_is_one_at_a_time_too(
    dock: CompareDock, volumes: list[Any], viewer: ViewerModel
) -> None:
    dock.tomograms.tick(volumes[:2])
    dock.flip()
    dock.difference_button.click()
    shown = [layer for layer in viewer.layers if layer.visible]
    assert [layer.name for layer in shown] == ["A − B"]
    assert shown[0].name_overlay.visible
    dock.flip()
    assert [layer.name for layer in viewer.layers if layer.visible] == ["A"]


@pytest.mark.parametrize(
    ("a", "b", "name"),
    [
        ("A", "B", "A − B"),
        ("TS WBP", "TS WBP + LBN", "TS WBP − (WBP + LBN)"),
        ("TS WBP + LBN", "TS WBP", "TS WBP + LBN − WBP"),
        ("TS WBP", "isonet", "TS WBP − isonet"),
    ],
)
def test_a_difference_is_named_without_ambiguity(a: str, b: str, name: str) -> None:
    assert difference_name(a, b) == name


def test_buttons_say_why_they_are_off(
    dock: CompareDock, volumes: list[Any], viewer: ViewerModel
) -> None:
    assert not dock.difference_button.isEnabled()
    assert "Tick two" in dock.difference_button.toolTip()
    other = viewer.add_image(np.zeros((4, 5, 6), np.float32), name="small")
    dock.tomograms.tick([volumes[0], other])
    assert not dock.difference_button.isEnabled()
    assert dock.flip_button.isEnabled()


def test_imod_orientation_is_at_a_switch(dock: CompareDock, viewer: ViewerModel) -> None:
    dock.imod.setChecked(True)
    assert viewer.scene.camera.orientation[1] == "up"
    dock.imod.setChecked(False)
    assert viewer.scene.camera.orientation[1] == "down"


def test_ticks_of_the_orientation_follow_each_other(
    qtbot: Any, dock: CompareDock, make_dock: Callable[[], Any], viewer: ViewerModel
) -> None:
    dock.imod.setChecked(True)
    correction = make_dock().display_panel
    assert correction.imod.isChecked()
    correction.imod.setChecked(False)
    assert not dock.imod.isChecked()
    assert viewer.scene.camera.orientation[1] == "down"
    dock.imod.setChecked(True)
    assert correction.imod.isChecked()
    viewer.scene.camera.orientation = ("towards", "up", "left")  # neither: one of the user's own
    assert not dock.imod.isChecked()
    assert viewer.scene.camera.orientation[2] == "left"


def test_amplitude_and_profiles_are_drawn(
    dock: CompareDock,
    volumes: list[Any],
    add_series: Callable[[TiltSeries], Any],
    series: TiltSeries,
) -> None:
    pytest.importorskip("matplotlib")
    dock.tomograms.tick(volumes[:2])
    add_series(series)
    assert dock.measures.wedge(volumes[0]) == (60, 120)
    dock.measures.button.click()
    axes = dock.measures.plots[0]._canvas.figure.axes[0]
    assert len(axes.lines) == 2
    assert axes.get_title() == "A"
    dock.measures.what.setCurrentIndex(1)
    dock.measures.button.click()
    axes = dock.measures.plots[0]._canvas.figure.axes[0]
    assert [len(line.get_ydata()) for line in axes.lines] == [24, 24]


def test_plots_of_removed_tomograms_go(
    dock: CompareDock, volumes: list[Any], viewer: ViewerModel
) -> None:
    pytest.importorskip("matplotlib")
    dock.tomograms.tick(volumes[:2])
    dock.measures.button.click()
    assert [plot.isHidden() for plot in dock.measures.plots] == [False, False]
    viewer.layers.remove(volumes[0])
    assert [plot.isHidden() for plot in dock.measures.plots] == [True, False]


def test_plots_of_tomograms_that_are_no_longer_compared_go(
    dock: CompareDock, volumes: list[Any]
) -> None:
    pytest.importorskip("matplotlib")
    plots = dock.measures.plots
    dock.tomograms.tick(volumes[:2])
    dock.measures.button.click()
    dock.tomograms.tick(volumes[1:3])
    assert [plot.isHidden() for plot in plots] == [True, False]
    dock.measures.what.setCurrentIndex(1)
    dock.measures.button.click()
    assert [plot.isHidden() for plot in plots] == [False, True]
    dock.tomograms.tick(volumes[:3])  # the profile of one of them is not there
    assert [plot.isHidden() for plot in plots] == [True, True]


def test_plots_follow_the_theme(dock: CompareDock, volumes: list[Any]) -> None:
    pytest.importorskip("matplotlib")
    dock.tomograms.tick(volumes[:2])
    dock.measures.button.click()
    for colour in ("#123456", "#abcdef"):
        dock.setStyleSheet(f"QWidget {{ color: {colour}; }}")
        for plot in dock.measures.plots:
            assert plot._canvas.figure.axes[0].title.get_color() == colour


def test_a_wave_along_a_tilt_shows_at_its_angle() -> None:
    """A wave with wave vector k (cos 30°, sin 30°) in (x, z) stands there in the amplitude."""
    z, _, x = np.mgrid[:64, :4, :64]
    angle = np.deg2rad(30)
    wave = np.cos(2 * np.pi * 0.25 * (x * np.cos(angle) + z * np.sin(angle)))
    amplitude = xz_amplitude(wave, 2)
    kz, kx = np.unravel_index(amplitude.argmax(), amplitude.shape)
    direction = np.rad2deg(np.arctan2(kz - 32, kx - 32)) % 180
    assert direction == pytest.approx(30, abs=3)


def test_profiles_go_through_the_voxel() -> None:
    volume = np.arange(24).reshape(2, 3, 4)
    along_x = line_profile(volume, (1, 2, 0), 2, width=1)
    np.testing.assert_array_equal(along_x, [20, 21, 22, 23])
    np.testing.assert_array_equal(line_profile(volume, (9, 0, 1), 0, width=1), [1, 13])
    around = line_profile(volume, (1, 1, 3), 0, width=3)
    np.testing.assert_array_equal(around, [volume[0, :, 2:].mean(), volume[1, :, 2:].mean()])
    difference = DifferenceVolume(volume, volume[::-1])
    np.testing.assert_array_equal(np.asarray(difference)[0], volume[0] - volume[1])


def test_each_tomogram_has_the_wedge_of_its_own_series(
    dock: CompareDock,
    volumes: list[Any],
    add_series: Callable[[TiltSeries], Any],
    series: TiltSeries,
) -> None:
    narrow = TiltSeries.from_array(series.read()[3:10], series.angles[3:10], name="narrow")
    add_series(narrow)
    add_series(series)
    record = {"kind": "tomogram", "provenance": {"measured_angles": [-40.0, 0.0, 40.0]}}
    volumes[0].metadata = {"napari_lbn": record}
    assert dock.measures.wedge(volumes[0]) == (40, 140)
    volumes[1].metadata = {}
    assert dock.measures.wedge(volumes[1]) is None  # of two series, nobody knows which


def test_tomograms_of_other_voxels_are_not_subtracted(
    dock: CompareDock, volumes: list[Any]
) -> None:
    dock.tomograms.tick(volumes[:2])
    assert dock.difference_button.isEnabled()
    volumes[1].scale = 2 * np.asarray(volumes[0].scale)
    dock.tomograms.tick(volumes[:2])
    assert not dock.difference_button.isEnabled()
