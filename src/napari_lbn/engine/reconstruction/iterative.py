"""SIRT and total variation of whole tilt series, slab by slab of y, under a memory bound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from ..device import default_memory_bound
from ..errors import InputError
from ..events import Event, Progress, SlabReady, raise_if_cancelled
from .iterative_plan import MATRIX_SHARE, plan_rows
from .iterative_settings import IterativeSettings, SIRTSettings, TVSettings
from .parts import part_in_words
from .slab_operator import SlabOperator
from .solvers import solve_sirt, solve_tv

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from numpy.typing import NDArray
    from torch import Tensor

    from ..events import CancelToken, Job
    from .source import TiltSource

SAMPLE_ROWS = 16
"""Rows from which the unit of the regularization is measured."""

__all__ = ["Residual", "SIRTSettings", "TVSettings", "reconstruct_iteratively"]


@dataclass(frozen=True, kw_only=True)
class Residual(Event):
    """How far the projections of the tomogram are from the tilts, after some iterations.

    Attributes
    ----------
    iteration : int
        Steps taken.
    y_start : int
        First row of the slab that it is about.
    value : float
        Norm of ``A x - tilts`` over the norm of the tilts.
    """

    iteration: int
    y_start: int
    value: float


def reconstruct_iteratively(
    source: TiltSource,
    settings: IterativeSettings,
    *,
    part: str = "measured",
    cancel: CancelToken | None = None,
    fractions: tuple[float, float] = (0.0, 1.0),
) -> Job[NDArray[np.float64]]:
    """SIRT or total variation of tilts that are read as needed.

    Parameters
    ----------
    source : TiltSource
        Tilts, angles, and how much each counts.
    settings : SIRTSettings or TVSettings
        Which method, and how.
    part, cancel, fractions
        As for `wbp.reconstruct`; cancelling is looked for after every iteration.

    Yields
    ------
    Progress, Residual, SlabReady
        Slabs in ascending y.

    Returns
    -------
    ndarray
        ``(iterations,)`` residual curve of the whole tomogram: norm of ``A x - tilts``
        before each step over that of the tilts.

    Raises
    ------
    InputError, MemoryBoundError, Cancelled
    """
    angles = np.asarray(source.angles, np.float64)
    shares = torch.from_numpy(shares_of(source, settings)).float().to(settings.device)
    bound = settings.memory_bound or default_memory_bound(settings.device)
    rows = plan_rows(angles, source.shape_yx, settings, bound)
    operator = SlabOperator(
        angles,
        source.shape_yx[1],
        settings.thickness,
        wide=settings.beyond == "specimen",
        device=settings.device,
        matrix_bytes=int(MATRIX_SHARE * bound),
    )
    penalty = _penalty(source, settings)
    starts = range(source.row_range[0], source.row_range[1], rows)
    squares, total = np.zeros(settings.iterations), 0.0
    for index, start in enumerate(starts):
        raise_if_cancelled(cancel)
        stop = min(start + rows, source.row_range[1])
        tilts, inner = _read(source, start, stop, settings)
        norm = float((tilts.double() ** 2).sum()) or 1.0
        total += norm
        result: list[Tensor] = []
        steps = _solve(operator, tilts, shares, settings, penalty)
        for k, square in enumerate(_returning(steps, result)):
            raise_if_cancelled(cancel)
            squares[k] += square
            yield Residual(iteration=k, y_start=start, value=float(np.sqrt(square / norm)))
            done = index * settings.iterations + k + 1
            yield _progress(part, done, len(starts) * settings.iterations, fractions)
        slab = operator.crop(result[0])[..., inner].permute(0, 2, 1).contiguous()
        yield SlabReady(part=part, y_start=start, y_stop=stop, slab=slab.cpu().numpy())
    return np.sqrt(squares / max(total, 1e-30))


def _read(
    source: TiltSource, start: int, stop: int, settings: IterativeSettings
) -> tuple[Tensor, slice]:
    """Tilts ``(n_tilts, x, rows)`` of a slab and its halo, and the slab's own rows therein."""
    ny, nx = source.shape_yx
    first, last = max(start - settings.halo, 0), min(stop + settings.halo, ny)
    tilts = source.read_rows(slice(first, last))
    wanted = (len(source.angles), last - first, nx)
    if tilts.shape != wanted:
        raise InputError(f"Expected tilts of shape {wanted}, not {tuple(tilts.shape)}.")
    columns = torch.tensor(tilts, dtype=torch.float32).transpose(1, 2).contiguous()
    return columns.to(settings.device), slice(start - first, stop - first)


def _solve(
    operator: SlabOperator,
    tilts: Tensor,
    weights: Tensor,
    settings: IterativeSettings,
    penalty: float,
) -> Generator[float, None, Tensor]:
    if isinstance(settings, SIRTSettings):
        return solve_sirt(operator, tilts, weights, settings)
    return solve_tv(operator, tilts, weights, settings, penalty)


def _penalty(source: TiltSource, settings: IterativeSettings) -> float:
    """Lambda of the total variation, from rows in the middle: one for all slabs."""
    if isinstance(settings, SIRTSettings) or settings.strength == 0:
        return 0.0
    ny = source.shape_yx[0]
    first = max(ny // 2 - SAMPLE_ROWS // 2, 0)
    tilts = source.read_rows(slice(first, min(first + SAMPLE_ROWS, ny)))
    return settings.strength * len(tilts) ** 0.5 * float(np.std(tilts, dtype=np.float64))


def _returning(steps: Generator[float, None, Tensor], keep: list[Tensor]) -> Iterator[float]:
    """Go through a solver's steps, and keep what it returns."""
    keep.append((yield from steps))


def shares_of(source: TiltSource, settings: IterativeSettings) -> NDArray[np.float64]:
    """How much each tilt counts, the most 1.

    What a network gets wrong grows with the tilt itself, in a slab as 1 / cos(angle), and
    total variation weighs squared errors: without cos^2 the steepest tilts, which see far more
    than the field of view, draw bands along x. SIRT divides by the length of rays already.

    Raises
    ------
    InputError
        Not one share for each tilt, negative ones, or all 0.
    """
    angles = np.asarray(source.angles, np.float64)
    shares = np.ones_like(angles) if source.shares is None else np.asarray(source.shares, float)
    if angles.ndim != 1 or angles.size == 0 or shares.shape != angles.shape:
        raise InputError(
            f"Tilt angles {angles.shape} and shares {shares.shape} must be two lists of "
            "equal length, not empty."
        )
    if not (shares >= 0).all() or not shares.any():
        raise InputError("Shares of tilts must not be negative, nor all zero.")
    in_slab = isinstance(settings, TVSettings) and settings.beyond == "specimen"
    if in_slab and source.synthesized is not None:
        shares = np.where(source.synthesized, shares * np.cos(np.deg2rad(angles)) ** 2, shares)
    return shares / shares.max()


def _progress(part: str, done: int, total: int, fractions: tuple[float, float]) -> Progress:
    start, stop = fractions
    return Progress(
        stage=f"Iterating on {part_in_words(part)}",
        done=done,
        total=total,
        fraction=start + (stop - start) * done / total,
    )
