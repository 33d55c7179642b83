"""A recipe followed to its end, interrupted, and gone on with."""

from __future__ import annotations

import shutil
import threading
from dataclasses import replace

import numpy as np
import pytest
from safetensors.torch import load_file

from napari_lbn.engine.errors import Cancelled, InputError
from napari_lbn.engine.events import Progress, drain
from napari_lbn.engine.io.weights import load_network, read_weights_info
from napari_lbn.engine.recipe import UNetScored, follow, named_recipes, read_recipe
from napari_lbn.engine.training.configuration import read_configuration


def test_weights_come_with_both_unets_and_what_they_stood_on(followed, common, recipe) -> None:
    folder, _ = followed
    info = read_weights_info(folder / "tiny.safetensors")
    network = load_network(info)
    assert network.config.fine_widths == recipe.fine.widths
    assert network.config.box_widths == recipe.box.widths
    assert info.pixel_sizes == (9.0, 21.0)
    made, before = load_file(folder / "tiny.safetensors"), load_file(common)
    assert all(made[key].equal(before[key]) for key in before)
    assert any(made[key].abs().max() > 0 for key in made if key.startswith("fine.last"))
    assert any(made[key].abs().max() > 0 for key in made if key.startswith("box.last"))


def test_progress_never_goes_back_and_every_validation_is_told(followed, recipe) -> None:
    _, events = followed
    fractions = [e.fraction for e in events if isinstance(e, Progress)]
    assert np.all(np.diff(fractions) >= 0)
    assert fractions[-1] == pytest.approx(1.0)
    scored = [e for e in events if isinstance(e, UNetScored)]
    assert [(e.name, e.step) for e in scored] == [
        ("details", 0),
        ("details", 3),
        ("details", 6),
        ("box", 0),
        ("box", 2),
        ("box", 4),
    ]
    assert all(np.isfinite(e.validation) for e in scored)
    assert all((e.loss is None) == (e.step == 0) for e in scored)


def test_what_is_done_is_not_done_again(followed, recipe, tmp_path) -> None:
    folder, _ = followed
    events: list = []
    assert drain(follow(recipe, folder), events.append) == folder / "tiny.safetensors"
    assert not events


@pytest.mark.parametrize("stage", ["Training (details)", "Latent volumes (box, series)"])
def test_an_interrupted_recipe_ends_at_the_same_weights(stage, followed, recipe, tmp_path) -> None:
    """To the bit, on a CPU; what was drawn before stays."""
    folder, _ = followed
    shutil.copytree(folder / "series", tmp_path / "series")
    shutil.copytree(folder / "validation", tmp_path / "validation")
    stop = threading.Event()

    def interrupt(event: object) -> None:
        if isinstance(event, Progress) and event.stage == stage:
            stop.set()

    with pytest.raises(Cancelled):
        drain(follow(recipe, tmp_path, stop=stop), interrupt)
    assert not (tmp_path / "tiny.safetensors").exists()
    drain(follow(recipe, tmp_path))
    one, other = (load_file(f / "tiny.safetensors") for f in (folder, tmp_path))
    assert one.keys() == other.keys()
    assert all(one[key].equal(other[key]) for key in one)


def test_a_folder_of_another_recipe_is_refused(followed, recipe) -> None:
    folder, _ = followed
    with pytest.raises(InputError, match="seed"):
        drain(follow(replace(recipe, seed=1), folder))
    drain(follow(replace(recipe, device="auto"), folder))  # may change on the way


def test_the_common_part_is_trained_where_none_is_given(recipe, tmp_path) -> None:
    """The stage of `napari-lbn train`, here on a folder of series, and stopped right after it."""
    from napari_lbn.engine.recipe.series import write_series

    drawn = tmp_path / "drawn"
    list(write_series(drawn, recipe.specimens, validation=False, stop=threading.Event()))
    small = (
        "data.fresh=0",
        "initialise=random",
        f"data.simulated='{drawn}'",
        "run.epochs=1",
        "run.steps_per_epoch=1",
        "network.widths=[8, 8, 16, 16, 16]",
        "network.unet_widths=[8, 8, 8, 8]",
    )
    wanted = replace(recipe, start=None, overrides=small)
    stop = threading.Event()

    def interrupt(event: object) -> None:
        if isinstance(event, Progress) and event.stage.startswith("Simulating"):
            stop.set()

    with pytest.raises(Cancelled):
        drain(follow(wanted, tmp_path / "made", stop=stop), interrupt)
    info = read_weights_info(tmp_path / "made" / "common.safetensors")
    assert load_network(info).config.widths == (8, 8, 16, 16, 16)


@pytest.mark.parametrize("name", named_recipes())
def test_recipes_of_the_program_can_be_read(name: str) -> None:
    found = read_recipe(name)
    assert found.name == name
    if found.start is None:
        assert read_configuration(found.configuration, found.overrides).network.image_channels


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("specimens.count=0", "from 1"),
        ("specimens.colour=3", "has no specimens.colour"),
        ("fine.steps='many'", "fine.steps must be of type int"),
        ("name='fine'", "cannot be the weights' name"),
        ("name='a/b'", "cannot be the weights' name"),
        ("box.widths=[]", "widths"),
    ],
)
def test_recipes_that_cannot_be(override: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_recipe("small", (override,))


def test_missing_maps_are_named(recipe, tmp_path) -> None:
    wanted = replace(recipe, specimens=replace(recipe.specimens, maps=("nowhere",)))
    with pytest.raises(InputError, match="nowhere"):
        drain(follow(wanted, tmp_path))
