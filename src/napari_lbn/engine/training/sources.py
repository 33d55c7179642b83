"""Which tilt series a training learns from, written down so that it can go on another day.

A path alone is not enough: the user may have excluded tilts, typed angles or changed their
sign, and a series may be in no file at all.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import InputError
from ..geometry import SAME_ANGLE
from ..io import atomic_path, open_tilt_series

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ..tilt_series import TiltSeries

SOURCES = "series.json"


@dataclass(frozen=True, kw_only=True)
class SeriesRecord:
    """A tilt series as the user had it.

    Attributes
    ----------
    name : str
        Of the series.
    source, alignment : str or None
        Files of the images and of the alignment that is applied while they are read.
    alignment_pixel_size, pixel_size : float or None
        Å.
    shape : tuple of int
        (y, x) pixels.
    angles : tuple of float
        Degrees, in the file's order.
    excluded : tuple of int
        Sections of the file that are left out.
    inverted : bool
        Whether the file's angles had the other sign.
    pixels : str or None
        Tells images apart; None in records of before.
    """

    name: str
    source: str | None
    alignment: str | None
    alignment_pixel_size: float | None
    pixel_size: float | None
    shape: tuple[int, ...]
    angles: tuple[float, ...]
    excluded: tuple[int, ...]
    inverted: bool
    pixels: str | None = None

    @classmethod
    def of(cls, series: TiltSeries) -> SeriesRecord:
        """The record of a series."""
        return cls(
            name=series.name,
            source=None if series.source is None else str(Path(series.source).resolve()),
            alignment=series.history.get("alignment_file"),
            alignment_pixel_size=series.history.get("alignment_pixel_size"),
            pixel_size=series.pixel_size,
            shape=series.image_shape,
            angles=tuple(float(a) for a in series.angles[np.argsort(series.sections)]),
            excluded=tuple(sorted(int(series.sections[i]) for i in series.excluded)),
            inverted=series.inverted,
            pixels=_fingerprint(series),
        )

    def describes(self, series: TiltSeries) -> bool:
        """Whether a series has this name, size, these angles and images."""
        other = SeriesRecord.of(series)
        return (
            self.name == other.name
            and tuple(self.shape) == tuple(other.shape)
            and len(self.angles) == len(other.angles)
            and bool(np.allclose(self.angles, other.angles, atol=SAME_ANGLE))
            and self.pixels in (None, other.pixels)
        )

    def open(self) -> TiltSeries:
        """Open the files again, and bring the series to where the user had it.

        Raises
        ------
        InputError
            A file is gone or has changed.
        """
        assert self.source is not None
        aligned = self.alignment is not None
        series = open_tilt_series(
            self.source,
            angles=None if aligned else list(self.angles),
            alignment=self.alignment,
            alignment_pixel_size=self.alignment_pixel_size,
        )
        if aligned and self.inverted:
            series = series.with_inverted_angles()
        series = replace(series, name=self.name, inverted=self.inverted)
        if not self.describes(series):
            raise InputError(
                f"{self.source} is not what it was when the training began.",
                "Put the file back, or start a new training.",
            )
        return self.applied(series)

    def applied(self, series: TiltSeries) -> TiltSeries:
        """The same exclusions and pixel size on a series that it describes."""
        sections = [int(s) for s in series.sections]
        excluded = [sections.index(s) for s in self.excluded]
        return series.with_pixel_size(self.pixel_size).with_excluded(excluded)


def _fingerprint(series: TiltSeries) -> str:
    """Of the middle rows of a few tilts, in the order of the file."""
    middle = series.image_shape[0] // 2
    order = np.argsort(series.sections)
    digest = hashlib.sha256()
    for index in order[[0, order.size // 2, -1]]:
        digest.update(series.read([int(index)], slice(middle, middle + 1)).tobytes())
    return digest.hexdigest()[:16]


def name_series(series: Iterable[TiltSeries]) -> dict[str, TiltSeries]:
    """Series by the names that a configuration gives them: their file, or their own name.

    Raises
    ------
    InputError
        Two of one name.
    """
    named: dict[str, TiltSeries] = {}
    for one in series:
        name = one.name if one.source is None else str(Path(one.source).resolve())
        if name in named:
            raise InputError(f"{one.name} is there twice.", "Train on it once.")
        named[name] = one
    return named


def write_sources(folder: Path, named: Mapping[str, TiltSeries]) -> None:
    """Keep the series of `name_series` in the training's folder."""
    records = {name: asdict(SeriesRecord.of(series)) for name, series in named.items()}
    with atomic_path(folder / SOURCES) as temporary:
        temporary.write_text(json.dumps(records, indent=2) + "\n", encoding="utf-8")


def read_sources(folder: Path, opened: Iterable[TiltSeries] = ()) -> dict[str, TiltSeries]:
    """The series that `write_sources` kept, opened again; none where it kept none.

    Parameters
    ----------
    folder : Path
        Of the training.
    opened : iterable of TiltSeries
        Taken where there is no file, or no longer.

    Raises
    ------
    InputError
        A series that can be found nowhere.
    """
    path = folder / SOURCES
    if not path.is_file():
        return {}
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        records = {name: SeriesRecord(**value) for name, value in values.items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise InputError(f"{path} is damaged: {error}.", "Start a new training.") from error
    candidates = list(opened)
    return {name: _find(record, candidates) for name, record in records.items()}


def _find(record: SeriesRecord, opened: list[TiltSeries]) -> TiltSeries:
    if record.source is not None and Path(record.source).is_file():
        return record.open()
    for series in opened:
        if record.describes(series):
            return record.applied(series)
    if record.source is None:
        raise InputError(
            f"The training learns from {record.name}, which is in no file.",
            "Open it again under this name, and resume then.",
        )
    raise InputError(
        f"The training learns from {record.source}, which is not there.",
        "Put the file back, or open it from where it is now.",
    )
