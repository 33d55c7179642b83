"""An IMOD (Etomo) directory: raw stack, transformations, angles and what ``tilt`` was told."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ....alignment.model import Alignment
from ....errors import InputError
from ...angles.read import read_angles
from ...files.text_input import path_inside
from ..files import AlignmentFiles
from .imod_files import decompose, read_command_file, read_edf, read_xf
from .imod_settings import with_edf, with_newst, with_tilt

if TYPE_CHECKING:
    from numpy.typing import NDArray

RAW_SUFFIXES = (".st", ".mrc", ".mrcs")
COMMAND_FILES = {"newst.com": "TRANSFORMFILE", "tilt.com": "TILTFILE"}
"""The files that are used, and the entry of each that names its series."""
DATASET = "Setup.DatasetName"


@dataclass(frozen=True, kw_only=True)
class _Directory:
    """The files of a directory that speak of one series, as entries by name.

    Attributes
    ----------
    xf : Path
        Transformations.
    newst, tilt, edf : dict
        Empty where there is none for this series.
    edf_path : Path or None
    foreign : tuple of str
        Names of files of the directory that speak of another series.
    """

    xf: Path
    newst: dict[str, str]
    tilt: dict[str, str]
    edf: dict[str, str]
    edf_path: Path | None
    foreign: tuple[str, ...]

    @property
    def axis(self) -> str:
        """Of a dual-axis series, "A" or "B": the letter behind the name of its files."""
        return "B" if self.xf.stem == f"{self.edf.get(DATASET)}b" else "A"


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
    found = _look_around(path)
    if path.name in found.foreign:
        raise InputError(
            f"{path} speaks of another series than {found.xf.name}, the one in its folder.",
            "Give the .xf file, or put the files of the series together.",
        )
    folder = found.xf.parent
    transformations = read_xf(found.xf)
    angles = _angles(found.xf, found.tilt, len(transformations))
    alignment = _alignment(found.xf, transformations, angles)
    told = [f"{name} speaks of another series and is not used." for name in found.foreign]
    alignment = replace(alignment, notes=(*alignment.notes, *told))
    alignment = with_tilt(alignment, found.tilt, folder / "tilt.com")
    alignment = with_newst(alignment, found.newst, folder / "newst.com")
    if found.edf_path is not None:
        alignment = with_edf(alignment, found.edf, found.edf_path, found.axis)
    return AlignmentFiles(alignment=alignment, stack=_raw_stack(found.xf, found.newst))


def _look_around(path: Path) -> _Directory:
    """The files of the directory that belong together, as their own names in them say."""
    folder = path if path.is_dir() else path.parent
    commands = {name: _commands(folder, name) for name in COMMAND_FILES}
    edf_path = _edf_file(path, folder)
    edf = {} if edf_path is None else read_edf(edf_path)
    alone = path.suffix.lower() == ".xf"
    xf = path if alone else _xf_file(folder, commands["newst.com"], edf, path)
    foreign = [
        name
        for name, key in COMMAND_FILES.items()
        if commands[name] and Path(commands[name].get(key, "").strip() or ".").stem != xf.stem
    ]
    if edf_path is not None and not _is_of(edf, xf):
        foreign.append(edf_path.name)
        edf, edf_path = {}, None
    used = {name: {} if name in foreign else entries for name, entries in commands.items()}
    return _Directory(
        xf=xf,
        newst=used["newst.com"],
        tilt=used["tilt.com"],
        edf=edf,
        edf_path=edf_path,
        foreign=tuple(foreign),
    )


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


def _is_of(edf: dict[str, str], xf: Path) -> bool:
    """True where an ``.edf`` belongs to these transformations, by the name of its dataset."""
    name = edf.get(DATASET)
    return name is None or xf.stem in (name, f"{name}a", f"{name}b")


def _xf_file(folder: Path, newst: dict[str, str], edf: dict[str, str], path: Path) -> Path:
    """The transformations that ``newst.com`` or the ``.edf`` speak of, or the only ones."""
    by_newst = [newst["TRANSFORMFILE"]] if newst.get("TRANSFORMFILE") else []
    by_edf = [f"{edf[DATASET]}{axis}.xf" for axis in ("", "a")] if edf.get(DATASET) else []
    named = path.suffix.lower() == ".edf"
    for name in by_edf + by_newst if named else by_newst + by_edf:
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


def _raw_stack(xf: Path, newst: dict[str, str]) -> Path | None:
    """The stack that ``newst.com`` takes, or the one of the transformations' name."""
    named = newst.get("INPUTFILE", "").strip()
    if named:
        file = path_inside(xf.parent, named, xf.parent / "newst.com")
        if file.is_file():
            return file
    candidates = [xf.with_suffix(suffix) for suffix in RAW_SUFFIXES]
    return next((file for file in candidates if file.is_file()), None)
