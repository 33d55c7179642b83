"""Wrong use seen by hold-outs: tilt axis along x, shuffled tilts, angles of another series.

What no hold-out can see is `summary.SIGNS_UNSEEN`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..correct.tomogram import measure_intensities
from ..events import Progress, raise_if_cancelled
from ..io.findings import Finding
from .baselines import wbp_reprojection
from .metrics import averaged, correlation
from .sharing import part

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..events import CancelToken, Job
    from ..tilt_series import TiltSeries

SMALL = 64
"""Pixels to which the shorter side is averaged: geometry shows at low resolution."""
FOLDS = 4
FACTORS = (0.5, 2 / 3, 1.5, 2.0)
"""By which the angles may be wrong."""
STEEPEST = 89.0
GAIN = 1.1
"""Another geometry must predict this many times better before it is told."""
PERMUTATIONS = 400
DOUBT = 0.01
FEWEST = 8
"""Tilts; with fewer, chance decides."""


@dataclass(frozen=True, kw_only=True)
class GeometryCheck:
    """How well the visible tilts predict hidden ones with this geometry and with others.

    Attributes
    ----------
    correlations : dict
        Mean correlation of WBP re-projections, averaged to some 64 pixels, by hypothesis.
    order : float
        Probability that shuffled tilts resemble their neighbours as much.
    findings : tuple of Finding
    """

    correlations: dict[str, float]
    order: float
    findings: tuple[Finding, ...]


def check_geometry(
    series: TiltSeries,
    thickness: int,
    *,
    fractions: tuple[float, float] = (0.0, 1.0),
    cancel: CancelToken | None = None,
) -> Job[GeometryCheck]:
    """Try other geometries on a small copy of the series.

    Parameters
    ----------
    series : TiltSeries
        Aligned, with the tilt axis along y, as far as anybody knows.
    thickness : int
        Pixels of the series.
    fractions : tuple of float
        Share of the whole job that this is, for `Progress`.
    cancel : CancelToken, optional
        Ends the job with `Cancelled`.
    """
    tilts, factor = _small_copy(series)
    angles = series.included_angles
    thickness = max(round(thickness / factor), 4)
    names = ["as given", "tilt axis along x"]
    names += [f"angles times {f:.3g}" for f in FACTORS if np.abs(angles).max() * f <= STEEPEST]
    found: dict[str, float] = {}
    for i, name in enumerate(names):
        raise_if_cancelled(cancel)
        fraction = part(fractions, i, len(names))
        yield Progress(stage="Trying other geometries", done=i, total=len(names), fraction=fraction)
        images, values = tilts, angles
        if name == "tilt axis along x":
            images = np.ascontiguousarray(tilts.transpose(0, 2, 1))
        elif name.startswith("angles"):
            values = angles * float(FACTORS[[f"{f:.3g}" for f in FACTORS].index(name.split()[-1])])
        found[name] = _held_out_correlation(images, values, thickness)
    order = order_doubt(tilts)
    findings = tuple(_findings(series, found, order)) if angles.size >= FEWEST else ()
    return GeometryCheck(correlations=found, order=order, findings=findings)


def order_doubt(tilts: NDArray[np.float32]) -> float:
    """Probability that tilts ``(n, y, x)`` in random order resemble their neighbours as much."""
    flat = tilts.reshape(len(tilts), -1)
    table: NDArray[np.float64] = np.atleast_2d(np.corrcoef(flat))
    n = len(tilts)
    rng = np.random.default_rng(0)
    first = np.arange(n - 1)
    own = table[first, first + 1].mean()
    orders = [rng.permutation(n) for _ in range(PERMUTATIONS)]
    others = [table[order[:-1], order[1:]].mean() for order in orders]
    return float((1 + np.sum(np.array(others) >= own)) / (1 + PERMUTATIONS))


def _findings(series: TiltSeries, found: dict[str, float], order: float) -> list[Finding]:
    findings = []
    if order > DOUBT:
        findings.append(
            Finding(
                severity="warning",
                message=f"{series.name}: tilts do not resemble their neighbours in angle more "
                "than any others. Are they in the order of the angles?",
                remedy="Check that the angle file belongs to this stack and has its order.",
            )
        )
    given = found["as given"]
    best = max(found, key=lambda name: found[name])
    if best == "as given" or found[best] < GAIN * given or found[best] <= 0:
        return findings
    if best == "tilt axis along x":
        message = "hidden tilts are predicted better with the tilt axis along x"
        remedy = "Rotate the stack by 90° so that the axis lies along y."
    else:
        message = f"hidden tilts are predicted better with {best}"
        remedy = "Check the increment and the range of the angle file."
    findings.append(
        Finding(
            severity="warning",
            message=f"{series.name}: {message} (correlation {found[best]:.2f} instead of "
            f"{given:.2f}).",
            remedy=remedy,
        )
    )
    return findings


def _held_out_correlation(
    tilts: NDArray[np.float32], angles: NDArray[np.float64], thickness: int
) -> float:
    values = []
    for first in range(min(FOLDS, len(angles) - 2)):
        hidden = np.arange(len(angles)) % FOLDS == first
        visible = tilts[~hidden]
        out = wbp_reprojection(visible, angles[~hidden], angles[hidden], thickness)
        values += [correlation(p, t) for p, t in zip(out, tilts[hidden], strict=True)]
    return float(np.mean(values))


def _small_copy(series: TiltSeries) -> tuple[NDArray[np.float32], int]:
    """Normalised tilts averaged to a small size, and the factor."""
    factor = max(min(series.image_shape) // SMALL, 1)
    stats = measure_intensities(series)
    small = []
    for i, index in enumerate(series.included):
        image = averaged(stats.normalised(series.read([index])[0], i), factor)
        small.append((image - image.mean()) / (image.std() or 1.0))
    return np.asarray(small, dtype=np.float32), factor
