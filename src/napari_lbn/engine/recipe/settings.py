"""What a recipe says: which specimens, which network, how long."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import InputError
from ..simulation.dataset import TRAINING_SEEDS
from ..simulation.kinds import KINDS, Kind
from ..toml_settings import build, named, read_values

FOLDER = Path(__file__).parent / "recipes"
TAKEN = ("common", "fine")
"""Names of weights on the way."""
NAME = re.compile(r"\w[\w .+-]{0,79}")
LEAST_FIELD = 32
"""Pixels: less leaves next to nothing within the edges that do not count."""


@dataclass(frozen=True, kw_only=True)
class SpecimensSettings:
    """Simulated specimens that train the UNets of details and of the box, beside the truth.

    Attributes
    ----------
    count : int
        Tilt series.
    views : int
        Fields of view on one specimen.
    fields : tuple of tuple of int
        ``(y, x)`` pixels of the views; specimens take them in turn. Real views are wide, and a
        wide one shows another part of what a steep tilt looks through.
    kinds : tuple of str
        Of `simulation.kinds`; specimens take them in turn as well.
    validation : int
        Series of other seeds, which say when to stop.
    maps : tuple of str
        Folders of density maps, beside procedural shapes: those that `training.splits` gives to
        training, and for the validation those that choose.
    variants : int
        Of each series: other ranges, gaps and noise.
    workers : int
        Processes that draw them; 0 draws them here.
    first_seed : int
        Of the specimens, counted up; among `TRAINING_SEEDS`.
    """

    count: int = 600
    views: int = 2
    fields: tuple[tuple[int, int], ...] = ((128, 128),)
    kinds: tuple[Kind, ...] = ("mixed",)
    validation: int = 8
    maps: tuple[str, ...] = ()
    variants: int = 2
    workers: int = 0
    first_seed: int = 60_000

    def __post_init__(self) -> None:
        sides = [side for field in self.fields for side in field]
        counts = (self.count, self.views, self.validation, self.variants, *sides)
        if min(counts) < 1 or self.workers < 0:
            raise InputError("A recipe's numbers of series, views, variants and pixels are from 1.")
        if not sides or min(sides) < LEAST_FIELD or any(len(field) != 2 for field in self.fields):
            raise InputError(
                f"A recipe's specimens.fields are pairs of pixels, from {LEAST_FIELD} a side.",
                "Write them like [[128, 128], [96, 384]].",
            )
        if not self.kinds:
            raise InputError("A recipe's specimens.kinds are empty.", f"Take {', '.join(KINDS)}.")
        last = self.first_seed - (-self.count // self.views) - 1
        if self.first_seed not in TRAINING_SEEDS or last not in TRAINING_SEEDS:
            raise InputError(
                f"A recipe's seeds {self.first_seed} to {last} are not all among those that train.",
                f"Take specimens.first_seed and specimens.count so that they stay below "
                f"{TRAINING_SEEDS.stop}.",
            )


@dataclass(frozen=True, kw_only=True)
class UNetSettings:
    """Training of one of the small UNets.

    Attributes
    ----------
    widths : tuple of int
        Channels of its levels; used where the start has no such UNet yet.
    steps : int
        In all.
    batch : int
        Volumes a step.
    every : int
        Steps between validations; the state that validates best is kept.
    rate : float
        Learning rate of AdamW at its highest; after a warm-up it falls as a cosine.
    weight_decay : float
        Of AdamW.
    """

    widths: tuple[int, ...]
    steps: int
    batch: int = 1
    every: int = 1000
    rate: float = 1e-3
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        if not self.widths or min(*self.widths, self.steps, self.batch, self.every) < 1:
            raise InputError("A UNet has widths, steps, a batch and an interval, each from 1 up.")
        if not (math.isfinite(self.rate) and self.rate > 0):
            raise InputError(f"A UNet's rate is a positive number, not {self.rate}.")
        if not (math.isfinite(self.weight_decay) and self.weight_decay >= 0):
            raise InputError(f"A UNet's weight_decay is a number from 0, not {self.weight_decay}.")


def _fine() -> UNetSettings:
    return UNetSettings(widths=(16, 48, 96), steps=60_000, every=2000)


def _box() -> UNetSettings:
    return UNetSettings(widths=(24, 48, 64), steps=3000, batch=2, every=300, weight_decay=0.02)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that defines weights like the bundled ones.

    Attributes
    ----------
    name : str
        Of the weights.
    start : str or None
        Weights, by name, file or address, instead of the first stage.
    configuration : str
        Of the first stage: as `napari-lbn train --configuration`.
    overrides : tuple of str
        Values of it, like ``run.epochs=2``.
    specimens, fine, box
        Of the stages after it.
    device : str
        "auto" takes the fastest.
    seed : int
        Of what is drawn while the UNets train.
    """

    name: str = "base"
    start: str | None = None
    configuration: str = "bundled"
    overrides: tuple[str, ...] = ()
    specimens: SpecimensSettings = field(default_factory=SpecimensSettings)
    fine: UNetSettings = field(default_factory=_fine)
    box: UNetSettings = field(default_factory=_box)
    device: str = "auto"
    seed: int = 0

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name) or self.name.lower() in TAKEN:
            raise InputError(
                f"{self.name!r} cannot be the weights' name.",
                f"Take letters and digits, and neither of {', '.join(TAKEN)}.",
            )
        if self.seed not in range(2**63):
            raise InputError(f"A recipe's seed is a whole number from 0, not {self.seed}.")


def named_recipes() -> list[str]:
    """Names of the recipes that come with the program."""
    return named(FOLDER)


def read_recipe(name: str | Path, overrides: tuple[str, ...] = ()) -> Recipe:
    """A recipe by name or file, some of its values overridden.

    Parameters
    ----------
    name : str or Path
        One of `named_recipes`, or a TOML file.
    overrides : tuple of str
        Like ``specimens.count=20``.

    Raises
    ------
    InputError
        No such recipe, or a key or a value that cannot be.
    """
    return build(Recipe, read_values(name, FOLDER, "recipe", overrides), f"recipe {name}")
