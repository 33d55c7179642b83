"""The main header of an MRC file: byte order, plausibility, and what else the file may be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

HEADER_BYTES = 1024
SAMPLE_TYPES = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2"}
REFUSED_MODES = {3: "complex integers", 4: "complex numbers", 101: "4-bit integers"}
LARGEST_SIDE = 1 << 20
COMPRESSED = {
    b"\x1f\x8b": ("gzip", "gunzip"),
    b"BZh": ("bzip2", "bunzip2"),
    b"\xfd7zXZ": ("xz", "unxz"),
    b"\x28\xb5\x2f\xfd": ("zstd", "unzstd"),
    b"PK\x03\x04": ("zip", "unzip"),
}
"""First bytes, program and what unpacks it."""


def first_bytes(path: Path) -> tuple[bytes, int]:
    """The 1024 bytes of the main header, and the size of the file."""
    if path.is_dir():
        raise InputError(f"{path} is a folder, not a file.")
    if not path.exists():
        raise InputError(f"{path} does not exist.", "Check the path.")
    raw = read_at(path, 0, HEADER_BYTES)
    size = path.stat().st_size
    if size < HEADER_BYTES:
        if raw and (_is_text(raw) or _unpacker(raw) is not None):
            raise _not_mrc(path, raw)
        raise InputError(
            f"{path} is not an MRC file: it has {size} bytes, and the header alone takes "
            f"{HEADER_BYTES}.",
            "Copy the file again, or choose another one.",
        )
    return raw, size


def read_at(path: Path, start: int, count: int) -> bytes:
    """Some bytes of a file; fewer at its end."""
    try:
        with path.open("rb") as stream:
            stream.seek(start)
            return stream.read(count)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from error


def parse(path: Path, raw: bytes) -> tuple[Any, list[str]]:
    """The header in the byte order that makes sense, and what is odd about it."""
    from mrcfile.dtypes import HEADER_DTYPE

    stamped = raw[212:214]
    big_first = stamped == b"\x11\x11"
    orders = (">", "<") if big_first else ("<", ">")
    for order in orders:
        header = np.frombuffer(raw, HEADER_DTYPE.newbyteorder(order))[0]
        if _plausible(header):
            break
    else:
        raise _not_mrc(path, raw)
    mode = int(header["mode"])
    if mode not in SAMPLE_TYPES:
        raise InputError(
            f"{path} holds {REFUSED_MODES[mode]} (MRC mode {mode}), which are not images.",
            "Convert it to mode 1 or 2 first (IMOD: newstack -mode 2).",
        )
    warnings = []
    if raw[208:211] != b"MAP":
        warnings.append("The header lacks the MAP identification of an MRC file.")
    if stamped not in (b"\x11\x11", b"DD", b"DA") or order != orders[0]:
        warnings.append(
            "The header's machine stamp is missing or wrong; the byte order was found from "
            "the image size."
        )
    return header, warnings


def _plausible(header: Any) -> bool:
    """True where mode and image size can be those of an image file."""
    sides = [int(header[name]) for name in ("nx", "ny", "nz")]
    known = int(header["mode"]) in SAMPLE_TYPES or int(header["mode"]) in REFUSED_MODES
    return known and all(0 < side <= LARGEST_SIDE for side in sides)


def _not_mrc(path: Path, raw: bytes) -> InputError:
    """The error for a file whose header makes no sense in either byte order."""
    if _is_text(raw):
        return InputError(
            f"{path} is a text file, not an MRC file.", "Choose the file that holds the images."
        )
    if raw[:2] in (b"II", b"MM") and raw[2:4] in (b"*\0", b"\0*", b"+\0", b"\0+"):
        return InputError(f"{path} is a TIFF file.", "Rename it so that its name ends in .tif.")
    found = _unpacker(raw)
    if found is not None:
        program, command = found
        return InputError(f"{path} is compressed ({program}).", f"Unpack it first, with {command}.")
    if raw[208:211] == b"MAP":
        order = ">" if raw[212:214] == b"\x11\x11" else "<"
        nx, ny, nz, mode = (int(word) for word in np.frombuffer(raw[:16], f"{order}i4"))
        return InputError(
            f"{path} has a damaged header: it announces {nz} images of {ny} × {nx} (y × x) in "
            f"mode {mode}.",
            "Copy or export the file again.",
        )
    return InputError(
        f"{path} is not an MRC file: its header holds neither a valid mode nor an image size.",
        "Copy the file again, or choose another one.",
    )


def _unpacker(raw: bytes) -> tuple[str, str] | None:
    """What a file is compressed with, and the command that unpacks it; None where it is not."""
    return next((kind for start, kind in COMPRESSED.items() if raw.startswith(start)), None)


def _is_text(raw: bytes) -> bool:
    control = any(byte < 32 and byte not in (9, 10, 12, 13) for byte in raw)
    return not control and "\ufffd" not in raw[:-4].decode("utf-8", "replace")[:-1]
