"""Simulated series of a recipe, and volumes of them: files that exist are kept."""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, wait
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from safetensors.torch import save

from ..errors import InputError
from ..events import raise_if_cancelled
from ..io import atomic_path, ensure_folder
from ..io.files.atomic import output_errors
from ..simulation.dataset import VALIDATION_SEEDS, training_settings, write_training_set
from ..simulation.kinds import of_kind
from ..training.examples.stream import spare_processes
from ..training.splits import density_maps
from .view import View, measured, readable, usual
from .volumes import drawn_depth, pair

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

    from ..events import CancelToken
    from ..network import LBN
    from ..simulation.series import SimulationSettings
    from ..training.splits import Use
    from .settings import SpecimensSettings

PIXEL_SIZES = (9.0, 21.0)
"""Å; of the bundled weights."""


@dataclass(frozen=True, kw_only=True)
class Made:
    """How many files of a stage there are."""

    done: int
    total: int


def write_series(
    folder: Path,
    settings: SpecimensSettings,
    *,
    validation: bool,
    stop: CancelToken,
    pixel_sizes: tuple[float, float] = PIXEL_SIZES,
) -> Iterator[Made]:
    """Simulate the series that train, or those that say when to stop.

    Parameters
    ----------
    folder : Path
        Made if absent.
    settings : SpecimensSettings
        Which.
    validation : bool
        Those that say when to stop.
    stop : CancelToken
        Once set, no further specimen is begun.
    pixel_sizes : tuple of float
        Å; smallest and largest.

    Raises
    ------
    InputError
        No density maps of the split, or a process that draws was ended.
    Cancelled
        `stop` is set; whole specimens are kept.
    OutputError
        The disk is full or read-only.
    """
    simulation = simulation_settings(settings, validation=validation, pixel_sizes=pixel_sizes)
    views = simulation.specimen.views
    count = settings.validation if validation else settings.count
    first = VALIDATION_SEEDS.start if validation else settings.first_seed
    seeds = range(first, first + -(-count // views))
    ensure_folder(folder)
    missing = [s for s in seeds if len(list(folder.glob(f"series_{s:07d}_*.npz"))) < views]
    done = len(seeds) - len(missing)
    wanted = [(turn(simulation, settings, s - first), s) for s in missing]
    for _ in _drawn(folder, wanted, settings.workers, stop):
        done += 1
        yield Made(done=done, total=len(seeds))


def turn(
    simulation: SimulationSettings, settings: SpecimensSettings, number: int
) -> SimulationSettings:
    """The simulation of a specimen: with the kind and the field of view whose turn it is."""
    kind = settings.kinds[number % len(settings.kinds)]
    field = settings.fields[number % len(settings.fields)]
    drawn = of_kind(simulation, kind)
    return replace(drawn, specimen=replace(drawn.specimen, field=field))


def _drawn(
    folder: Path, wanted: list[tuple[SimulationSettings, int]], workers: int, stop: CancelToken
) -> Iterator[None]:
    """Draw specimens, as many at a time as there are processes, so that few hold up an end."""
    if not wanted:
        return
    left = iter(wanted)
    with spare_processes(workers) as executor:

        def more(number: int) -> set[Future[None]]:
            raise_if_cancelled(stop)
            return {executor.submit(_write, folder, *which) for which in islice(left, number)}

        try:
            running = more(max(workers, 1))
            while running:
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    future.result()
                    yield
                running |= more(len(finished))
        except BrokenExecutor as error:
            raise_if_cancelled(stop)  # told to end together with this process
            raise InputError(
                "A process that simulates specimens was ended, perhaps for want of memory.",
                "The same command goes on; take fewer: --set specimens.workers=1.",
            ) from error


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
        for path in sorted(series.glob("series_*.npz"))
        for variant in range(max(variants, 1))
    ]
    for done, (path, target, variant) in enumerate(jobs, start=1):
        raise_if_cancelled(stop)
        if not target.exists():
            _, seed, number = path.stem.split("_")
            rng = np.random.default_rng((int(seed), int(number), variant))
            with readable(path):
                view = View.read(path)
            seen = (measured if variants else usual)(view, rng)
            depth = drawn_depth(view, rng)
            made = pair(network, view, seen, depth, complete=complete)
            with atomic_path(target) as temporary:
                temporary.write_bytes(save(made.box() if complete else made.details()))
        yield Made(done=done, total=len(jobs))


def simulation_settings(
    settings: SpecimensSettings,
    *,
    validation: bool,
    pixel_sizes: tuple[float, float] = PIXEL_SIZES,
) -> SimulationSettings:
    """How specimens are drawn and imaged; see `write_series`.

    Raises
    ------
    InputError
        A folder of density maps that is not there, or none of this use in them.
    """
    use: Use = "choose" if validation else "train"
    folders = tuple(map(_existing, settings.maps))
    maps, membrane_maps = _maps(folders, use) if folders else ((), ())
    return training_settings(
        pixel_sizes=pixel_sizes,
        maps=maps,
        membrane_maps=membrane_maps,
        views=1 if validation else settings.views,
    )


def _maps(folders: tuple[Path, ...], use: Use) -> tuple[tuple[Path, ...], tuple[Path, ...]]:
    """Of proteins in water, and in membranes."""
    try:
        return density_maps(folders, use), density_maps(folders, use, membrane=True)
    except InputError as error:
        raise InputError(
            error.message, "Name folders with maps of the split, or leave out specimens.maps."
        ) from error


def _existing(folder: str) -> Path:
    path = Path(folder).expanduser()
    if not path.is_dir():
        raise InputError(f"{folder}: there is no such folder of density maps.")
    return path


def _write(folder: Path, simulation: SimulationSettings, seed: int) -> None:
    """All views of a specimen."""
    views = simulation.specimen.views
    with output_errors(folder / f"series_{seed:07d}.npz"):
        for _ in write_training_set(folder, views, simulation, seed, truth="box"):
            pass
