"""The tilts that a command reconstructs: measured ones, or with synthesized ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_lbn.engine.errors import InputError

from ..progress import note, run_job
from ..settings import correction_settings, require_pixel_size, told_thickness

if TYPE_CHECKING:
    from napari_lbn.engine.reconstruction import TiltSource
    from napari_lbn.engine.tilt_series import TiltSeries

    from ..options import ComputingOptions, WedgeOptions
    from .options import AugmentOptions


@dataclass(frozen=True, kw_only=True)
class Tilts:
    """What is reconstructed.

    Attributes
    ----------
    source : TiltSource
        The tilts themselves.
    series : TiltSeries
        The working series, binned.
    thickness : int
        Of the tomogram, pixels.
    record : dict
        Provenance.
    """

    source: TiltSource
    series: TiltSeries
    thickness: int
    record: dict[str, Any]

    @property
    def in_words(self) -> str:
        """What a header says of the tilts."""
        if self.source.synthesized is None:
            return "measured tilts"
        return f"measured + {self.record['alpha']:g} x synthesized tilts (LBN)"

    @property
    def held(self) -> int:
        """Bytes of the tilts in memory: binned ones; others stay in their file."""
        images = self.series.images
        return 0 if self.record.get("binning", 1) == 1 else int(images.nbytes)


def chosen_tilts(
    opened: TiltSeries,
    computing: ComputingOptions,
    augment: AugmentOptions,
    wedge: WedgeOptions,
    *,
    resume: bool,
    subtract: bool = True,
) -> Tilts:
    """Measured tilts, with synthesized ones where they are asked for; see below."""
    if augment.lbn:
        return augmented_tilts(opened, computing, augment, wedge, resume=resume)
    return measured_tilts(opened, computing, subtract=subtract)


def measured_tilts(
    opened: TiltSeries, computing: ComputingOptions, *, subtract: bool = True
) -> Tilts:
    """The measured tilts, at the file's pixel size unless --bin says otherwise."""
    from napari_lbn.engine.binning import bin_series
    from napari_lbn.engine.correct import measure_intensities
    from napari_lbn.engine.correct.sources import measured_source
    from napari_lbn.engine.provenance import describe_series

    binning = computing.bin or 1
    size = None if opened.pixel_size is None else opened.pixel_size * binning
    thickness = computing.thickness or told_thickness(size)
    working = bin_series(opened, binning)
    stats = measure_intensities(working)
    if stats.are_counts and not subtract:
        note("--non-negative: if these are bright-field counts, give -ln of them instead.")
    return Tilts(
        source=measured_source(working, stats, subtract=subtract),
        series=working,
        thickness=thickness,
        record={**describe_series(opened), "binning": binning},
    )


def augmented_tilts(
    opened: TiltSeries,
    computing: ComputingOptions,
    augment: AugmentOptions,
    wedge: WedgeOptions,
    *,
    resume: bool = False,
) -> Tilts:
    """Measured and synthesized tilts, at a pixel size that the weights know.

    Raises
    ------
    InputError
        A tomogram that can be resumed, with weights that would be adapted anew each time.
    """
    from napari_lbn.engine.correct.sources import augmented_source

    if resume and augment.minutes:
        raise InputError(
            "--resume needs the same tilts again, and adapted weights never come out the same.",
            "Leave out --resume, or --adapt.",
        )
    require_pixel_size(opened)
    settings = correction_settings(opened, computing, wedge, adapt_minutes=augment.minutes)
    made = run_job(augmented_source(opened, settings, alpha=augment.alpha))
    return Tilts(
        source=made.source,
        series=made.series,
        thickness=settings.thickness,
        record=made.provenance,
    )
