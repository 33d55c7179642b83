"""The recipe that a folder was begun with, and what is checked before anything is made."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

from ..errors import InputError, LBNError
from ..io import atomic_path, check_free_space, ensure_folder
from ..io.weights.find import weights_info
from ..io.weights.info import SUFFIX
from ..network import LBNConfig
from ..training.configuration import read_configuration
from .series import simulation_settings
from .settings import Recipe

if TYPE_CHECKING:
    from pathlib import Path

RECORD = "recipe.json"
ELSEWHERE = ("device", "specimens.workers")
"""May differ from one part of the work to the next: they say where it is done."""
WORKERS = "data.fresh_workers"
"""So may this one of the first stage's overrides."""
SERIES_BYTES, VOLUME_BYTES = 340, 260
"""Of a simulated series, and of its latent volumes, for each pixel of a tilt; about."""


def begin(recipe: Recipe, folder: Path) -> None:
    """Make the folder and keep the recipe in it, or compare it with the one there.

    Raises
    ------
    InputError, WeightsError
        The recipe cannot be followed, so that nobody learns it after the first night; the
        folder was begun with another one, or holds weights that no recipe made there.
    OutputError
        The folder cannot be written to, or is too full.
    """
    record = folder / RECORD
    mine = _plain(recipe)
    if record.is_file():
        _compare(mine, _read(record), folder)
        return
    for name in (recipe.name, "common", "fine"):
        if (folder / f"{name}{SUFFIX}").exists():
            raise InputError(
                f"{folder} holds {name}{SUFFIX} already, which no recipe made there.",
                "Choose another folder.",
            )
    _require_possible(recipe)
    ensure_folder(folder)
    check_free_space(folder, _bytes(recipe))
    with atomic_path(record) as temporary:
        temporary.write_text(json.dumps(mine, indent=2) + "\n", encoding="utf-8")


def grown(config: LBNConfig, recipe: Recipe) -> LBNConfig:
    """A network's configuration with both UNets; those that it has stay as they are.

    Raises
    ------
    InputError
        No image channels, or widths that cannot be.
    """
    if not config.image_channels:
        raise InputError(
            "A network without image channels has no volume of the specimen to correct.",
            "Take network.image_channels=true, or other weights to start from.",
        )
    try:
        return dataclasses.replace(
            config,
            fine_widths=config.fine_widths or recipe.fine.widths,
            box_widths=config.box_widths or recipe.box.widths,
        )
    except LBNError as error:
        raise InputError(f"fine.widths or box.widths: {error.message}", error.remedy) from error


def _require_possible(recipe: Recipe) -> None:
    """The weights or the configuration, the widths, the field, the maps."""
    start = recipe.start
    if start is None:
        configuration = read_configuration(recipe.configuration, recipe.overrides)
        start = configuration.start
        config = configuration.network
    if start is not None:
        config = LBNConfig.from_dict(weights_info(start).config)
    grown(config, recipe)
    for field in recipe.specimens.fields:
        if any(side % config.downsampling for side in field):
            raise InputError(
                f"A recipe's specimens.fields must be multiples of {config.downsampling}, "
                f"not {list(field)}."
            )
    for validation in (False, True):
        simulation_settings(recipe.specimens, validation=validation)


def _bytes(recipe: Recipe) -> int:
    """What all files of the specimens take."""
    specimens = recipe.specimens
    pixels = [rows * columns for rows, columns in specimens.fields]
    many = specimens.count * (SERIES_BYTES + specimens.variants * VOLUME_BYTES)
    few = specimens.validation * (SERIES_BYTES + VOLUME_BYTES)
    return sum(pixels) * (many + few) // len(pixels)


def _read(record: Path) -> dict[str, Any]:
    try:
        found = json.loads(record.read_text(encoding="utf-8"))
        if isinstance(found, dict):
            return found
        raise ValueError("no table")
    except (OSError, ValueError) as error:
        raise InputError(
            f"{record} cannot be read: {error}.",
            "It says which recipe the folder was begun with. Choose another folder.",
        ) from error


def _compare(mine: dict[str, Any], theirs: dict[str, Any], folder: Path) -> None:
    """The same recipe, wherever it is followed."""
    # a setting that is younger than the folder had its default there
    now, then = _values(mine), _values(_plain(Recipe())) | _values(theirs)
    differing = [
        f"{key} ({then.get(key)!r} there, {now.get(key)!r} now)"
        for key in sorted(now.keys() | then.keys())
        if key not in ELSEWHERE and now.get(key) != then.get(key)
    ]
    if differing:
        raise InputError(
            f"{folder} was begun with another recipe: {', '.join(differing)}.",
            "Go on with the same one, or choose another folder.",
        )


def _plain(recipe: Recipe) -> dict[str, Any]:
    """As JSON has it."""
    plain: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(recipe)))
    return plain


def _values(nested: dict[str, Any], where: str = "") -> dict[str, Any]:
    """By dotted name."""
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        name = f"{where}{key}"
        if isinstance(value, dict):
            flat |= _values(value, f"{name}.")
        elif name == "overrides" and isinstance(value, list):
            flat[name] = [v for v in value if not str(v).strip().startswith(WORKERS)]
        else:
            flat[name] = value
    return flat
