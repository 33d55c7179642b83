"""What the widgets ask of the engine, imported only when it is asked.

Importing torch takes seconds: every method here is called from a worker thread. Tests put
another object with the same methods in its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from napari_lbn.engine.events import CancelToken, Job
from napari_lbn.engine.tilt_series import TiltSeries


@dataclass(frozen=True, kw_only=True)
class Choice:
    """One entry of a list that the user chooses from."""

    value: str
    label: str
    detail: str = ""


class Engine(Protocol):
    """The engine as the widgets see it."""

    def devices(self) -> list[Choice]:
        """Compute devices, "auto" first."""

    def weights(self, folder: Path | None) -> list[Choice]:
        """Bundled weights and those of the user's folder."""

    def check(self, series: TiltSeries) -> Sequence[Any]:
        """Findings about a tilt series."""

    def settings(self, **options: Any) -> Any:
        """Settings of a correction."""

    def plan(self, series: TiltSeries, settings: Any) -> Any:
        """What a correction would do, how long it takes and how much memory."""

    def is_busy(self) -> bool:
        """Whether other programs keep this machine busy."""

    def correct(self, series: TiltSeries, settings: Any, cancel: CancelToken) -> Job[Any]:
        """The correction."""


class LBNEngine:
    """The real engine."""

    def devices(self) -> list[Choice]:
        """Compute devices, "auto" first."""
        from napari_lbn.engine.device import choose_device, describe_device, list_devices

        best = choose_device("auto")
        automatic = Choice(value="auto", label=f"automatic ({best})", detail=describe_device(best))
        others = [
            Choice(value=name, label=name, detail=describe_device(choose_device(name)))
            for name in list_devices()
        ]
        return [automatic, *others]

    def weights(self, folder: Path | None) -> list[Choice]:
        """Bundled weights and those of the user's folder."""
        from napari_lbn.engine.io.weights.find import bundled_weights

        bundled = [
            Choice(value=info.name, label=_weights_label(info), detail=str(info.path.name))
            for info in bundled_weights()
        ]
        own = [] if folder is None else sorted(folder.glob("*.safetensors"))
        return bundled + [Choice(value=str(f), label=f.name, detail=str(f)) for f in own]

    def check(self, series: TiltSeries) -> Sequence[Any]:
        """Findings about a tilt series."""
        from napari_lbn.engine.io.checks.series import check_tilt_series

        return check_tilt_series(series)

    def settings(self, **options: Any) -> Any:
        """Settings of a correction."""
        from napari_lbn.engine.correct import CorrectionSettings

        return CorrectionSettings(**options)

    def plan(self, series: TiltSeries, settings: Any) -> Any:
        """What a correction would do, how long it takes and how much memory."""
        from napari_lbn.engine.correct import plan

        return plan(series, settings)

    def is_busy(self) -> bool:
        """Whether other programs keep this machine busy."""
        from napari_lbn.engine.load import is_busy

        return is_busy()

    def correct(self, series: TiltSeries, settings: Any, cancel: CancelToken) -> Job[Any]:
        """The correction."""
        from napari_lbn.engine.correct import correct

        return correct(series, settings, cancel=cancel)


def _weights_label(info: Any) -> str:
    low, high = info.pixel_sizes
    return f"{info.name} ({low:g} to {high:g} Å)"
