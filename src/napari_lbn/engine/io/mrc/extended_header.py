"""Tilt angles in the extended header of an MRC stack, as the microscope wrote them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .read import MrcHeader, known_pixel_size

if TYPE_CHECKING:
    from numpy.typing import NDArray

METRES = 1e10
"""Å in a metre."""
SQUARE_METRES = 1e20
SERIALEM_FIELD_BYTES = dict(
    zip(
        (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024),
        (2, 6, 4, 2, 2, 4, 2, 4, 2, 4, 2),
        strict=True,
    )
)
"""Bytes that each field of a SerialEM record takes, by its flag."""
SERIALEM_TILT = 1
SERIALEM_TILT_UNITS = 100.0
AGARD_TILT, AGARD_PIXEL = 0, 11
"""Places among the floats of an Agard / FEI record: tilt in degrees, pixel size in metres."""
LARGEST_ANGLE = 180.0


@dataclass(frozen=True, kw_only=True, eq=False)
class ExtendedRecord:
    """What an extended header tells of each section.

    Attributes
    ----------
    angles : ndarray
        ``(n_sections,)`` degrees.
    kind : str
        Which layout it was read as.
    pixel_size : float or None
        Å.
    doses : ndarray or None
        ``(n_sections,)`` exposure of each section, e/Å².
    times : ndarray or None
        ``(n_sections,)`` when each section was recorded, ascending in time.
    """

    angles: NDArray[np.float64]
    kind: str
    pixel_size: float | None = None
    doses: NDArray[np.float64] | None = None
    times: NDArray[np.float64] | None = None


def read_extended_header(header: MrcHeader) -> ExtendedRecord | None:
    """The tilt angles of an extended header; None where it holds none that make sense."""
    if not header.extended:
        return None
    for read in (_fei, _serialem, _agard):
        record = read(header)
        if record is not None and _makes_sense(record.angles):
            return record
    return None


def _makes_sense(angles: NDArray[np.float64]) -> bool:
    """Finite angles of at most half a turn that are not all the same."""
    finite = bool(np.isfinite(angles).all()) and bool((np.abs(angles) <= LARGEST_ANGLE).all())
    return finite and float(np.ptp(angles)) > 0.01


def _fei(header: MrcHeader) -> ExtendedRecord | None:
    """FEI1 and FEI2 records of EPU and Tomography 4 and later."""
    if header.extended_kind not in ("FEI1", "FEI2"):
        return None
    from mrcfile.dtypes import get_ext_header_dtype

    layout = get_ext_header_dtype(header.extended_kind.encode(), header.byte_order)
    if len(header.extended) < layout.itemsize:
        return None
    stride = int(np.frombuffer(header.extended[:4], f"{header.byte_order}i4")[0])
    count = header.shape[0]
    if stride < layout.itemsize or len(header.extended) < stride * (count - 1) + layout.itemsize:
        return None
    records: Any = np.ndarray(count, layout, header.extended, strides=(stride,))
    doses = records["Dose"].astype(np.float64) / SQUARE_METRES
    times = records["Timestamp"].astype(np.float64)
    return ExtendedRecord(
        angles=records["Alpha tilt"].astype(np.float64),
        kind=header.extended_kind,
        pixel_size=known_pixel_size(float(records["Pixel size X"][0]) * METRES),
        doses=doses if np.isfinite(doses).all() and (doses > 0).any() else None,
        times=times if np.unique(times).size == count else None,
    )


def _serialem(header: MrcHeader) -> ExtendedRecord | None:
    """SerialEM's packed records: bytes per section, and flags that say which fields it has."""
    size, flags = header.extended_counts
    if size <= 0 or flags <= 0 or not flags & SERIALEM_TILT:
        return None
    fields = sum(count for flag, count in SERIALEM_FIELD_BYTES.items() if flags & flag)
    if fields != size or len(header.extended) < size * header.shape[0]:
        return None
    tilts: Any = np.ndarray(
        header.shape[0], f"{header.byte_order}i2", header.extended, strides=(size,)
    )
    return ExtendedRecord(angles=tilts / SERIALEM_TILT_UNITS, kind="SerialEM")


def _agard(header: MrcHeader) -> ExtendedRecord | None:
    """Agard-style records of 4-byte integers and floats, as older FEI software wrote them."""
    integers, floats = header.extended_counts
    stride = 4 * (integers + floats)
    count = header.shape[0]
    if integers < 0 or floats <= AGARD_TILT or len(header.extended) < stride * count:
        return None
    sample = f"{header.byte_order}f4"
    table: Any = np.ndarray(
        (count, floats), sample, header.extended, offset=4 * integers, strides=(stride, 4)
    )
    pixel = float(table[0, AGARD_PIXEL]) * METRES if floats > AGARD_PIXEL else 0.0
    return ExtendedRecord(
        angles=table[:, AGARD_TILT].astype(np.float64),
        kind="FEI (Agard)",
        pixel_size=known_pixel_size(pixel),
    )
