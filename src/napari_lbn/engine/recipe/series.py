"""Simulated series of a recipe, and volumes of them: files that exist are kept."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from safetensors.torch import save_file

from ..errors import InputError
from ..events import raise_if_cancelled
from ..io.output import atomic_path, ensure_folder
from ..simulation.dataset import VALIDATION_SEEDS, training_settings, write_training_set
from ..training.splits import density_maps
from ..training.stream import spare_processes
from .view import View, measured, usual
from .volumes import drawn_depth, pair

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..events import CancelToken
    from ..network import LBN
    from ..simulation.series import SimulationSettings
    from ..training.splits import Use
    from .settings import SpecimensSettings


@dataclass(frozen=True, kw_only=True)
class Made:
    """How many files of a stage there are."""

    done: int
    total: int


def write_series(
    folder: Path, settings: SpecimensSettings, *, validation: bool, stop: CancelToken
) -> Iterator[Made]:
    """Simulate the series that train, or those that say when to stop.

    Raises
    ------
    Cancelled
        `stop` is set; whole specimens are kept.
    """
    simulation = _simulation(settings, validation=validation)
    views = simulation.specimen.views
    count = settings.validation if validation else settings.count
    first = VALIDATION_SEEDS.start if validation else settings.first_seed
    seeds = range(first, first + -(-count // views))
    ensure_folder(folder)
    missing = [s for s in seeds if len(list(folder.glob(f"series_{s:07d}_*.npz"))) < views]
    total, done = len(seeds), len(seeds) - len(missing)
    with spare_processes(settings.workers) as executor:
        futures = [executor.submit(_write, folder, simulation, seed) for seed in missing]
        try:
            for future in futures:
                raise_if_cancelled(stop)
                future.result()
                done += 1
                yield Made(done=done, total=total)
        finally:
            for future in futures:
                future.cancel()


def write_volumes(
    network: LBN, series: Path, folder: Path, *, variants: int, complete: bool, stop: CancelToken
) -> Iterator[Made]:
    """Latent volumes of all series of a folder beside the truth.

    Parameters
    ----------
    network : LBN
        In evaluation mode.
    series, folder : Path
        Of `write_series`, and where to.
    variants : int
        Of each series; 0 for one that is measured as `view.usual` has it.
    complete : bool
        For the UNet of the box, instead of that of details.
    stop : CancelToken
        Once set, no further one is made.
    """
    ensure_folder(folder)
    jobs = [
        (path, folder / f"{path.stem}_{variant}.safetensors", variant)
        for path in sorted(series.glob("*.npz"))
        for variant in range(max(variants, 1))
    ]
    for done, (path, target, variant) in enumerate(jobs, start=1):
        raise_if_cancelled(stop)
        if not target.exists():
            _, seed, number = path.stem.split("_")
            rng = np.random.default_rng((int(seed), int(number), variant))
            view = View.read(path)
            seen = (measured if variants else usual)(view, rng)
            depth = drawn_depth(view, rng)
            made = pair(network, view, seen, depth, complete=complete)
            with atomic_path(target) as temporary:
                save_file(made.box() if complete else made.details(), temporary)
        yield Made(done=done, total=len(jobs))


def _simulation(settings: SpecimensSettings, *, validation: bool) -> SimulationSettings:
    use: Use = "choose" if validation else "train"
    folders = tuple(map(_existing, settings.maps))
    maps = density_maps(folders, use) if folders else ()
    membrane_maps = density_maps(folders, use, membrane=True) if folders else ()
    simulation = training_settings(
        maps=maps, membrane_maps=membrane_maps, views=1 if validation else settings.views
    )
    return replace(simulation, specimen=replace(simulation.specimen, field=settings.field))


def _existing(folder: str) -> Path:
    path = Path(folder)
    if not path.is_dir():
        raise InputError(f"{folder}: there is no such folder of density maps.")
    return path


def _write(folder: Path, simulation: SimulationSettings, seed: int) -> None:
    """All views of a specimen."""
    views = simulation.specimen.views
    for _ in write_training_set(folder, views, simulation, seed, truth="box"):
        pass
