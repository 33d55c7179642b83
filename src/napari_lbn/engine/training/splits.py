"""Which data train, which choose between methods, and which only report."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ..errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

Use = Literal["train", "choose", "report"]

USES: tuple[Use, ...] = ("train", "choose", "report")

AUXILIARY = ("_hold", "_mb_ref", "_mbz_align")
"""Endings of files that go with a map and are none themselves."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Data of one use.

    Attributes
    ----------
    names : tuple of str
        File names without extension; ``*`` stands for any ending.
    kind : str
        ``series`` or ``maps``.
    use : str
        One of `USES`.
    what, licence : str
        For the reader.
    membrane : bool
        Proteins that sit in membranes.
    """

    names: tuple[str, ...]
    kind: str
    use: Use
    what: str
    licence: str
    membrane: bool = False


@cache
def split() -> tuple[Entry, ...]:
    """Every entry of the committed split."""
    text = (files("napari_lbn.engine.training") / "splits.toml").read_text(encoding="utf-8")
    return tuple(
        Entry(**{**entry, "names": tuple(entry["names"])}, kind=kind)
        for kind, entries in tomllib.loads(text).items()
        for entry in entries
    )


def entry_of(name: str | Path) -> Entry | None:
    """The entry that names a file, whatever its folder and extension; None where none does."""
    stem = Path(name).name.split(".")[0]
    for entry in split():
        if any(fnmatchcase(stem, pattern) for pattern in entry.names):
            return entry
    return None


def density_maps(folders: Iterable[Path], use: Use, *, membrane: bool = False) -> tuple[Path, ...]:
    """The density maps of some folders that the split gives to one use.

    Parameters
    ----------
    folders : iterable of Path
        Of ``.mrc`` files. Helper files beside the maps are passed over. Of membrane
        proteins, the ones aligned to the membrane (``_mbz_align_shift``) are taken.
    use : {"train", "choose", "report"}
        Of the split.
    membrane : bool
        Proteins that sit in membranes, or the others.

    Raises
    ------
    InputError
        No map of that use in the folders.
    """
    found = []
    folders = tuple(folders)
    for path in sorted(p for folder in folders for p in Path(folder).glob("*.mrc")):
        entry = entry_of(path)
        if entry is None or entry.kind != "maps" or entry.use != use:
            continue
        aligned = path.stem.endswith("_mbz_align_shift")
        if entry.membrane == membrane and (
            aligned if membrane else not path.stem.endswith(AUXILIARY)
        ):
            found.append(path)
    if not found and not membrane:
        raise InputError(
            f"{', '.join(map(str, folders))} holds no density map of the split's part {use!r}.",
            "Leave out the split to use every map of the folder.",
        )
    return tuple(found)
