"""What a user watches while a network learns: one held-out tilt and one section, fixed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..angular_weights import measured_weights, synthesized_weights
from ..events import Event
from ..geometry import angles_to_synthesize
from ..reconstruction.wbp import WBPSettings, back_project_slab
from .validation import correlation, predict_tilts

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from ..network import LBN
    from ..reconstruction.responses import FilterName
    from .validation import HoldOut

SECTION_ROWS = 5
"""Rows of y that the section averages: a single one is mostly noise."""
FILTER: FilterName = "hamming"
"""Of the section's back-projection: the plain ramp shows noise above all."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PreviewReady(Event):
    """How a network sees the fixed preview.

    Attributes
    ----------
    epoch : int
        Epochs that the network has been trained for; 0 is the network as it started.
    name : str
        Of the tilt series.
    angle : float
        Of the held-out tilt, degrees.
    measured, predicted : ndarray
        ``(y, x)`` float32 in standard deviations of the measured tilt, which the network
        never saw.
    section : ndarray
        ``(z, x)`` float32: the tomogram's middle section, synthesized tilts included.
    correlation : float
        Of both images at full resolution.
    """

    epoch: int
    name: str
    angle: float
    measured: NDArray[np.float32]
    predicted: NDArray[np.float32]
    section: NDArray[np.float32]
    correlation: float

    @property
    def residual(self) -> NDArray[np.float32]:
        """Measured minus predicted ``(y, x)``: noise, and what the network missed."""
        return self.measured - self.predicted


class Preview:
    """Always the same held-out tilt and section, so that epochs can be compared.

    Parameters
    ----------
    case : HoldOut
        Of one series. The tilt is the one whose angle is in the middle of the held-out
        ones by size: neither the easiest nor the hardest.
    """

    def __init__(self, case: HoldOut) -> None:
        self._case = case
        order = np.argsort(np.abs(case.target_angles), kind="stable")
        self._tilt = int(order[len(order) // 2])
        self._new = angles_to_synthesize(case.visible_angles)

    def __call__(self, network: LBN, epoch: int) -> PreviewReady:
        """Predict the tilt and the missing wedge, and reconstruct the section."""
        case = self._case
        angle = float(case.target_angles[self._tilt])
        made = predict_tilts(network, case, np.concatenate([[angle], self._new]))
        measured = case.targets[self._tilt]
        return PreviewReady(
            epoch=epoch,
            name=case.name,
            angle=angle,
            measured=measured,
            predicted=made[0],
            section=self._section(made[1:]),
            correlation=correlation(made[0], measured),
        )

    def _section(self, synthesized: NDArray[np.float32]) -> NDArray[np.float32]:
        case, visible = self._case, self._case.visible_angles
        section = _back_project(case.visible, visible, measured_weights(visible), case.thickness)
        if self._new.size:
            weights = synthesized_weights(visible, self._new)
            section = section + _back_project(synthesized, self._new, weights, case.thickness)
        return section


def _back_project(
    tilts: NDArray[np.float32], angles: ArrayLike, weights: ArrayLike, thickness: int
) -> NDArray[np.float32]:
    """The middle section ``(z, x)``; rows are averaged before, which is the same and cheaper."""
    middle = (tilts.shape[1] - SECTION_ROWS) // 2
    rows = tilts[:, max(middle, 0) : max(middle, 0) + SECTION_ROWS].mean(axis=1, keepdims=True)
    settings = WBPSettings(thickness=thickness, filter=FILTER)
    return back_project_slab(rows, angles, weights, settings)[:, 0]
