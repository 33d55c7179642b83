"""A recipe followed to its end, interrupted, and gone on with."""

from __future__ import annotations

import json
import shutil
import threading
from dataclasses import replace

import numpy as np
import pytest
from safetensors.torch import load_file

from napari_lbn.engine.errors import Cancelled, InputError, LBNError
from napari_lbn.engine.events import Progress, drain
from napari_lbn.engine.io.files.in_use import alone_in
from napari_lbn.engine.io.weights.file import load_network
from napari_lbn.engine.io.weights.info import read_weights_info
from napari_lbn.engine.network import LBN
from napari_lbn.engine.recipe import UNetScored, follow, named_recipes, read_recipe
from napari_lbn.engine.recipe.series import simulation_settings, turn
from napari_lbn.engine.recipe.settings import SpecimensSettings, UNetSettings
from napari_lbn.engine.recipe.tasks import BoxTask
from napari_lbn.engine.recipe.unet_stage import train_unet
from napari_lbn.engine.training.configuration import read_configuration

from .conftest import CONFIG


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


def test_specimens_take_the_fields_in_turn(followed, recipe) -> None:
    folder, _ = followed
    shapes = []
    for path in sorted((folder / "series").glob("*.npz")):
        with np.load(path) as series:
            shapes.append(series["tilts"].shape[1:])
    assert tuple(shapes) == recipe.specimens.fields


def test_kinds_and_fields_change_at_their_own_pace() -> None:
    settings = SpecimensSettings(fields=((32, 32), (32, 48)), kinds=("mixed", "plain", "level"))
    simulation = simulation_settings(settings, validation=False)
    drawn = [turn(simulation, settings, number).specimen for number in range(6)]
    assert len({(one.field, one.beads, one.lean) for one in drawn}) == 6


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
    with pytest.raises(InputError, match=r"specimens.count \(2 there, 3 now\)"):
        drain(follow(replace(recipe, specimens=replace(recipe.specimens, count=3)), folder))


def test_a_recipe_is_followed_by_one_program_at_a_time(followed, recipe) -> None:
    folder, _ = followed
    with alone_in(folder), pytest.raises(InputError, match="works in"):
        drain(follow(recipe, folder))
    assert drain(follow(recipe, folder)) == folder / "tiny.safetensors"


def test_a_folder_from_before_a_setting_had_its_default(followed, recipe, tmp_path) -> None:
    folder = tmp_path / "older"
    shutil.copytree(followed[0], folder)
    record = json.loads((folder / "recipe.json").read_text(encoding="utf-8"))
    del record["specimens"]["kinds"]
    (folder / "recipe.json").write_text(json.dumps(record), encoding="utf-8")
    assert drain(follow(recipe, folder)) == folder / "tiny.safetensors"
    plain = replace(recipe, specimens=replace(recipe.specimens, kinds=("plain",)))
    with pytest.raises(InputError, match="kinds"):
        drain(follow(plain, folder))


def test_where_it_is_followed_may_change_on_the_way(followed, recipe) -> None:
    folder, _ = followed
    elsewhere = replace(
        recipe,
        device="auto",
        specimens=replace(recipe.specimens, workers=3),
        overrides=("data.fresh_workers=8",),
    )
    assert drain(follow(elsewhere, folder)) == folder / "tiny.safetensors"


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
        ("fine.steps='many'", "recipe .*'s fine.steps must be a whole number"),
        ("name='fine'", "cannot be the weights' name"),
        ("name='a/b'", "cannot be the weights' name"),
        ("box.widths=[]", "widths"),
        ("fine.rate=-1", "rate is a positive number"),
        ("fine.weight_decay=nan", "weight_decay"),
        ("seed=-1", "seed"),
        ("specimens.first_seed=1000000", "not all among those that train"),
        ("specimens.fields=[[16, 32]]", "from 32 a side"),
        ("specimens.kinds=[]", "kinds are empty"),
        ('specimens.kinds=["crystals"]', "kinds"),
        ("specimens.fields=[]", "pairs of pixels"),
        ("specimens.fields=[[64, 64, 64]]", "a list of 2"),
    ],
)
def test_recipes_that_cannot_be(override: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_recipe("small", (override,))


def test_a_recipe_file_that_lacks_a_value_is_told_which(tmp_path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text("[fine]\nsteps = 3\n")
    with pytest.raises(InputError, match=r"lacks fine.widths"):
        read_recipe(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"start": "nowhere"}, "nowhere"),
        ({"fine": UNetSettings(widths=(4, 4), steps=1)}, "2 levels does not reach"),
        ({"start": None, "overrides": ("network.image_channels=false",)}, "image channels"),
        ({"start": None, "overrides": ("run.colour=3",)}, "run.colour"),
        ({"specimens": SpecimensSettings(fields=((64, 64), (36, 36)))}, "multiples of 8"),
        ({"specimens": SpecimensSettings(maps=("nowhere",))}, "nowhere"),
        ({"specimens": SpecimensSettings(count=10**6 // 2)}, "GB free"),
        ({"device": "abacus"}, "abacus"),
    ],
)
def test_what_cannot_be_is_told_before_anything_is_made(recipe, changes, message, tmp_path) -> None:
    with pytest.raises(LBNError, match=message):
        drain(follow(replace(recipe, **changes), tmp_path / "made"))
    assert not list(tmp_path.rglob("*.*"))


def test_maps_that_the_split_does_not_name_are_none(recipe, tmp_path) -> None:
    (tmp_path / "maps").mkdir()
    (tmp_path / "maps" / "mine.mrc").touch()
    wanted = replace(recipe, specimens=replace(recipe.specimens, maps=(str(tmp_path / "maps"),)))
    with pytest.raises(InputError, match="maps of the split"):
        drain(follow(wanted, tmp_path / "made"))


def test_weights_of_somebody_else_are_not_taken_for_done(recipe, common, tmp_path) -> None:
    shutil.copy(common, tmp_path / "tiny.safetensors")
    with pytest.raises(InputError, match="no recipe made there"):
        drain(follow(recipe, tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.safetensors"]


@pytest.mark.parametrize(
    "name", ["box/training.pt", "box/validation/series_1000000_0_0.safetensors", "recipe.json"]
)
def test_a_damaged_file_is_named(name, followed, recipe, tmp_path) -> None:
    made = tmp_path / "made"
    shutil.copytree(followed[0], made)
    (made / "tiny.safetensors").unlink()
    damaged = made / name
    damaged.write_bytes(damaged.read_bytes()[:100])
    with pytest.raises(InputError, match=damaged.name):
        drain(follow(recipe, made))


def test_a_training_that_only_makes_it_worse_changes_nothing(followed, tmp_path) -> None:
    folder = followed[0] / "box"
    shutil.copytree(folder, tmp_path / "box", ignore=shutil.ignore_patterns("*.pt"))
    network = LBN(replace(CONFIG, box_widths=(4, 4)))
    before = {key: value.clone() for key, value in network.box.state_dict().items()}
    settings = UNetSettings(widths=(4, 4), steps=3, every=1, rate=1e6)
    stop = threading.Event()
    drain(train_unet(network.box, BoxTask(), settings, tmp_path / "box", seed=0, stop=stop))
    assert all(value.equal(before[key]) for key, value in network.box.state_dict().items())
