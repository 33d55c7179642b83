"""Kinds of specimens of training sets."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_lbn.engine.simulation.dataset import training_settings
from napari_lbn.engine.simulation.kinds import NOT_IN_PLAIN_ICE, of_kind
from napari_lbn.engine.simulation.series import SimulationSettings, draw_imaging
from napari_lbn.engine.simulation.specimens.specimen import Specimen, make_specimen


@pytest.fixture(scope="module")
def small() -> SimulationSettings:
    """Smooth surfaces, so that only a slope moves them."""
    settings = training_settings(views=1)
    specimen = replace(
        settings.specimen, field=(48, 48), oversampling=1, roughness=0.0, gradient=0.0
    )
    return replace(settings, specimen=specimen)


def slope(specimen: Specimen) -> float:
    """Of the ice's lower surface along the tilt axis, in degrees."""
    ice = specimen.density > 0.5
    lowest = np.median(ice.argmax(axis=0), axis=0)
    y = np.arange(lowest.size)
    return float(np.degrees(np.arctan(np.polyfit(y, lowest, 1)[0])))


@pytest.mark.parametrize("seed", [3, 4])
def test_plain_ice_holds_molecules_and_nothing_that_is_left_out(
    small: SimulationSettings, seed: int
) -> None:
    specimen = make_specimen(of_kind(small, "plain").specimen, seed)
    assert {"molecules", "vesicles", "filaments"} <= set(specimen.ingredients)
    assert not set(NOT_IN_PLAIN_ICE) & set(specimen.ingredients)
    assert 29.9 < specimen.thickness < 90.1


def test_level_surfaces_neither_lean_nor_are_pre_tilted(small: SimulationSettings) -> None:
    level, plain = of_kind(small, "level"), of_kind(small, "plain")
    slopes = {
        kind: [abs(slope(make_specimen(settings.specimen, seed))) for seed in (3, 4, 5)]
        for kind, settings in (("level", level), ("plain", plain))
    }
    assert max(slopes["level"]) < 0.5
    assert max(slopes["plain"]) > 1.0
    assert draw_imaging(level, 3, 0)[1].pre_tilt == 0
    assert draw_imaging(plain, 3, 0)[1].pre_tilt != 0


def test_mixed_is_what_was_given(small: SimulationSettings) -> None:
    assert of_kind(small, "mixed") is small
