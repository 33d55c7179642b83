"""MRC files: the header read permissively, the images memory-mapped.

The header's layout is mrcfile's; its checks are made here, because a damaged header has to
be told apart from a file that is no MRC file, and a truncated file named with its numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ...errors import InputError
from .header import HEADER_BYTES, SAMPLE_TYPES, first_bytes, parse, read_at

IMOD_STAMP = 1146047817
IMOD_SIGNED_BYTES = 1
UNDETERMINED = (0.0, 1.0)
"""Pixel sizes in Å that programs write when they do not know it."""


@dataclass(frozen=True, kw_only=True)
class MrcHeader:
    """What is used of an MRC header.

    Attributes
    ----------
    shape : tuple of int
        (sections, y, x).
    dtype : numpy.dtype
        Of the samples, byte order included.
    offset : int
        Bytes before the first image.
    pixel_size : float or None
        Å, along x; None where the header does not know it.
    byte_order : "<" or ">"
        Of the headers.
    space_group : int
        0 for images and image stacks, 1 for a volume, 401 and above for volume stacks.
    sections_per_volume : int
        The header's mz: 1 in an image stack that follows MRC2014.
    extended_kind : str
        Type of the extended header ("FEI1", "SERI", …), empty where unnamed.
    extended_counts : tuple of int
        The two 16-bit words at byte 128 by which older files describe the extended header.
    extended : bytes
        The extended header.
    warnings : tuple of str
        Damage that did not prevent reading.
    labels : tuple of str
        Lines of text that programs left.
    """

    shape: tuple[int, int, int]
    dtype: np.dtype[Any]
    offset: int
    pixel_size: float | None
    byte_order: Literal["<", ">"]
    space_group: int
    sections_per_volume: int
    extended_kind: str = ""
    extended_counts: tuple[int, int] = (0, 0)
    extended: bytes = field(default=b"", repr=False)
    warnings: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()

    @property
    def is_image_stack(self) -> bool:
        """True where the header says that the sections are images, not slices of a volume."""
        return self.space_group == 0 and self.sections_per_volume == 1 and self.shape[0] > 1


def read_mrc_header(path: str | Path) -> MrcHeader:
    """Read and check the header of an MRC file.

    Raises
    ------
    InputError
        The file is absent, unreadable, no MRC file, truncated, or of a mode that holds no
        real images.
    """
    path = Path(path)
    raw, size = first_bytes(path)
    header, warnings = parse(path, raw)
    shape = (int(header["nz"]), int(header["ny"]), int(header["nx"]))
    dtype = _sample_type(header, warnings)
    offset = _data_offset(path, header, size, shape, dtype, warnings)
    _warn_axes(header, warnings)
    extended = read_at(path, HEADER_BYTES, offset - HEADER_BYTES)
    return MrcHeader(
        shape=shape,
        dtype=dtype,
        offset=offset,
        pixel_size=_pixel_size(header),
        byte_order=_byte_order(header),
        space_group=int(header["ispg"]),
        sections_per_volume=int(header["mz"]),
        extended_kind=bytes(header["exttyp"]).decode("ascii", "ignore").strip("\0 "),
        extended_counts=_extended_counts(raw, header),
        extended=extended,
        warnings=tuple(warnings),
        labels=tuple(bytes(label).decode("latin-1").strip("\0 ") for label in header["label"]),
    )


def map_mrc(path: str | Path, header: MrcHeader) -> np.memmap[Any, Any]:
    """Memory-map the images of an MRC file, read-only, as ``(section, y, x)``."""
    try:
        return np.memmap(
            path, dtype=header.dtype, mode="r", offset=header.offset, shape=header.shape
        )
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {error}.") from error


def known_pixel_size(value: float) -> float | None:
    """A pixel size in Å, or None where the value is one that means "unknown"."""
    if not np.isfinite(value) or value <= 0:
        return None
    if any(abs(value - unknown) < 1e-5 for unknown in UNDETERMINED):
        return None
    return float(f"{value:.6g}")  # headers hold float32: 10.0 / 3 is not 3.3333332538604736


def _sample_type(header: Any, warnings: list[str]) -> np.dtype[Any]:
    """The samples' type; bytes are unsigned where IMOD's flag or the statistics say so."""
    if int(header["mode"]) == 0 and _bytes_are_unsigned(header):
        warnings.append("The header marks its bytes as unsigned (0 to 255).")
        return np.dtype("u1")
    return np.dtype(SAMPLE_TYPES[int(header["mode"])]).newbyteorder(_byte_order(header))


def _bytes_are_unsigned(header: Any) -> bool:
    """Mode 0 is signed in MRC2014; IMOD flags signed bytes, and older files had them unsigned."""
    order = _byte_order(header)
    stamp, flags = np.frombuffer(header["extra2"].tobytes(), f"{order}i4")[10:12]
    if stamp == IMOD_STAMP:
        return not flags & IMOD_SIGNED_BYTES
    return bool(header["dmin"] >= 0 and header["dmax"] > 127)


def _data_offset(
    path: Path,
    header: Any,
    size: int,
    shape: tuple[int, int, int],
    dtype: np.dtype[Any],
    warnings: list[str],
) -> int:
    """Bytes before the first image; a truncated file is refused."""
    section = shape[1] * shape[2] * dtype.itemsize
    data = shape[0] * section
    extended = int(header["nsymbt"])
    # one that is as long as its images alone has none; any other that is too short has lost some
    if extended < 0 or (extended > 0 and size == HEADER_BYTES + data):
        warnings.append(f"The extended header's length ({extended} bytes) is wrong; ignored.")
        extended = 0
    offset = HEADER_BYTES + extended
    if offset + data > size:
        whole = max(size - offset, 0) // section
        raise InputError(
            f"{path} is truncated: its header announces {shape[0]} images of "
            f"{shape[1]} × {shape[2]} (y × x), {offset + data:,} bytes in all, but the file has "
            f"{size:,} bytes, {whole} whole images.",
            "Copy or export the file again.",
        )
    if offset + data < size:
        warnings.append(f"The file is {size - offset - data:,} bytes longer than its images.")
    return offset


def _warn_axes(header: Any, warnings: list[str]) -> None:
    axes = tuple(int(header[name]) for name in ("mapc", "mapr", "maps"))
    if axes not in ((1, 2, 3), (0, 0, 0)):
        warnings.append(f"The header orders its axes {axes}; read as columns x, rows y.")


def _pixel_size(header: Any) -> float | None:
    samples = int(header["mx"])
    if samples <= 0:
        return None
    return known_pixel_size(float(header["cella"]["x"]) / samples)


def _byte_order(header: Any) -> Literal["<", ">"]:
    return ">" if header.dtype["mode"] == np.dtype(">i4") else "<"


def _extended_counts(raw: bytes, header: Any) -> tuple[int, int]:
    order = _byte_order(header)
    first, second = np.frombuffer(raw[128:132], f"{order}i2")
    return int(first), int(second)
