"""A recipe that takes seconds: a tiny common part, two specimens, a few steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from napari_lbn.engine.events import drain
from napari_lbn.engine.io.weights.file import save_weights
from napari_lbn.engine.network import LBN, LBNConfig
from napari_lbn.engine.recipe import Recipe, follow
from napari_lbn.engine.recipe.settings import SpecimensSettings, UNetSettings

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = LBNConfig(widths=(8, 8, 16, 16, 16), unet_widths=(8, 8, 8, 8), coarse_updates=1)


@pytest.fixture(scope="session")
def common(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights without the small UNets."""
    torch.manual_seed(0)
    network = LBN(CONFIG)
    path = tmp_path_factory.mktemp("common") / "plain.safetensors"
    save_weights(path, network, name="plain", pixel_sizes=(9.0, 21.0), summary={})
    return path


@pytest.fixture(scope="session")
def recipe(common: Path) -> Recipe:
    """Everything as small as it can be."""
    return Recipe(
        name="tiny",
        start=str(common),
        specimens=SpecimensSettings(
            count=2, views=1, fields=((32, 32), (32, 48)), validation=1, variants=1
        ),
        fine=UNetSettings(widths=(4, 4, 4), steps=6, every=3),
        box=UNetSettings(widths=(4, 4), steps=4, every=2, batch=2),
        device="cpu",
    )


@pytest.fixture(scope="session")
def followed(recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list]:
    """A folder where the recipe was followed to its end, and the events of that."""
    folder = tmp_path_factory.mktemp("followed")
    events: list = []
    drain(follow(recipe, folder, stop=None), events.append)
    return folder, events
