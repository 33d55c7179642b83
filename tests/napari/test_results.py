"""Layers of a run fill as its events come, and are undone with it."""

from __future__ import annotations

import numpy as np
import psutil
import pytest
from napari.components import ViewerModel

from napari_lbn._napari.metadata import record_of
from napari_lbn._napari.results import ResultLayers
from napari_lbn._napari.room import Extent, allocate_volume, share_of_one_volume
from napari_lbn.engine.events import SlabReady, TiltReady

ANGLES = np.arange(-87.0, 91.0, 3.0)
SYNTHESIZED = np.abs(ANGLES) > 60
EXTENT = Extent(
    name="TS",
    angles=ANGLES,
    synthesized=SYNTHESIZED,
    tilt_shape=(12, 16),
    thickness=8,
    pixel_size=10.0,
)


def slab(part: str, start: int, stop: int, value: float, *, preview: bool = False) -> SlabReady:
    volume = np.full((8, stop - start, 16), value, np.float32)
    return SlabReady(part=part, y_start=start, y_stop=stop, slab=volume, preview=preview)


def run(viewer: ViewerModel, value: float, previous: ResultLayers | None = None) -> ResultLayers:
    layers = ResultLayers(viewer, EXTENT, previous=previous)
    for part, share in (("measured", value), ("synthesized", 2 * value)):
        layers.add_slab(slab(part, 0, 12, share))
    return layers


def test_preview_is_displayed_in_the_layers_of_the_result() -> None:
    viewer = ViewerModel()
    layers = ResultLayers(viewer, EXTENT)
    layers.add_slab(slab("measured", 5, 7, 3.0, preview=True))
    layers.add_slab(slab("synthesized", 5, 7, 1.0, preview=True))
    assert [layer.name for layer in viewer.layers] == ["TS WBP", "TS WBP + LBN"]
    blended = np.asarray(layers.layer("lbn").data)
    assert np.all(blended[:, 5:7] == 4.0)
    assert np.all(blended[:, :5] == 0.0)
    layers.add_slab(slab("measured", 0, 12, 6.0))
    assert len(viewer.layers) == 2
    assert np.all(np.asarray(layers.layer("wbp").data) == 6.0)


def test_contrast_of_both_tomograms_is_linked() -> None:
    layers = run(ViewerModel(), 3.0)
    layers.layer("wbp").contrast_limits = (-5.0, 5.0)
    assert tuple(layers.layer("lbn").contrast_limits) == (-5.0, 5.0)


def test_alpha_reaches_what_is_displayed_and_the_record() -> None:
    viewer = ViewerModel()
    layers = run(viewer, 3.0)
    layer = layers.layer("lbn")
    layers.set_alpha(0.5)
    viewer.layers.selection.active = layer
    viewer.dims.set_point(0, 40.0)
    assert layer.get_value((40.0, 50.0, 50.0), world=True) == 3.0 + 0.5 * 6.0
    assert record_of(layer)["alpha"] == 0.5
    assert record_of(layers.layer("wbp"))["alpha"] == 0.0


def test_measured_tilts_share_the_slider_with_the_networks() -> None:
    layers = ResultLayers(ViewerModel(), EXTENT)
    layers.show_tilts()
    layer = layers.layer("tilts")
    first_measured = int(np.flatnonzero(~SYNTHESIZED)[0])
    assert layer.data_to_world((first_measured, 0, 0, 0))[0] == 0.0
    assert record_of(layer)["synthesized"] == list(SYNTHESIZED)


def test_provenance_is_written_into_every_layer() -> None:
    viewer = ViewerModel()
    layers = run(viewer, 3.0)
    layers.add_tilt(TiltReady(index=2, angle=-81.0, image=np.ones((12, 16)), synthesized=True))
    layers.show_tilts()
    layers.finish(np.full((len(ANGLES), 12, 16), 5.0, np.float32), {"weights": "base"})
    assert [record_of(layer)["provenance"] for layer in viewer.layers] == [{"weights": "base"}] * 3
    assert np.all(layers.tilts == 5.0)


def test_second_run_reuses_layers_and_a_cancelled_one_gives_them_back() -> None:
    viewer = ViewerModel()
    first = run(viewer, 3.0)
    wbp = first.layer("wbp")
    second = run(viewer, 7.0, previous=first)
    assert second.layer("wbp") is wbp
    assert len(viewer.layers) == 2
    assert np.all(np.asarray(wbp.data) == 7.0)
    second.discard()
    assert np.all(np.asarray(wbp.data) == 3.0)
    assert len(viewer.layers) == 2


def test_names_that_the_user_gave_stay() -> None:
    viewer = ViewerModel()
    first = run(viewer, 3.0)
    wbp, lbn = first.layer("wbp"), first.layer("lbn")
    wbp.name = "mine"
    second = run(viewer, 7.0, previous=first)
    assert (wbp.name, lbn.name) == ("mine", "TS WBP + LBN")
    lbn.name = "mine too"  # while it runs
    second.add_slab(slab("synthesized", 0, 12, 9.0))
    second.finish(np.zeros((len(ANGLES), 12, 16), np.float32), {})
    assert (wbp.name, lbn.name) == ("mine", "mine too")
    run(viewer, 7.0, previous=second).discard()
    assert (wbp.name, lbn.name) == ("mine", "mine too")


def test_the_name_that_a_final_tilts_layer_was_given_by_the_user_stays() -> None:
    viewer = ViewerModel()
    layers = run(viewer, 3.0)
    layers.show_tilts()
    layers.layer("tilts").name = "mine"
    layers.finish(np.zeros((len(ANGLES), 12, 16), np.float32), {})
    assert layers.layer("tilts").name == "mine"


def test_discarded_first_run_leaves_no_layer() -> None:
    viewer = ViewerModel()
    run(viewer, 3.0).discard()
    assert len(viewer.layers) == 0


def test_a_layer_that_the_user_removed_stays_away_until_the_next_run() -> None:
    viewer = ViewerModel()
    layers = run(viewer, 3.0)
    layers.show_tilts()
    for role in ("wbp", "tilts"):
        viewer.layers.remove(layers.layer(role))
    layers.add_slab(slab("measured", 0, 12, 9.0))
    layers.finish(np.zeros((len(ANGLES), 12, 16), np.float32), {})
    assert [layer.name for layer in viewer.layers] == ["TS WBP + LBN"]
    assert np.all(np.asarray(layers.layer("lbn").data) == 9.0 + 6.0)
    layers.forget_removed()
    again = run(viewer, 4.0, previous=layers)
    assert np.all(np.asarray(again.layer("wbp").data) == 4.0)


def test_a_layer_of_the_run_before_that_is_removed_as_one_begins_stays_away() -> None:
    viewer = ViewerModel()
    first = run(viewer, 3.0)
    first.forget_removed()
    viewer.layers.remove(first.layer("wbp"))
    second = run(viewer, 4.0, previous=first)
    assert [layer.name for layer in viewer.layers] == ["TS WBP + LBN"]
    second.discard()
    assert [layer.name for layer in viewer.layers] == ["TS WBP + LBN"]


def test_a_difference_comes_back_when_it_is_asked_for() -> None:
    viewer = ViewerModel()
    layers = run(viewer, 3.0)
    for _ in range(2):
        layers.show_difference()
        viewer.layers.remove(layers.layer("difference"))
    viewer.layers.remove(layers.layer("wbp"))
    layers.show_difference()
    layers.add_slab(slab("measured", 0, 12, 9.0))
    assert [layer.name for layer in viewer.layers] == ["TS WBP + LBN", "TS difference"]


def test_difference_is_what_the_synthesized_tilts_add() -> None:
    layers = run(ViewerModel(), 3.0)
    layers.show_difference()
    assert np.all(np.asarray(layers.layer("difference").data) == 6.0)


@pytest.mark.parametrize("in_memory", [None, 10])
def test_volumes_beyond_the_bound_live_in_a_file(in_memory: int | None) -> None:
    volume = allocate_volume((2, 3, 4), in_memory=in_memory)
    assert isinstance(volume, np.memmap) is (in_memory is not None)
    assert volume.shape == (2, 3, 4)
    assert not volume.any()
    assert volume[:, 1].flags.c_contiguous
    volume[1] = 5
    assert volume.sum() == 60


def test_a_volume_larger_than_the_machines_memory_is_not_asked_for() -> None:
    share = share_of_one_volume(None)
    assert 0 < 2 * share < psutil.virtual_memory().total
    assert share_of_one_volume(4_000) == 1_000
