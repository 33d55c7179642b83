"""One way into every method, for measured tilts alone or with synthesized ones."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from ..angular_weights import measured_weights, synthesized_weights, weights_given_up
from ..errors import InputError
from ..events import SlabReady
from .iterative import reconstruct_iteratively
from .iterative_settings import SIRTSettings, TVSettings
from .settings import WBPSettings
from .source import TiltSource
from .wbp import reconstruct

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..events import CancelToken, Event, Job

MethodSettings: TypeAlias = WBPSettings | SIRTSettings | TVSettings


def augment(measured: TiltSource, synthesized: TiltSource, *, alpha: float = 1.0) -> TiltSource:
    """Measured tilts and synthesized ones as one source, ascending in angle.

    Back-projected it gives ``measured + alpha * synthesized``, as `correct` does, where what
    measured tilts beside a filled gap give up is part of the latter (`weights_given_up`); an
    iterative method counts the residuals of synthesized tilts `alpha` times (for total
    variation of a slab see `iterative.shares_of`).

    Parameters
    ----------
    measured, synthesized : TiltSource
        Of the same image size and on the same scale; angles that differ.
    alpha : float
        0 to 1.

    Raises
    ------
    InputError
        Sizes that differ, an angle in both, or an alpha out of its range.
    """
    if measured.shape_yx != synthesized.shape_yx:
        raise InputError(
            f"Measured tilts are {measured.shape_yx}, synthesized ones {synthesized.shape_yx}."
        )
    if np.isin(synthesized.angles, measured.angles).any():
        raise InputError("A synthesized tilt has the angle of a measured one.")
    if not 0 <= alpha <= 1:
        raise InputError(f"Synthesized tilts count 0 to 1 times, not {alpha:g}.")
    if alpha == 0:
        return measured
    angles = np.concatenate([measured.angles, synthesized.angles])
    order = np.argsort(angles, kind="stable")
    own = measured.weights
    weights = measured_weights(measured.angles) if own is None else own
    weights = weights + alpha * weights_given_up(measured.angles, synthesized.angles)
    added = alpha * synthesized_weights(measured.angles, synthesized.angles)
    shares = np.concatenate(
        [np.ones(len(measured.angles)), np.full(len(synthesized.angles), float(alpha))]
    )

    def read(rows: slice) -> NDArray[np.float32]:
        return np.concatenate([measured.read_rows(rows), synthesized.read_rows(rows)])[order]

    return TiltSource(
        read_rows=read,
        angles=angles[order],
        shape_yx=measured.shape_yx,
        weights=np.concatenate([weights, added])[order],
        shares=shares[order],
        synthesized=order >= len(measured.angles),
    )


def reconstruct_source(
    source: TiltSource,
    settings: MethodSettings,
    *,
    part: str = "measured",
    cancel: CancelToken | None = None,
    fractions: tuple[float, float] = (0.0, 1.0),
) -> Job[NDArray[np.float64] | None]:
    """Reconstruct by the method that the settings belong to.

    Yields
    ------
    Progress, Residual, SlabReady
        As `wbp.reconstruct` and `reconstruct_iteratively`.

    Returns
    -------
    ndarray or None
        Residual curve of an iterative method.
    """
    if isinstance(settings, WBPSettings):
        first, _ = source.row_range
        job = reconstruct(
            source.read_own_rows,
            source.angles,
            source.weights,
            (source.n_rows, source.shape_yx[1]),
            settings,
            part=part,
            cancel=cancel,
            fractions=fractions,
        )
        for event in job:
            yield _moved(event, first)
        return None
    return (
        yield from reconstruct_iteratively(
            source, settings, part=part, cancel=cancel, fractions=fractions
        )
    )


def _moved(event: Event, rows: int) -> Event:
    """A slab at its place in the whole tomogram; other events as they are."""
    if not isinstance(event, SlabReady):
        return event
    return replace(event, y_start=event.y_start + rows, y_stop=event.y_stop + rows)
