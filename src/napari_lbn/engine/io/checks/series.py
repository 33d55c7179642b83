"""What is wrong with a tilt series, found before any time is spent on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...errors import InputError
from ...geometry import SAME_ANGLE
from .findings import Finding, name_tilts
from .images import check_images
from .tilt_axis import measure_tilt_axis

if TYPE_CHECKING:
    from ...tilt_series import TiltSeries
    from .tilt_axis import TiltAxis

__all__ = ["Finding", "check_tilt_series"]

SAMPLE = 1 << 18
ACROSS = 60.0
"""Degrees off y from which turning the images by a right angle is the likelier remedy."""


def check_tilt_series(series: TiltSeries, *, sample: int | None = SAMPLE) -> list[Finding]:
    """Check a tilt series; excluded tilts are left out of every check.

    Finds pixels that are not finite, blank images, tilts unlike their neighbours, repeated
    angles, too few tilts, an unknown pixel size and a tilt axis that does not lie along y, and
    repeats the warnings of the files it was read from.

    Parameters
    ----------
    series : TiltSeries
        Opened from files or made from arrays.
    sample : int or None
        Pixels of each image whose statistics are taken; None for all.

    Returns
    -------
    list of Finding
        Errors first. Empty where nothing is wrong.
    """
    findings = [Finding("warning", str(text)) for text in series.history.get("warnings", ())]
    findings += _check_angles(series) + _check_pixel_size(series)
    images = check_images(series, sample)
    findings += images
    if not any(finding.severity == "error" for finding in findings):
        findings += _check_axis(series)
    return sorted(findings, key=lambda finding: finding.severity != "error")


def refuse_defects(series: TiltSeries) -> None:
    """Refuse a series that nothing good can come of: blank or broken images, too few angles.

    Raises
    ------
    InputError
        The first finding that is an error.
    """
    for finding in _check_angles(series) + check_images(series, SAMPLE):
        if finding.severity == "error":
            raise InputError(finding.message, finding.remedy)


def _check_angles(series: TiltSeries) -> list[Finding]:
    angles = series.included_angles
    if len(np.unique(angles)) < len(("one", "two")):
        return [
            Finding(
                "error",
                f"{series.name}: {_in_use(len(angles))}, but two different angles are needed.",
                "Bring excluded tilts back, or check the angle file.",
            )
        ]
    repeated = np.unique(angles[1:][np.diff(angles) < SAME_ANGLE])
    if repeated.size == 0:
        return []
    return [
        Finding(
            "warning",
            f"{series.name}: more than one image at the same angle at "
            f"{name_tilts(list(repeated))}.",
            "Exclude the poorer image of each.",
        )
    ]


def _in_use(tilts: int) -> str:
    return "1 tilt in use" if tilts == 1 else f"{tilts or 'no'} tilts in use"


def _check_pixel_size(series: TiltSeries) -> list[Finding]:
    if series.pixel_size is not None:
        return []
    return [
        Finding(
            "warning",
            f"{series.name}: the pixel size is unknown; the header does not say it.",
            "Give it in Å (--pixel-size, or in the dock).",
        )
    ]


def _check_axis(series: TiltSeries) -> list[Finding]:
    axis = measure_tilt_axis(series)
    if axis is None or not axis.off_y:
        return []
    return [
        Finding(
            "warning",
            f"{series.name}: the tilt axis does not seem to lie along y. Neighbouring tilts agree "
            f"best along an axis about {axis.angle:.0f}° from it (correlation "
            f"{axis.agreement:.2f}, along y {axis.agreement_along_y:.2f}).",
            _turn(axis),
        )
    ]


def _turn(axis: TiltAxis) -> str:
    if abs(axis.angle) >= ACROSS:
        return "Rotate the images by 90°, or align the series first (IMOD, AreTomo, Warp)."
    return "Align the series first (IMOD, AreTomo, Warp): reconstructions will be blurred."
