"""What an MRC2014 header needs: exact statistics from one streaming pass, labels, geometry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from .... import __version__
from ...errors import InternalError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

IMAGE_STACK, VOLUME = 0, 1
"""Space groups of MRC2014."""
FLOAT_MODE = 2
FORMAT_VERSION = 20140
LITTLE_ENDIAN_STAMP = (0x44, 0x44, 0, 0)
LABELS, LABEL_LENGTH = 10, 80
SAMPLE = np.dtype("<f4")
BLOCK = 1 << 20
"""Samples whose statistics are taken at once, so that float64 copies stay small."""
PLAIN = str.maketrans({"Å": "A", "°": " deg", "µ": "u", "×": "x", "–": "-", "—": "-", "…": "..."})


@dataclass
class RunningStatistics:
    """Minimum, maximum, mean and standard deviation of all that was added.

    Blocks are combined by the pairwise update of Chan, Golub and LeVeque (1983), in float64;
    samples that are not finite are left out.
    """

    count: int = 0
    minimum: float = np.inf
    maximum: float = -np.inf
    mean: float = 0.0
    squares: float = 0.0

    def add(self, samples: NDArray[np.float32]) -> None:
        """Add samples in an array of any shape."""
        flat = samples.reshape(-1)
        for start in range(0, flat.size, BLOCK):
            block = flat[start : start + BLOCK]
            finite = np.isfinite(block)
            self._add_block(block if finite.all() else block[finite])

    def _add_block(self, block: NDArray[np.float32]) -> None:
        if block.size == 0:
            return
        mean = float(block.mean(dtype=np.float64))
        self.merge(
            RunningStatistics(
                count=block.size,
                minimum=float(block.min()),
                maximum=float(block.max()),
                mean=mean,
                squares=float(np.square(block - np.float64(mean)).sum()),
            )
        )

    def merge(self, other: RunningStatistics) -> None:
        """Add what was measured elsewhere."""
        if other.count == 0:
            return
        total = self.count + other.count
        shift = other.mean - self.mean
        self.squares += other.squares + shift**2 * self.count * other.count / total
        self.mean += shift * other.count / total
        self.count = total
        self.minimum = min(self.minimum, other.minimum)
        self.maximum = max(self.maximum, other.maximum)

    @property
    def deviation(self) -> float:
        """Standard deviation, MRC's "rms"."""
        return float(np.sqrt(self.squares / self.count)) if self.count else 0.0


def mrc_header(
    shape: tuple[int, int, int],
    *,
    space_group: int,
    mode: int = FLOAT_MODE,
    pixel_size: float | None,
    statistics: RunningStatistics,
    labels: Sequence[str] = (),
) -> bytes:
    """The 1024 bytes of an MRC2014 header.

    Parameters
    ----------
    shape : tuple of int
        (sections, y, x).
    space_group : int
        0 for an image stack (mz is 1 then), 1 for a volume (mz is the number of sections).
    mode : int
        Type of the samples, float32 by default.
    pixel_size : float or None
        Å, the same along every axis; the cell is left at 0 where unknown.
    statistics : RunningStatistics
        Of all samples.
    labels : sequence of str
        See `label_lines`.
    """
    from mrcfile.dtypes import HEADER_DTYPE

    header: Any = np.zeros((), HEADER_DTYPE.newbyteorder("<"))
    sections, rows, columns = shape
    sampled = (columns, rows, 1 if space_group == IMAGE_STACK else sections)
    for axis, size, samples in zip("xyz", (columns, rows, sections), sampled, strict=True):
        header[f"n{axis}"] = size
        header[f"m{axis}"] = samples
        header["cella"][axis] = samples * (pixel_size or 0.0)
    for name in ("alpha", "beta", "gamma"):
        header["cellb"][name] = 90.0
    header["mapc"], header["mapr"], header["maps"] = 1, 2, 3
    header["mode"] = mode
    header["ispg"] = space_group
    header["nversion"] = FORMAT_VERSION
    header["map"] = b"MAP "
    header["machst"] = LITTLE_ENDIAN_STAMP
    if statistics.count:
        header["dmin"], header["dmax"] = statistics.minimum, statistics.maximum
        header["dmean"], header["rms"] = statistics.mean, statistics.deviation
    lines = label_lines(labels)
    header["nlabl"] = len(lines)
    header["label"][: len(lines)] = [line.encode("ascii") for line in lines]
    return bytes(header.tobytes())


def label_lines(labels: Sequence[str]) -> list[str]:
    """At most ten lines of 80 printable ASCII characters, the program's own line first."""
    lines = [f"napari-lbn {__version__}"]
    for label in labels:
        text = label.translate(PLAIN).encode("ascii", "replace").decode("ascii")
        text = "".join(c if c.isprintable() else " " for c in text).strip()
        lines += [text[i : i + LABEL_LENGTH] for i in range(0, len(text), LABEL_LENGTH)]
    return [line for line in (line.strip() for line in lines) if line][:LABELS]


def as_samples(image: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Contiguous little-endian float32 samples, of exactly this shape."""
    array = np.ascontiguousarray(image, dtype=SAMPLE)
    if array.shape != shape:
        raise InternalError(f"An image of {array.shape} came where {shape} was announced.")
    return array


def write_header(
    stream: BinaryIO,
    shape: tuple[int, int, int],
    space_group: int,
    pixel_size: float | None,
    statistics: RunningStatistics,
    labels: Sequence[str],
) -> None:
    """Write the header at the start of a file; see `mrc_header`."""
    stream.seek(0)
    stream.write(
        mrc_header(
            shape,
            space_group=space_group,
            pixel_size=pixel_size,
            statistics=statistics,
            labels=labels,
        )
    )
