"""A procedural cryo-ET specimen: a slab of ice, wider than the field of view, and its content."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from ...device import free_memory
from ...errors import MemoryBoundError
from .beads import Beads
from .crowd import add_cloud, add_granules, add_molecules, add_texture
from .embedded import Sites, add_embedded
from .filaments import add_filaments, add_microtubules
from .grid import Grid, Volume
from .layers import Slab, add_carbon, add_cell, finish_slab, make_slab
from .membranes import add_sheets, add_vesicles
from .settings import INGREDIENTS, SpecimenSettings

if TYPE_CHECKING:
    from collections.abc import Callable

VIEW_STEP = 0.75
"""Distance of neighbouring fields of view on one specimen, in fields of view."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Specimen:
    """A specimen on its grid.

    Attributes
    ----------
    density : ndarray
        ``(z, x, y)`` float32; vitreous ice is 1, vacuum 0, dense is positive.
    grid : Grid
        Voxels, `oversampling` times finer than the tilt pixels.
    pixel_size : float
        Tilt pixel size, Å.
    thickness : float
        Mean thickness of the ice, tilt pixels.
    beads : Beads
        Gold beads; the density holds them too, but not all that they absorb.
    view_centres : tuple of float
        Centre of each field of view along x, tilt pixels from the specimen's centre.
    ingredients : tuple of str
        What this specimen holds.
    ice : float
        Tilt pixels of ice that absorb beside the density: a given volume's is none of it.
    """

    density: Volume
    grid: Grid
    settings: SpecimenSettings
    pixel_size: float
    thickness: float
    beads: Beads
    view_centres: tuple[float, ...]
    ingredients: tuple[str, ...]
    ice: float = 0.0


def view_half_width(settings: SpecimenSettings, thickness: float) -> float:
    """Half width in tilt pixels that rays through the field reach at the largest tilt."""
    angle = np.deg2rad(settings.max_angle)
    detector = settings.field[1] / 2 + settings.margin
    return float((detector + thickness / 2 * np.sin(angle)) / np.cos(angle))


def make_specimen(settings: SpecimenSettings, seed: int) -> Specimen:
    """Draw a specimen; the same settings and seed give the same specimen.

    Parameters
    ----------
    settings : SpecimenSettings
        Sizes and ingredients.
    seed : int
        Not negative. Ingredients have independent streams of it.
    """
    rngs = _streams(seed)
    draw = rngs["size"]
    pixel_size = float(np.exp(draw.uniform(*np.log(settings.pixel_size))))
    thickness = _draw_thickness(settings, pixel_size, draw)
    if thickness > settings.coarse_beyond:
        settings = replace(settings, oversampling=1)
    # Surfaces wander and a gradient thickens one side: leave room above the mean thickness.
    depth = 2 + thickness * (1 + settings.gradient / 2 + 2 * settings.roughness)
    lean = np.deg2rad(np.abs(settings.lean).max())
    depth += (settings.field[0] + 2 * settings.margin) * np.tan(lean)
    centres = (np.arange(settings.views) - (settings.views - 1) / 2) * VIEW_STEP
    centres = np.rint(centres * settings.field[1])
    half_width = view_half_width(settings, depth) + float(np.abs(centres).max())
    fine = settings.oversampling
    grid = Grid(
        nz=fine * int(np.ceil(depth)),
        nx=fine * 2 * int(np.ceil(half_width)),
        ny=fine * (settings.field[0] + 2 * settings.margin),
        spacing=pixel_size / 10 / fine,
    )
    _require_memory(grid)
    slab = make_slab(grid, thickness * pixel_size / 10, settings, rngs)
    density, beads, held = _fill(grid, slab, settings, rngs)
    return Specimen(
        density=density,
        grid=grid,
        settings=settings,
        pixel_size=pixel_size,
        thickness=float(2 * slab.half.mean()) / (pixel_size / 10),
        beads=beads,
        view_centres=tuple(float(c) for c in centres),
        ingredients=held,
    )


def _require_memory(grid: Grid) -> None:
    """Refuse a specimen whose density alone does not fit."""
    needed, free = 4 * grid.nz * grid.nx * grid.ny, free_memory("cpu")
    if needed > free:
        raise MemoryBoundError(
            f"A specimen of {grid.nz} × {grid.ny} × {grid.nx} voxels (z, y, x) takes "
            f"{needed / 1e9:.3g} GB, and {free / 1e9:.3g} GB are free.",
            "Take fewer or larger pixels, a thinner slab, or less steep tilts.",
        )


def _draw_thickness(
    settings: SpecimenSettings, pixel_size: float, rng: np.random.Generator
) -> float:
    """In tilt pixels."""
    if settings.thickness_nm is None:
        return float(rng.uniform(*settings.thickness))
    thickness = np.exp(rng.uniform(*np.log(settings.thickness_nm))) / (pixel_size / 10)
    return float(np.clip(thickness, *settings.thickness))


def _streams(seed: int) -> dict[str, np.random.Generator]:
    """A random stream for each ingredient, none depending on another being drawn."""
    names = ("size", "slab", "choice", *INGREDIENTS)
    return {name: np.random.default_rng([seed, index]) for index, name in enumerate(names)}


def _fill(
    grid: Grid, slab: Slab, settings: SpecimenSettings, rngs: dict[str, np.random.Generator]
) -> tuple[Volume, Beads, tuple[str, ...]]:
    """Add every ingredient that this specimen drew; density above ice until the slab is cut."""
    chance = dict(zip(INGREDIENTS, rngs["choice"].random(len(INGREDIENTS)), strict=True))
    held = [name for name in INGREDIENTS[1:] if chance[name] < getattr(settings, name)]
    if slab.cell is not None:
        held.insert(0, "cell")
    density, sites = np.zeros(grid.shape, np.float32), Sites()
    dissolved: dict[str, Callable[[np.random.Generator], None]] = {
        "cell": lambda rng: add_cell(density, grid, slab, sites, rng),
        "cloud": lambda rng: add_cloud(density, grid, slab, rng),
        "texture": lambda rng: add_texture(density, grid, slab, rng),
        "molecules": lambda rng: add_molecules(density, grid, slab, rng, settings.maps),
        "vesicles": lambda rng: add_vesicles(density, grid, sites, rng),
        "sheets": lambda rng: add_sheets(density, grid, sites, rng),
        "filaments": lambda rng: add_filaments(density, grid, rng),
        "microtubules": lambda rng: add_microtubules(density, grid, rng),
        "granules": lambda rng: add_granules(density, grid, slab, rng),
        "embedded": lambda rng: add_embedded(density, grid, sites, rng, settings.membrane_maps),
    }
    for name, add in dissolved.items():
        if name in held:
            add(rngs[name])
    finish_slab(density, grid, slab)
    if "carbon" in held:
        add_carbon(density, grid, slab, rngs["carbon"])
    beads = Beads.none()
    if "beads" in held:
        beads = Beads.draw(grid, slab, rngs["beads"])
        beads.add_to(density)
    return density, beads, tuple(held)
