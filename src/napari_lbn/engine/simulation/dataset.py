"""Folders of simulated tilt series for training and validation, and their seeds."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError, LBNError
from ..training.splits import USES, density_maps
from .microscope import Imaging, MicroscopeSettings
from .series import (
    SimulatedSeries,
    SimulationSettings,
    clean_tilts,
    draw_imaging,
    image_view,
    simulate_series,
)
from .settings import SpecimenSettings
from .specimen import Specimen, make_specimen

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

__all__ = [
    "SAMPLE_SEED",
    "TRAINING_SEEDS",
    "VALIDATION_SEEDS",
    "SimulatedSeries",
    "SimulationSettings",
    "load_series",
    "save_series",
    "simulate_series",
    "training_settings",
    "write_training_set",
    "write_validation_set",
]

TRAINING_SEEDS = range(1_000_000)
VALIDATION_SEEDS = range(1_000_000, 2_000_000)
SAMPLE_SEED = 2_000_003
"""From 2,000,000 up, seeds belong to embedded samples."""

TRUTH_STEP = 3.0

TRUTHS = ("both", "box")
"""Truths of a training set: of the whole specimen and of the box, or of the box alone."""


def save_series(path: Path, series: SimulatedSeries, **more: NDArray[Any]) -> None:
    """Write one compressed file; tilts as float16 about their means, so precision suffices."""
    mean = series.clean.mean(axis=(1, 2), dtype=np.float64)
    tilts = (series.clean - mean[:, None, None]).astype(np.float16)
    arrays = {
        "tilts": tilts,
        "mean": mean,
        "angles": series.angles,
        "profile": series.profile,
        "exposure": series.exposure,
        "pixel_size": series.pixel_size,
        "metadata": json.dumps(series.metadata),
        **more,
    }
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            np.savez(file, **arrays)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def load_series(path: Path) -> SimulatedSeries:
    """Read a file of `save_series`."""
    with np.load(path) as file:
        return SimulatedSeries(
            angles=file["angles"],
            clean=file["tilts"].astype(np.float32) + file["mean"].astype(np.float32)[:, None, None],
            profile=file["profile"],
            exposure=file["exposure"],
            pixel_size=float(file["pixel_size"]),
            metadata=json.loads(str(file["metadata"])),
        )


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
        Another truth.
    """
    if truth not in (None, *TRUTHS):
        raise InputError(f"{truth!r} is no kind of truth.", f"Use {' or '.join(TRUTHS)}.")
    folder.mkdir(parents=True, exist_ok=True)
    views = settings.specimen.views
    for specimen_index in range(-(-count // views)):
        seed = seed0 + specimen_index
        wanted = range(min(views, count - specimen_index * views))
        paths = {v: folder / f"series_{seed:07d}_{v}.npz" for v in wanted}
        if all(path.exists() for path in paths.values()):
            continue
        specimen = make_specimen(settings.specimen, seed)
        for view, path in paths.items():
            if not path.exists():
                more: dict[str, NDArray[Any]] = {}
                if truth is not None:
                    draw = _truth_box if truth == "box" else _truths
                    more = draw(specimen, settings, seed, view)
                save_series(path, image_view(specimen, settings, seed, view=view), **more)
                yield path


def write_validation_set(
    folder: Path, count: int, settings: SimulationSettings, seed0: int = VALIDATION_SEEDS.start
) -> Iterator[Path]:
    """As `write_training_set`, one view a specimen, with truth at the whole range beside it.

    The truth (keys ``truth``, ``truth_box``, ``truth_angles``) shares the contrast
    transfer of the series' mean defocus and has no misalignment. ``truth`` is the whole
    specimen, ``truth_box`` the reconstruction box alone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(seed0, seed0 + count):
        path = folder / f"series_{seed:07d}_0.npz"
        if path.exists():
            continue
        specimen = make_specimen(settings.specimen, seed)
        series = image_view(specimen, settings, seed, view=0)
        save_series(path, series, **_truths(specimen, settings, seed, 0))
        yield path


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


def main(arguments: Sequence[str] | None = None) -> None:
    """Write a training or validation set from the command line."""
    given = _parser().parse_args(arguments)
    settings = _settings(given)
    seeds = VALIDATION_SEEDS if given.validation else TRAINING_SEEDS
    seed0 = seeds.start if given.seed0 is None else given.seed0
    if seed0 not in seeds or seed0 + given.count - 1 not in seeds:
        raise InputError(f"Seeds {seed0} and up leave the range {seeds} of this kind of set.")
    if given.validation and given.truth == "box":
        raise InputError("A validation set holds both truths.", "Leave out --truth box.")
    if given.validation:
        written = write_validation_set(given.folder, given.count, settings, seed0)
    else:
        written = write_training_set(given.folder, given.count, settings, seed0, truth=given.truth)
    for path in written:
        print(path, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Write simulated tilt series for training.")
    parser.add_argument("folder", type=Path)
    add = parser.add_argument
    add("--count", type=int, default=60, help="series")
    add("--seed0", type=int, default=None, help="first specimen's seed")
    add("--size", type=int, default=128, help="tilt size, pixels")
    add("--width", type=int, default=None, help="tilt size across the axis, if another")
    add("--views", type=int, default=3, help="fields of view on one specimen")
    angles = (-72.0, 72.0, 3.0)
    add("--angles", type=float, nargs=3, default=angles, metavar=("FIRST", "LAST", "STEP"))
    pair = ("LOW", "HIGH")
    add("--pixel-sizes", type=float, nargs=2, default=(9.0, 21.0), metavar=pair, help="Å")
    add("--thickness", type=float, nargs=2, default=(40.0, 100.0), metavar=pair, help="pixels")
    add("--thickness-nm", type=float, nargs=2, metavar=pair, help="nm; --thickness only clips it")
    add("--pre-tilt", type=float, default=0.0, help="largest tilt of the slab itself, degrees")
    add("--lean", type=float, default=0.0, help="largest lean along the tilt axis, degrees")
    add("--maps", type=Path, nargs="+", default=(), help="folders of density maps")
    add("--use", choices=USES, help="only the maps that the committed split gives to this use")
    add(
        "--truth",
        nargs="?",
        const="both",
        choices=TRUTHS,
        help="with truth at the whole range, of the whole specimen and of the reconstruction box "
        "(both), or of the box alone, in less time; training seeds",
    )
    add("--validation", action="store_true", help="with both truths, validation seeds")
    return parser


def _settings(given: argparse.Namespace) -> SimulationSettings:
    first, last, step = given.angles
    maps: tuple[Path, ...] = tuple(given.maps)
    membrane_maps: tuple[Path, ...] = ()
    if given.use is not None:
        maps = density_maps(given.maps, given.use)
        membrane_maps = density_maps(given.maps, given.use, membrane=True)
    specimen = SpecimenSettings(
        field=(given.size, given.width or given.size),
        views=given.views,
        pixel_size=tuple(given.pixel_sizes),
        thickness=tuple(given.thickness),
        thickness_nm=given.thickness_nm and tuple(given.thickness_nm),
        lean=(-given.lean, given.lean),
        maps=maps,
        membrane_maps=membrane_maps,
    )
    return SimulationSettings(
        specimen=specimen,
        microscope=MicroscopeSettings(pre_tilt=(-given.pre_tilt, given.pre_tilt)),
        angles=tuple(float(a) for a in np.arange(first, last + step / 2, step)),
    )


if __name__ == "__main__":
    try:
        main()
    except LBNError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(2)
