"""Folders of simulated tilt series for training and validation, and their seeds."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from ..io import ensure_folder
from .imaging.microscope import Imaging, MicroscopeSettings
from .series import (
    SimulatedSeries,
    SimulationSettings,
    clean_tilts,
    draw_imaging,
    image_view,
)
from .series_files import save_series, settings_of
from .specimens.settings import SpecimenSettings
from .specimens.specimen import Specimen, make_specimen

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

TRAINING_SEEDS = range(1_000_000)
VALIDATION_SEEDS = range(1_000_000, 2_000_000)
SAMPLE_SEED = 2_000_003
"""From 2,000,000 up, seeds belong to embedded samples."""

TRUTH_STEP = 3.0

VALIDATION = "validation"
TRUTHS = ("both", "box")
"""Truths of a training set: of the whole specimen and of the box, or of the box alone."""


def seeds_of_set(count: int, views: int, first: int | None, *, validation: bool) -> range:
    """Seeds of the specimens of one set, which must all be of its kind.

    Parameters
    ----------
    count, views : int
        Series, and series of one specimen.
    first : int, optional
        The kind's first where absent.
    validation : bool
        The kind.

    Raises
    ------
    InputError
        Seeds of another kind.
    """
    kind = VALIDATION_SEEDS if validation else TRAINING_SEEDS
    start = kind.start if first is None else first
    seeds = range(start, start + -(-count // views))
    if seeds[0] not in kind or seeds[-1] not in kind:
        raise InputError(
            f"Specimens of the seeds {seeds[0]} to {seeds[-1]} are not of this kind of set.",
            f"Training sets take seeds from {TRAINING_SEEDS.start} to {TRAINING_SEEDS.stop - 1}, "
            f"validation sets {VALIDATION_SEEDS.start} to {VALIDATION_SEEDS.stop - 1}.",
        )
    return seeds


def training_settings(
    *,
    pixel_sizes: tuple[float, float] = (9.0, 21.0),
    maps: tuple[Path, ...] = (),
    membrane_maps: tuple[Path, ...] = (),
    views: int = 3,
) -> SimulationSettings:
    """What weights are trained on: slabs 60 to 350 nm thick, pre-tilted by up to 10 degrees.

    Parameters
    ----------
    pixel_sizes : tuple of float
        Range in Å.
    maps, membrane_maps : tuple of Path
        Density maps, or folders of them.
    views : int
        Fields of view on one specimen.
    """
    specimen = SpecimenSettings(
        views=views,
        pixel_size=pixel_sizes,
        thickness=(30.0, 230.0),
        thickness_nm=(60.0, 350.0),
        lean=(-4.0, 4.0),
        maps=maps,
        membrane_maps=membrane_maps,
    )
    microscope = MicroscopeSettings(pre_tilt=(-10.0, 10.0))
    return SimulationSettings(specimen=specimen, microscope=microscope)


def write_training_set(
    folder: Path,
    count: int,
    settings: SimulationSettings,
    seed0: int = 0,
    *,
    truth: str | None = None,
) -> Iterator[Path]:
    """Write series until `count` files exist for these seeds; yields each path when written.

    Files ``series_SEED_VIEW.npz``: seeds from `seed0` up, all views of a specimen. Files
    that exist are kept, so an interrupted job goes on where it was. With `truth`, one of
    `TRUTHS`, files hold truth at the whole range too, as those of `write_validation_set`;
    that of the box alone takes a quarter of the time.

    Raises
    ------
    InputError
        Another truth, or a file that is there was made with other settings.
    OutputError
        The folder cannot be written to, or the disk is full.
    """
    if truth not in (None, *TRUTHS):
        raise InputError(f"{truth!r} is no kind of truth.", f"Use {' or '.join(TRUTHS)}.")
    ensure_folder(folder)
    views, key = settings.specimen.views, settings_key(settings, truth)
    for specimen_index in range(-(-count // views)):
        seed = seed0 + specimen_index
        wanted = range(min(views, count - specimen_index * views))
        paths = {v: folder / f"series_{seed:07d}_{v}.npz" for v in wanted}
        missing = {view: path for view, path in paths.items() if _is_missing(path, key)}
        if not missing:
            continue
        specimen = make_specimen(settings.specimen, seed)
        for view, path in missing.items():
            more: dict[str, NDArray[Any]] = {}
            if truth is not None:
                draw = _truth_box if truth == "box" else _truths
                more = draw(specimen, settings, seed, view)
            _save(path, image_view(specimen, settings, seed, view=view), key, more)
            yield path


def write_validation_set(
    folder: Path, count: int, settings: SimulationSettings, seed0: int = VALIDATION_SEEDS.start
) -> Iterator[Path]:
    """As `write_training_set`, one view a specimen, with truth at the whole range beside it.

    The truth (keys ``truth``, ``truth_box``, ``truth_angles``) shares the contrast
    transfer of the series' mean defocus and has no misalignment. ``truth`` is the whole
    specimen, ``truth_box`` the reconstruction box alone.
    """
    ensure_folder(folder)
    key = settings_key(settings, VALIDATION)
    for seed in range(seed0, seed0 + count):
        path = folder / f"series_{seed:07d}_0.npz"
        if not _is_missing(path, key):
            continue
        specimen = make_specimen(settings.specimen, seed)
        series = image_view(specimen, settings, seed, view=0)
        _save(path, series, key, _truths(specimen, settings, seed, 0))
        yield path


def settings_key(settings: SimulationSettings, truth: str | None) -> str:
    """Tells settings apart; density maps by their names, wherever they lie."""
    plain = json.dumps([asdict(settings), truth], default=lambda path: path.name, sort_keys=True)
    return hashlib.sha256(plain.encode()).hexdigest()[:16]


def _is_missing(path: Path, key: str) -> bool:
    """Whether a file has still to be made; one of other settings is refused."""
    if not path.exists():
        return True
    if settings_of(path) not in (None, key):
        raise InputError(
            f"{path} was made with other settings.",
            "Choose another folder, or give the settings that it was made with.",
        )
    return False


def _save(path: Path, series: SimulatedSeries, key: str, more: dict[str, NDArray[Any]]) -> None:
    told = {**series.metadata, "settings": key}
    save_series(path, replace(series, metadata=told), **more)


def _truths(
    specimen: Specimen, settings: SimulationSettings, seed: int, view: int
) -> dict[str, NDArray[Any]]:
    """Arrays ``truth_angles``, ``truth`` and ``truth_box`` of a field of view."""
    angles, imaging = _around(settings, seed, view)
    whole = clean_tilts(specimen, imaging, angles, view=view)
    return {**_truth_box(specimen, settings, seed, view), "truth": whole}


def _truth_box(
    specimen: Specimen, settings: SimulationSettings, seed: int, view: int
) -> dict[str, NDArray[Any]]:
    """Arrays ``truth_angles`` and ``truth_box`` of a field of view."""
    angles, imaging = _around(settings, seed, view)
    box = clean_tilts(specimen, imaging, angles, view=view, box_only=True)
    return {"truth_angles": angles, "truth_box": box}


def _around(
    settings: SimulationSettings, seed: int, view: int
) -> tuple[NDArray[np.float64], Imaging]:
    """Angles around the half circle, and the optics of a field of view there."""
    angles = np.arange(-90 + TRUTH_STEP, 90 + TRUTH_STEP / 2, TRUTH_STEP)
    return angles, draw_imaging(settings, seed, view)[1].still(angles)
