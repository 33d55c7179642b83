"""Held-out tilts: kept from training by construction, and how well they are predicted."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import torch

from ..errors import InputError
from ..intensity import normalise
from .examples.crops import Crop, LazyTilts, read_crop
from .examples.draw import TrainingSeries
from .optimisation.staged import predict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from ..network import LBN
    from ..tilt_series import TiltSeries

Predictor: TypeAlias = (
    "Callable[[NDArray[np.float32], NDArray[np.float64], NDArray[np.float64], int], "
    "NDArray[np.float32]]"
)
"""``predictor(visible, angles, targets, thickness)``: tilts at the target angles."""

FACTORS = (1, 2, 4)
"""Correlations are given at full resolution and after averaging over blocks of these sides."""

TILTS_TOGETHER = 4


@dataclass(frozen=True, kw_only=True, eq=False)
class HoldOut:
    """Tilts to predict, and those to predict them from.

    Attributes
    ----------
    name : str
        Of the series.
    visible : ndarray
        ``(n, y, x)`` normalised.
    visible_angles, target_angles : ndarray
        Degrees.
    targets : ndarray
        ``(m, y, x)`` normalised; only ever compared with.
    thickness : int
        Pixels.
    """

    name: str
    visible: NDArray[np.float32]
    visible_angles: NDArray[np.float64]
    targets: NDArray[np.float32]
    target_angles: NDArray[np.float64]
    thickness: int


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Agreement with held-out tilts, averaged over them.

    Attributes
    ----------
    mse : float
        In units of each tilt's variance.
    correlations : tuple of float
        For each of `FACTORS`.
    """

    mse: float
    correlations: tuple[float, ...]


def split(series: TiltSeries, every: int, offset: int = 2) -> tuple[TiltSeries, NDArray[np.intp]]:
    """A series without every n-th of its included tilts, and the indices of those.

    The first and the last tilt stay. Tilts of one angle count as one: they go together.

    Raises
    ------
    InputError
        Too few tilts remain, or none is held out.
    """
    inside = series.included_by_angle[1:-1]
    chosen = inside[(offset - 1) % every :: every]
    held = np.array([i for same in chosen for i in same], dtype=np.intp)
    if every < 2 or held.size == 0 or series.included.size - held.size < 3:
        raise InputError(
            f"{series.name}: every {every}th of {series.included.size} tilts cannot be held out.",
            "Hold out fewer, or none of this series.",
        )
    return series.with_excluded(series.excluded | {int(i) for i in held}), held


def as_training_series(series: TiltSeries, thickness: int) -> TrainingSeries:
    """The included tilts of a series for training, read piece by piece when needed."""
    return TrainingSeries(
        tilts=LazyTilts(series),
        angles=series.included_angles,
        thickness=thickness,
        name=series.name,
    )


def hold_out(
    training: TiltSeries, held: NDArray[np.intp], thickness: int, size: int = 256
) -> HoldOut:
    """Held-out tilts of a series in a central crop, with those that stay visible.

    Parameters
    ----------
    training : TiltSeries
        The first value of `split`.
    held : ndarray
        The second one.
    thickness : int
        Pixels.
    size : int
        Of the crop, pixels.
    """
    hidden = training.with_excluded(set(range(training.n_tilts)) - {int(i) for i in held})
    height, width = training.image_shape
    rows = min(size, height)
    columns = width if size >= width else size + (width - size) % 2
    crop = Crop(top=(height - rows) // 2, rows=rows, columns=columns)

    def read(part: TiltSeries) -> NDArray[np.float32]:
        angles = part.included_angles
        return normalise(read_crop(LazyTilts(part), angles, crop), angles)[0]

    return HoldOut(
        name=training.name,
        visible=read(training),
        visible_angles=training.included_angles,
        targets=read(hidden),
        target_angles=hidden.included_angles,
        thickness=thickness,
    )


def predict_hold_out(network: LBN, case: HoldOut) -> NDArray[np.float32]:
    """The network's prediction ``(m, y, x)`` of the held-out tilts."""
    return predict_tilts(network, case, case.target_angles)


def predict_tilts(network: LBN, case: HoldOut, angles: NDArray[np.float64]) -> NDArray[np.float32]:
    """The network's prediction ``(m, y, x)`` at any angles (degrees) from the visible tilts."""
    tilts = torch.from_numpy(np.ascontiguousarray(case.visible[:, None])).to(network.device)
    with torch.inference_mode():
        out = predict(
            network,
            tilts,
            case.visible_angles,
            angles,
            thickness=case.thickness,
            tilts_together=TILTS_TOGETHER,
        )
    return out[:, 0].float().cpu().numpy()


def score_network(network: LBN, cases: Sequence[HoldOut]) -> Scores:
    """How well a network predicts the held-out tilts."""
    return score([predict_hold_out(network, case) for case in cases], cases)


def network_predictor(network: LBN) -> Predictor:
    """The network as it is now, whatever becomes of it: another line to beat in the curves."""
    frozen = copy.deepcopy(network).eval()

    def predictor(
        visible: NDArray[np.float32],
        angles: NDArray[np.float64],
        targets: NDArray[np.float64],
        thickness: int,
    ) -> NDArray[np.float32]:
        case = HoldOut(
            name="",
            visible=visible,
            visible_angles=angles,
            targets=visible[:0],
            target_angles=targets,
            thickness=thickness,
        )
        return predict_hold_out(frozen, case)

    return predictor


def score_predictor(predictor: Predictor, cases: Sequence[HoldOut]) -> Scores:
    """How well something without training predicts them: a horizontal line in the curves."""
    made = [
        predictor(case.visible, case.visible_angles, case.target_angles, case.thickness)
        for case in cases
    ]
    return score(made, cases)


def score(predictions: Sequence[NDArray[Any]], cases: Sequence[HoldOut]) -> Scores:
    """Scores of predictions ``(m, y, x)``, one for each case."""
    errors: list[float] = []
    correlations: list[list[float]] = []
    for made, case in zip(predictions, cases, strict=True):
        for a, b in zip(made, case.targets, strict=True):
            errors.append(float(np.square(a - b, dtype=np.float64).mean()))
            correlations.append([correlation(a, b, factor) for factor in FACTORS])
    means = np.mean(correlations, axis=0)
    return Scores(mse=float(np.mean(errors)), correlations=tuple(float(c) for c in means))


def correlation(a: NDArray[Any], b: NDArray[Any], factor: int = 1) -> float:
    """Pearson correlation of two images after averaging over blocks of `factor` pixels a side."""
    x, y = (_block_means(np.asarray(image, np.float64), factor).ravel() for image in (a, b))
    x, y = x - x.mean(), y - y.mean()
    norm = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / norm if norm > 0 else 0.0


def _block_means(image: NDArray[np.float64], factor: int) -> NDArray[np.float64]:
    rows, columns = (n // factor for n in image.shape)
    cut = image[: rows * factor, : columns * factor]
    return cut.reshape(rows, factor, columns, factor).mean(axis=(1, 3))
