"""An IMOD (Etomo) directory: raw stack, transformations, angles and what ``tilt`` was told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ....alignment.model import Alignment
from ....errors import InputError
from ...angles import read_angles
from ...text_input import path_inside, read_number
from ..files import AlignmentFiles
from .imod_files import (
    decompose,
    numbers_of,
    parse_list,
    read_command_file,
    read_edf,
    read_xf,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

RAW_SUFFIXES = (".st", ".mrc", ".mrcs", ".preali")
COMMAND_FILES = ("newst.com", "tilt.com")
SMALL = 1e-3


def read_imod(path: Path) -> AlignmentFiles:
    """Read the alignment that IMOD left, from any file of its directory or the directory itself.

    Parameters
    ----------
    path : Path
        A folder, ``.edf``, ``.xf``, ``newst.com`` or ``tilt.com``.

    Raises
    ------
    InputError
        A file that is needed is absent or damaged.
    """
    folder = path if path.is_dir() else path.parent
    alone = path.suffix.lower() == ".xf"
    newst, tilt = (_commands(folder, name) for name in COMMAND_FILES)
    edf_path = _edf_file(path, folder)
    edf = {} if edf_path is None else read_edf(edf_path)
    xf = path if alone else _xf_file(folder, newst, edf, path)
    foreign = []
    if newst and not _speaks_of(newst, "TRANSFORMFILE", xf):
        newst, foreign = {}, ["newst.com"]
    if tilt and not _speaks_of(tilt, "TILTFILE", xf):
        tilt, foreign = {}, [*foreign, "tilt.com"]
    if path.name in foreign:
        raise InputError(
            f"{path} speaks of another series than {xf.name}, the one in its folder.",
            "Give the .xf file, or put the files of the series together.",
        )
    transformations = read_xf(xf)
    alignment = _alignment(xf, transformations, _angles(xf, tilt, len(transformations)))
    told = [f"{name} speaks of another series and is not used." for name in foreign]
    alignment = replace(alignment, notes=(*alignment.notes, *told))
    alignment = _with_tilt(alignment, tilt, folder / "tilt.com")
    alignment = _with_newst(alignment, newst, folder / "newst.com")
    if edf and edf_path is not None and not alone:
        alignment = _with_edf(alignment, edf, edf_path)
    return AlignmentFiles(alignment=alignment, stack=_raw_stack(xf, newst))


def _alignment(
    xf: Path, transformations: NDArray[np.float64], angles: NDArray[np.float64]
) -> Alignment:
    rotations, magnifications, told = decompose(transformations, xf)
    return Alignment(
        angles=angles,
        rotations=rotations,
        magnifications=magnifications,
        shifts=transformations[:, 4:],
        sections=np.arange(len(transformations)),
        in_pixels=True,
        source=xf.name,
        notes=tuple(told),
    )


def _commands(folder: Path, name: str) -> dict[str, str]:
    file = folder / name
    return read_command_file(file) if file.is_file() else {}


def _edf_file(path: Path, folder: Path) -> Path | None:
    if path.suffix.lower() == ".edf":
        return path
    found = sorted(folder.glob("*.edf"))
    return found[0] if len(found) == 1 else None


def _xf_file(folder: Path, newst: dict[str, str], edf: dict[str, str], path: Path) -> Path:
    """The transformations that ``newst.com`` or the ``.edf`` speak of, or the only ones."""
    names = [newst["TRANSFORMFILE"]] if newst.get("TRANSFORMFILE") else []
    if edf.get("Setup.DatasetName"):
        names += [f"{edf['Setup.DatasetName']}{axis}.xf" for axis in ("", "a")]
    for name in names:
        file = path_inside(folder, name, path)
        if file.is_file():
            return file
    # IMOD's intermediate transformations have names of their own: TS_fid.xf
    found = [file for file in sorted(folder.glob("*.xf")) if not file.stem.endswith("_fid")]
    if len(found) == 1:
        return found[0]
    if found:
        listed = ", ".join(file.name for file in found[:5])
        raise InputError(f"{folder} holds several alignments: {listed}.", "Choose one of them.")
    raise InputError(
        f"{folder} holds no transformations (.xf), so the series is not aligned yet.",
        "Run the fine alignment, or choose another folder.",
    )


def _speaks_of(entries: dict[str, str], key: str, xf: Path) -> bool:
    """True where a command file belongs to these transformations, judged by the names in it."""
    return Path(entries.get(key, "").strip() or ".").stem == xf.stem


def _angles(xf: Path, tilt: dict[str, str], count: int) -> NDArray[np.float64]:
    """The refined angles beside the transformations, or the raw ones."""
    named = [path_inside(xf.parent, tilt["TILTFILE"], xf)] if tilt.get("TILTFILE") else []
    for file in [*named, xf.with_suffix(".tlt"), xf.with_suffix(".rawtlt")]:
        if file.is_file():
            angles = read_angles(file).angles
            if len(angles) != count:
                raise InputError(
                    f"{file} has {len(angles)} angles, but {xf.name} has {count} transformations.",
                    "Give the files of one series.",
                )
            return angles
    raise InputError(
        f"There is no {xf.stem}.tlt or {xf.stem}.rawtlt beside {xf}.", "Put the angle file there."
    )


def _with_newst(alignment: Alignment, newst: dict[str, str], path: Path) -> Alignment:
    """Size, binning and offset of the aligned stack."""
    binned = (numbers_of(newst, ["IMAGESAREBINNED"], path, 1) or [1.0])[0]
    binning = (numbers_of(newst, ["BINBYFACTOR"], path, 1) or [1.0])[0]
    if not (1 <= binned <= 64 and 1 <= binning <= 64):
        raise InputError(f"{path}: a binning lies outside of 1 to 64.", "Check the file.")
    size = numbers_of(newst, ["SIZETOOUTPUTINXANDY"], path, 2)
    shape = (int(size[1]), int(size[0])) if size and min(size) >= 1 else None
    notes = list(alignment.notes)
    if any(numbers_of(newst, ["OFFSETSINXANDY"], path, 2) or []):
        notes.append("newst.com: OffsetsInXandY is not applied.")
    notes += [f"newst.com: {name} is not applied." for name in _applied_files(newst)]
    return replace(
        alignment,
        shifts=alignment.shifts / binned,
        binning=binning,
        aligned_shape=shape,
        notes=tuple(notes),
    )


def _applied_files(newst: dict[str, str]) -> list[str]:
    return [name for name in ("DISTORTIONFIELD", "GRADIENTFILE") if newst.get(name)]


def _with_tilt(alignment: Alignment, tilt: dict[str, str], path: Path) -> Alignment:
    """Excluded views, OFFSET and SHIFT of ``tilt.com``.

    ``tilt`` moves its slice by SHIFT (x, and up in its own section, which is -z here); the same
    tomogram comes from images moved by ``x cos(angle) - up sin(angle)``.
    """
    listed = [tilt[name] for name in ("EXCLUDELIST", "EXCLUDELIST2", "EXCLUDE") if name in tilt]
    excluded = {view - 1 for text in listed for view in parse_list(text, path)}
    offset = (numbers_of(tilt, ["OFFSET"], path, 1) or [0.0])[0]
    across, up = numbers_of(tilt, ["SHIFT"], path, 2) or [0.0, 0.0]
    angles = alignment.angles + offset
    turn = np.deg2rad(angles)
    moved = alignment.shifts.copy()
    moved[:, 0] += across * np.cos(turn) - up * np.sin(turn)
    notes = list(alignment.notes)
    for name in ("XAXISTILT",):
        value = (numbers_of(tilt, [name], path, 1) or [0.0])[0]
        if abs(value) > SMALL:
            notes.append(f"tilt.com: {name} {value:g}° (a turn about x) is not applied.")
    if tilt.get("LOCALFILE"):
        notes.append("tilt.com: the local alignment is not applied, only the global one.")
    if tilt.get("ZFACTORFILE"):
        notes.append("tilt.com: ZFACTORFILE is not applied.")
    return replace(
        alignment,
        angles=angles,
        shifts=moved,
        excluded=alignment.excluded | (excluded & set(range(alignment.n_tilts))),
        notes=(*notes, *_x_tilts(tilt, path)),
    )


def _x_tilts(tilt: dict[str, str], path: Path) -> list[str]:
    """What to tell where the series was tilted about x as well."""
    if not tilt.get("XTILTFILE"):
        return []
    file = path_inside(path.parent, tilt["XTILTFILE"], path)
    if not file.is_file():
        return []
    largest = float(np.abs(read_angles(file).angles).max())
    return [] if largest <= 0.1 else [f"{file.name}: tilts about x, up to {largest:g}°, not used."]


def _with_edf(alignment: Alignment, edf: dict[str, str], path: Path) -> Alignment:
    """Pixel size and excluded projections of an ``.edf``."""
    size = edf.get("Setup.PixelSize")
    pixel_size = None if not size else read_number(size, path, "Setup.PixelSize") * 10  # nm
    views = parse_list(edf.get("Setup.AxisA.ExcludeProjections", ""), path)
    excluded = {view - 1 for view in views} & set(range(alignment.n_tilts))
    notes = list(alignment.notes)
    if edf.get("Setup.AxisType", "").lower().startswith("dual"):
        notes.append(f"{path.name}: a dual-axis series; only this axis is opened.")
    return replace(
        alignment,
        pixel_size=pixel_size if pixel_size and pixel_size > 0 else None,
        excluded=alignment.excluded | excluded,
        notes=tuple(notes),
    )


def _raw_stack(xf: Path, newst: dict[str, str]) -> Path | None:
    named = newst.get("INPUTFILE", "").strip()
    if named:
        file = path_inside(xf.parent, named, xf.parent / "newst.com")
        if file.is_file():
            return file
    candidates = [xf.with_suffix(suffix) for suffix in RAW_SUFFIXES]
    return next((file for file in candidates if file.is_file()), None)
