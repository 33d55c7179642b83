"""Where the results of a correction go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class CorrectionFiles:
    """Where the results go.

    Attributes
    ----------
    folder : Path
    name : str
        Of the tilt series; starts every file name, spaces as underscores.
    with_denoised : bool
        Whether the denoised tomogram is among them.
    tomogram_suffix : str
        ``.mrc`` or ``.ome.zarr``.
    """

    folder: Path
    name: str
    with_denoised: bool = False
    tomogram_suffix: str = ".mrc"

    @property
    def _stem(self) -> str:
        return "_".join(self.name.split())

    @property
    def stack(self) -> Path:
        """Measured tilts, untouched, and synthesized ones, ascending in angle."""
        return self.folder / f"{self._stem}_lbn.mrc"

    @property
    def angles(self) -> Path:
        """Angle of each image of the stack."""
        return self.folder / f"{self._stem}_lbn.tlt"

    @property
    def measured(self) -> Path:
        """Plain WBP of the measured tilts."""
        return self.folder / f"{self._stem}_wbp{self.tomogram_suffix}"

    @property
    def corrected(self) -> Path:
        """WBP of measured and synthesized tilts."""
        return self.folder / f"{self._stem}_wbp_lbn{self.tomogram_suffix}"

    @property
    def denoised(self) -> Path:
        """WBP of the network's tilts at all angles: synthesized throughout."""
        return self.folder / f"{self._stem}_lbn_denoised{self.tomogram_suffix}"

    @property
    def record(self) -> Path:
        """What all of it was made from."""
        return self.folder / f"{self._stem}_lbn.json"

    @property
    def tomograms(self) -> list[Path]:
        """Two, or three with the denoised one."""
        return [self.measured, self.corrected, *([self.denoised] * self.with_denoised)]

    @property
    def all(self) -> list[Path]:
        """Every file, in the order in which users are told."""
        return [self.stack, self.angles, *self.tomograms, self.record]
