"""Kinds of specimens that training sets hold beside each other."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    from .series import SimulationSettings

Kind = Literal["mixed", "plain", "level"]
"""All ingredients; crowded plain ice; the same, its surfaces level and the stage not pre-tilted."""
KINDS: tuple[Kind, ...] = get_args(Kind)
PLAIN_THICKNESS = (30.0, 90.0)
"""Tilt pixels."""
IN_PLAIN_ICE = ("molecules", "vesicles", "filaments")
NOT_IN_PLAIN_ICE = ("cell", "cloud", "sheets", "granules", "beads", "carbon")


def of_kind(settings: SimulationSettings, kind: Kind) -> SimulationSettings:
    """The same simulation of another kind of specimens.

    Parameters
    ----------
    settings : SimulationSettings
        Of kind "mixed".
    kind : str
        One of `KINDS`. A slab's surfaces lie in the missing wedge where they are level: where
        they are is then all but a guess, which is learned like everything else.
    """
    if kind == "mixed":
        return settings
    chances: dict[str, Any] = dict.fromkeys(IN_PLAIN_ICE, 1.0)
    chances |= dict.fromkeys(NOT_IN_PLAIN_ICE, 0.0)
    specimen = replace(settings.specimen, thickness=PLAIN_THICKNESS, **chances)
    if kind == "plain":
        return replace(settings, specimen=specimen)
    level = replace(settings.microscope, pre_tilt=(0.0, 0.0))
    return replace(settings, specimen=replace(specimen, lean=(0.0, 0.0)), microscope=level)
