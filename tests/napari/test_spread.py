"""Layers of a disagreement, and the tomogram masked by it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import mrcfile
import numpy as np
import pytest
from napari.components import ViewerModel

from napari_lbn._napari.angle_text import describe_tilt
from napari_lbn._napari.lazy import BlendedVolume, MaskedVolume, SpreadTilts
from napari_lbn._napari.metadata import KEY, kind_of, record_of
from napari_lbn._napari.results import ResultLayers
from napari_lbn._napari.room import Extent
from napari_lbn._napari.spread import SpreadLayers
from napari_lbn._napari.writer import write_image
from napari_lbn.engine.events import SlabReady

SHAPE = (6, 8, 10)
ANGLES = np.arange(-80.0, 81, 20)
SYNTHESIZED = np.abs(ANGLES) > 50
EXTENT = Extent(
    name="TS",
    angles=ANGLES,
    synthesized=SYNTHESIZED,
    tilt_shape=SHAPE[1:],
    thickness=SHAPE[0],
    pixel_size=10.0,
)


def slab(part: str, volume: np.ndarray) -> SlabReady:
    return SlabReady(part=part, y_start=0, y_stop=volume.shape[1], slab=volume)


@pytest.fixture
def viewer() -> ViewerModel:
    return ViewerModel()


@pytest.fixture
def volumes() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    found = {n: rng.normal(size=SHAPE).astype(np.float32) for n in ("measured", "synthesized")}
    return {**found, "spread": rng.uniform(0, 2, SHAPE).astype(np.float32)}


@pytest.fixture
def tomograms(viewer: ViewerModel, volumes: dict[str, np.ndarray]) -> ResultLayers:
    layers = ResultLayers(viewer, EXTENT)
    layers.add_slab(slab("measured", volumes["measured"]))
    layers.add_slab(slab("synthesized", volumes["synthesized"]))
    return layers


@pytest.fixture
def spread(viewer: ViewerModel, volumes: dict[str, np.ndarray]) -> SpreadLayers:
    return make_spread(viewer, volumes["spread"])


def make_spread(viewer: ViewerModel, volume: np.ndarray, previous: Any = None) -> SpreadLayers:
    layers = SpreadLayers(viewer, EXTENT)
    layers.add_slab(slab("mean", np.full(SHAPE, 99, np.float32)))
    layers.add_slab(slab("relative spread", volume))
    tilts = np.arange(1, 5, dtype=np.float32)[:, None, None] * np.ones(SHAPE[1:], np.float32)
    found = SimpleNamespace(
        spread=tilts, structure=0.5, label="not proof", provenance={"weights": "w"}
    )
    layers.finish(found, previous)
    return layers


def test_names_that_the_user_gave_stay_when_measured_again(
    viewer: ViewerModel, spread: SpreadLayers, volumes: dict[str, np.ndarray]
) -> None:
    spread.current()["spread"].name = "mine"
    again = make_spread(viewer, volumes["spread"], spread)
    third = make_spread(viewer, volumes["spread"], again)
    assert {layer.name for layer in viewer.layers} == {"mine", "TS spread of tilts"}
    assert third.current()["spread"].name == "mine"


def test_measured_tilts_have_no_spread(spread: SpreadLayers) -> None:
    layer = spread.current()["spread tilts"]
    data = np.asarray(layer.data)
    assert data.shape == (9, 1, *SHAPE[1:])
    np.testing.assert_array_equal(data[:, 0, 0, 0], [1, 2, 0, 0, 0, 0, 0, 3, 4])
    assert describe_tilt(layer, 0) == ("−80.0°  spread of the model", True)
    assert describe_tilt(layer, 4) == ("0.0°  measured: no spread", False)


@pytest.mark.parametrize(
    "key",
    [
        np.s_[3],
        np.s_[-1, 0],
        np.s_[1:6],
        np.s_[:, 0, 2:5, 3],
        np.s_[4:4],
        np.s_[..., 2],
        np.s_[7, :, 1],
    ],
)
def test_lazy_spread_of_tilts_is_indexed_like_an_array(key: Any) -> None:
    rng = np.random.default_rng(0)
    lazy = SpreadTilts(rng.normal(size=(4, 8, 10)).astype(np.float32), SYNTHESIZED)
    np.testing.assert_array_equal(lazy[key], np.asarray(lazy)[key])


def test_the_volume_is_a_layer_that_says_what_it_is(
    spread: SpreadLayers, volumes: dict[str, np.ndarray]
) -> None:
    layer = spread.current()["spread"]
    np.testing.assert_array_equal(layer.data, volumes["spread"])
    assert "not proof" in layer.name
    assert kind_of(layer) == "spread"
    assert layer.contrast_limits[0] == 0
    assert tuple(layer.scale) == (10, 10, 10)


def test_shares_and_quantiles_are_of_the_relative_spread(
    spread: SpreadLayers, volumes: dict[str, np.ndarray]
) -> None:
    threshold = spread.quantile(0.75)
    assert spread.share_above(threshold) == pytest.approx(0.25, abs=0.01)
    assert np.mean(volumes["spread"] > threshold) == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize("blank", [True, False])
@pytest.mark.parametrize("alpha", [1.0, 0.3])
def test_a_mask_shows_other_voxels_only_where_the_spread_is_high(
    tomograms: ResultLayers,
    spread: SpreadLayers,
    volumes: dict[str, np.ndarray],
    blank: bool,
    alpha: float,
) -> None:
    tomograms.set_alpha(alpha)
    masked = spread.masked(tomograms, 1.0, blank=blank)
    whole = volumes["measured"] + np.float32(alpha) * volumes["synthesized"]
    high = volumes["spread"] > 1.0
    instead = 0 if blank else volumes["measured"]
    np.testing.assert_allclose(np.asarray(masked), np.where(high, instead, whole), rtol=1e-6)
    np.testing.assert_allclose(masked[:, 3:5], np.asarray(masked)[:, 3:5])


def test_a_mask_is_undone_and_is_never_written(
    tomograms: ResultLayers, spread: SpreadLayers, tmp_path: Any
) -> None:
    layer = tomograms.layer("lbn")
    before, whole = np.asarray(layer.data), layer.data
    limits = tuple(layer.contrast_limits)
    tomograms.show_masked(spread.masked(tomograms, 1.0, blank=True))
    assert isinstance(layer.data, MaskedVolume)
    assert record_of(layer)["masked_above"] == pytest.approx(1.0)
    assert tuple(layer.contrast_limits) == limits
    write_image(str(tmp_path / "out.mrc"), *layer.as_layer_data_tuple()[:2])
    with mrcfile.open(tmp_path / "out.mrc") as mrc:
        np.testing.assert_array_equal(mrc.data, before)
    tomograms.show_masked(None)
    assert layer.data is whole
    assert "masked_above" not in record_of(layer)


def test_a_later_disagreement_takes_the_place_of_the_one_before(
    viewer: ViewerModel, spread: SpreadLayers, volumes: dict[str, np.ndarray]
) -> None:
    later = make_spread(viewer, 2 * volumes["spread"], spread)
    assert spread.current() == {}
    assert len(later.current()) == 2
    assert [kind_of(layer) for layer in viewer.layers] == ["spread tilts", "spread"]


def test_a_tomogram_of_another_size_does_not_fit(
    viewer: ViewerModel, spread: SpreadLayers, tomograms: ResultLayers
) -> None:
    assert spread.fits(tomograms)
    assert not spread.fits(None)
    other = Extent(**{**EXTENT.__dict__, "thickness": 4})
    assert not spread.fits(ResultLayers(viewer, other))


def test_written_spreads_say_what_they_are(spread: SpreadLayers, tmp_path: Any) -> None:
    for role, layer in spread.current().items():
        path = tmp_path / f"{role}.mrc"
        write_image(str(path), *layer.as_layer_data_tuple()[:2])
        with mrcfile.open(path) as mrc:
            assert any("not proof" in line for line in mrc.get_labels())
        assert path.with_suffix(".json").exists()


def test_a_mask_of_nothing_is_the_tomogram() -> None:
    rng = np.random.default_rng(1)
    measured, added = rng.normal(size=(2, *SHAPE)).astype(np.float32)
    blended = BlendedVolume(measured, added, alpha=0.7)
    masked = MaskedVolume(blended, measured, np.zeros(SHAPE, np.float32), threshold=0.0)
    np.testing.assert_array_equal(np.asarray(masked), np.asarray(blended))


def test_metadata_key_is_kept(spread: SpreadLayers) -> None:
    assert spread.current()["spread"].metadata[KEY]["provenance"] == {"weights": "w"}
