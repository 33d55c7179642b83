from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_lbn.engine.simulation.specimens.beads import Beads
from napari_lbn.engine.simulation.specimens.grid import Grid, add_gaussians
from napari_lbn.engine.simulation.specimens.settings import INGREDIENTS, SpecimenSettings
from napari_lbn.engine.simulation.specimens.specimen import Specimen

SMALL = SpecimenSettings(
    field=(24, 32),
    views=1,
    pixel_size=(12.0, 12.0),
    thickness=(20.0, 20.0),
    max_angle=60.0,
    margin=4,
)


@pytest.fixture
def small() -> SpecimenSettings:
    """Settings of a specimen that takes milliseconds."""
    return SMALL


@pytest.fixture
def plain() -> SpecimenSettings:
    """A flat slab of nothing but ice."""
    return replace(SMALL, gradient=0, roughness=0, **dict.fromkeys(INGREDIENTS, 0.0))


@pytest.fixture
def point_specimen():
    """A specimen of one small Gaussian ball at (z, x, y) tilt pixels from the centre."""

    def make(z: float, x: float, y: float, *, view_centre: float = 0.0) -> Specimen:
        grid = Grid(nz=48, nx=160, ny=2 * (24 + 2 * 4), spacing=0.6)
        density = np.zeros(grid.shape, np.float32)
        middle = (np.array(grid.shape) - 1) / 2
        offset = 2 * np.array([z, x + view_centre, y])
        add_gaussians(density, (middle + offset)[None], sigma=1.6, height=1.0)
        return Specimen(
            density=density,
            grid=grid,
            settings=SMALL,
            pixel_size=12.0,
            thickness=20.0,
            beads=Beads.none(),
            view_centres=(view_centre,),
            ingredients=(),
        )

    return make
