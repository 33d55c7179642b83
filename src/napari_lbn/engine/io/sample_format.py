"""Number types of a written tomogram: float32, float16, or int16 with its scale recorded."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

import numpy as np

from ..errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

SampleName: TypeAlias = Literal["float32", "float16", "int16"]
MODES = {"float32": 2, "float16": 12, "int16": 1}
"""Of MRC2014; mode 12 is IEEE half precision, read by IMOD 4.11, RELION and mrcfile."""
_SCALE = re.compile(r"density = (\S+) \* sample \+ (\S+)")
INT16_MAX = 32767
FLOAT16_MAX = 65504.0


@dataclass(frozen=True, kw_only=True)
class SampleFormat:
    """How densities become samples: ``density = scale * sample + offset``.

    Attributes
    ----------
    name : {"float32", "float16", "int16"}
    scale, offset : float
        1 and 0 except for int16.
    """

    name: SampleName = "float32"
    scale: float = 1.0
    offset: float = 0.0

    def __post_init__(self) -> None:
        if self.name not in MODES:
            raise InputError(f"Unknown number type {self.name!r}.", f"One of {', '.join(MODES)}.")
        if not (np.isfinite(self.scale) and np.isfinite(self.offset) and self.scale > 0):
            raise InputError("The scale of int16 samples must be finite and above 0.")

    @classmethod
    def for_range(cls, name: SampleName, low: float, high: float) -> SampleFormat:
        """The format that holds densities from `low` to `high`; only int16 needs them."""
        if name != "int16":
            return cls(name=name)
        width = max(high - low, 1e-30)
        return cls(name=name, scale=float(width / (2 * INT16_MAX)), offset=float((low + high) / 2))

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Little-endian NumPy type of the samples."""
        return np.dtype({"float32": "<f4", "float16": "<f2", "int16": "<i2"}[self.name])

    @property
    def mode(self) -> int:
        """MRC mode."""
        return MODES[self.name]

    def encode(self, densities: NDArray[np.float32]) -> tuple[NDArray[np.generic], int]:
        """Samples, and how many densities were too large for them and clipped."""
        if self.name == "float32":
            return densities.astype(self.dtype, copy=False), 0
        if self.name == "float16":
            clipped = int(np.count_nonzero(np.abs(densities) > FLOAT16_MAX))
            return np.clip(densities, -FLOAT16_MAX, FLOAT16_MAX).astype(self.dtype), clipped
        samples = densities - np.float32(self.offset)
        samples *= np.float32(1 / self.scale)
        np.rint(samples, out=samples)
        clipped = int(np.count_nonzero(np.abs(samples) > INT16_MAX))
        return samples.clip(-INT16_MAX, INT16_MAX, out=samples).astype(self.dtype), clipped

    @property
    def labels(self) -> list[str]:
        """Lines for the header: how to get the densities back."""
        if self.name != "int16":
            return []
        return [f"density = {self.scale:.9g} * sample + {self.offset:.9g}"]


def scale_of_labels(labels: Iterable[str]) -> tuple[float, float]:
    """Scale and offset that `SampleFormat.labels` told; 1 and 0 where no label does."""
    for label in labels:
        found = _SCALE.fullmatch(label.strip())
        if found is not None:
            try:
                told = SampleFormat(name="int16", scale=float(found[1]), offset=float(found[2]))
            except (ValueError, InputError):  # another program's words
                continue
            return told.scale, told.offset
    return 1.0, 0.0
