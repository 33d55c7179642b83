"""Wrong use seen in the tilts: tilt axis along x, shuffled tilts, angles of another series.

What nothing can see is `summary.SIGNS_UNSEEN`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..correct.rows import measure_intensities
from ..events import Progress, raise_if_cancelled
from ..io.checks.findings import Finding
from .angle_scale import AngleScale, angle_scale
from .metrics import averaged, correlation
from .prediction.baselines import wbp_reprojection
from .sharing import part

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..events import CancelToken, Job
    from ..tilt_series import TiltSeries

SMALL = 64
"""Pixels to which the shorter side is averaged: axis and order show at low resolution."""
WIDE, ROWS = 320, 128
"""Pixels along x to which tilts are averaged, and rows in the middle, for the increment."""
FOLDS = 4
AS_GIVEN, ALONG_X = "as given", "tilt axis along x"
GAIN = 1.1
"""Another axis must predict this many times better before it is told."""
OTHER_SCALE = 1.24
"""Angles that are wrong by less are not told from right ones of a specimen that is no slab."""
CERTAIN = 3.5
"""Standard errors."""
SLAB = 1.1
"""Neighbours must agree this many times better with their stretch: else it is no slab."""
PERMUTATIONS = 400
DOUBT = 0.01
FEWEST = 8
"""Tilts; with fewer, chance decides."""
AXIS_SHARE = 0.3
"""Of the time, for the axis."""


@dataclass(frozen=True, kw_only=True)
class GeometryCheck:
    """Whether axis, order and increment of the tilts are what they are said to be.

    Attributes
    ----------
    correlations : dict
        Mean correlation of WBP re-projections of hidden tilts, averaged to some 64 pixels,
        with the tilt axis as given and along x.
    order : float
        Probability that shuffled tilts resemble their neighbours as much.
    scale : AngleScale or None
        None with too few tilts.
    findings : tuple of Finding
    """

    correlations: dict[str, float]
    order: float
    scale: AngleScale | None
    findings: tuple[Finding, ...]


def check_geometry(
    series: TiltSeries,
    thickness: int,
    *,
    fractions: tuple[float, float] = (0.0, 1.0),
    cancel: CancelToken | None = None,
) -> Job[GeometryCheck]:
    """Try other geometries on small copies of the series.

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
    angles = series.included_angles
    factor = max(min(series.image_shape) // SMALL, 1)
    tilts = _small_copy(series, factor)
    depth = max(round(thickness / factor), 4)
    values: dict[str, NDArray[np.float64]] = {}
    for i, name in enumerate((AS_GIVEN, ALONG_X)):
        raise_if_cancelled(cancel)
        fraction = part(fractions, i * AXIS_SHARE / 2, 1)
        yield Progress(stage="Trying another tilt axis", done=i, total=2, fraction=fraction)
        turned = name == ALONG_X
        images = np.ascontiguousarray(tilts.transpose(0, 2, 1)) if turned else tilts
        values[name] = _held_out_correlations(images, angles, depth)
    found = {name: float(each.mean()) if each.size else 0.0 for name, each in values.items()}
    order = order_doubt(tilts)
    if angles.size < FEWEST:
        return GeometryCheck(correlations=found, order=order, scale=None, findings=())
    factor = max(round(series.image_shape[1] / WIDE), 1)
    share = part(fractions, AXIS_SHARE, 1), fractions[1]
    wide = _small_copy(series, factor, ROWS)
    scale = yield from angle_scale(
        wide, angles, round(thickness / factor), fractions=share, cancel=cancel
    )
    findings = (
        *order_findings(series.name, order),
        # axis and increment mean little where the order is wrong
        *([] if order > DOUBT else axis_findings(series.name, values)),
        *([] if order > DOUBT else scale_findings(series, scale)),
    )
    return GeometryCheck(correlations=found, order=order, scale=scale, findings=findings)


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


def order_findings(name: str, order: float) -> list[Finding]:
    """A warning where tilts are not in the order of their angles."""
    if order <= DOUBT:
        return []
    return [
        Finding(
            severity="warning",
            message=f"{name}: tilts do not resemble their neighbours in angle more "
            "than any others. Are they in the order of the angles?",
            remedy="Check that the angle file belongs to this stack and has its order.",
        )
    ]


def axis_findings(name: str, found: dict[str, NDArray[np.float64]]) -> list[Finding]:
    """A warning where the tilt axis lies along x, by the correlations of hidden tilts."""
    given, turned = float(found[AS_GIVEN].mean()), float(found[ALONG_X].mean())
    gains = found[ALONG_X] - found[AS_GIVEN]
    error = float(gains.std(ddof=1)) / np.sqrt(gains.size)
    if turned <= 0 or turned < GAIN * given or gains.mean() < CERTAIN * error:
        return []
    return [
        Finding(
            severity="warning",
            message=f"{name}: hidden tilts are predicted better with the tilt axis along x "
            f"(correlation {turned:.2f} instead of {given:.2f}).",
            remedy="Rotate the stack by 90° so that the axis lies along y.",
        )
    ]


def scale_findings(series: TiltSeries, found: AngleScale) -> list[Finding]:
    """A warning where the increment of the angles is wrong."""
    is_slab = found.correlation > SLAB * found.unstretched and found.visible > CERTAIN
    is_other = max(found.scale, 1 / found.scale) > OTHER_SCALE and found.certainty > CERTAIN
    if not (is_slab and is_other):
        return []
    given, likely = series.increment, series.increment * found.scale
    return [
        Finding(
            severity="warning",
            message=f"{series.name}: neighbouring tilts are stretched as if the increment were "
            f"about {likely:.1f}° instead of {given:.3g}°, or the range {found.scale:.2g} times "
            f"as wide (agreement {found.correlation:.2f} instead of {found.given:.2f}).",
            remedy="Check that the angle file belongs to this stack.",
        )
    ]


def _held_out_correlations(
    tilts: NDArray[np.float32], angles: NDArray[np.float64], thickness: int
) -> NDArray[np.float64]:
    """Of each hidden tilt with its WBP re-projection."""
    values: list[float] = []
    for first in range(min(FOLDS, len(angles) - 2)):
        hidden = np.arange(len(angles)) % FOLDS == first
        visible = tilts[~hidden]
        out = wbp_reprojection(visible, angles[~hidden], angles[hidden], thickness)
        values += [correlation(p, t) for p, t in zip(out, tilts[hidden], strict=True)]
    return np.array(values)


def _small_copy(series: TiltSeries, factor: int, rows: int | None = None) -> NDArray[np.float32]:
    """Tilts averaged over `factor` pixels, mean 0 and standard deviation 1; rows in the middle."""
    stats = measure_intensities(series)
    small = []
    for i, index in enumerate(series.included):
        image = averaged(stats.normalised(series.read([index])[0], i), factor)
        if rows is not None:
            start = max((image.shape[0] - rows) // 2, 0)
            image = image[start : start + rows]
        small.append((image - image.mean()) / (image.std() or 1.0))
    return np.asarray(small, dtype=np.float32)
