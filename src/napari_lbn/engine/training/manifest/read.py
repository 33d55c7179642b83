"""The manifest: data sets that trained the paper's network, and those kept apart from it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import Literal

Role = Literal["training", "held-out", "other"]


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """Data sets of the CryoET Data Portal, by number.

    Attributes
    ----------
    name, portal : str
        Of the manifest; address of the portal.
    training, held_out : tuple of int
        Data sets.
    related : tuple of str
        Entries of EMPIAR and EMDB that some of them correspond to.
    """

    name: str
    portal: str
    training: tuple[int, ...]
    held_out: tuple[int, ...]
    related: tuple[str, ...] = ()

    @property
    def datasets(self) -> tuple[int, ...]:
        """All of them, ascending."""
        return tuple(sorted(self.training + self.held_out))

    def role(self, dataset: int) -> Role:
        """What a data set is for; "other" where the manifest does not name it."""
        if dataset in self.held_out:
            return "held-out"
        return "training" if dataset in self.training else "other"


def read_manifest(name: str = "paper") -> Manifest:
    """The manifest of that name that comes with the program."""
    text = (resources.files(__package__) / f"{name}.toml").read_text(encoding="utf-8")
    values = tomllib.loads(text)
    return Manifest(
        name=values["name"],
        portal=values["portal"],
        training=tuple(values["training"]),
        held_out=tuple(values["held_out"]),
        related=tuple(values["related"]),
    )
