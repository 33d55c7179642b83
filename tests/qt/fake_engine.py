"""An engine that yields the real one's events from arithmetic a test can predict."""

from __future__ import annotations

import threading
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_lbn._qt.engine import Choice
from napari_lbn.engine.correct import Alteration
from napari_lbn.engine.errors import InputError
from napari_lbn.engine.events import (
    CancelToken,
    Event,
    Notice,
    Progress,
    SlabReady,
    TiltReady,
    raise_if_cancelled,
)
from napari_lbn.engine.geometry import angles_to_synthesize
from napari_lbn.engine.tilt_series import TiltSeries

MEASURED_VALUE = 10.0
SYNTHESIZED_VALUE = 4.0
SLAB_ROWS = 4
ALTERATION = Alteration(changed_outside=0.004, added_inside=0.25)


@dataclass(frozen=True, kw_only=True)
class FakeFinding:
    severity: str
    message: str
    remedy: str


class FakeSettings(dict[str, Any]):
    """Options by name; what the docks themselves read is an attribute too."""

    @property
    def adapt_minutes(self) -> float:
        return float(self.get("adapt_minutes", 0.0))


@dataclass(frozen=True, kw_only=True)
class FakePlan:
    binning: int
    pixel_size: float
    image_shape: tuple[int, int]
    thickness: int
    new_angles: np.ndarray
    measured_angles: np.ndarray
    seconds: float = 40.0
    denoised_seconds: float = 0.0
    noisy_seconds: float = 0.0
    memory_bytes: int = 2_100_000_000
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, eq=False)
class FakeResult:
    series: TiltSeries
    original: TiltSeries
    angles: np.ndarray
    synthesized: np.ndarray
    tilts: np.ndarray
    provenance: dict[str, Any]
    alteration: Alteration = ALTERATION

    def augmented_stack(self, *, full_size: bool = False) -> tuple[np.ndarray, Any]:
        return self.angles, iter(self.tilts)


class FakeEngine:
    """Failures, findings and pauses are set by the test."""

    def __init__(self) -> None:
        self.findings: list[FakeFinding] = []
        self.error: BaseException | None = None
        self.hold = threading.Event()
        self.hold.set()
        self.started = threading.Event()
        self.cleaned_up = threading.Event()
        self.binning = 1
        self.busy = False
        self.settings_seen: list[dict[str, Any]] = []

    def devices(self) -> list[Choice]:
        detail = "CPU, 2 threads"
        automatic = Choice(value="auto", label="automatic (cpu)", detail=detail)
        return [automatic, Choice(value="cpu", label="cpu", detail=detail)]

    def weights(self, folder: Any) -> list[Choice]:
        return [Choice(value="base", label="base (8 to 12 Å)")]

    def check(self, series: TiltSeries) -> list[FakeFinding]:
        return self.findings

    def settings(self, **options: Any) -> FakeSettings:
        return FakeSettings(options)

    def plan(self, series: TiltSeries, settings: dict[str, Any]) -> FakePlan:
        if series.pixel_size is None:
            raise InputError("The pixel size is unknown.", "Enter it.")
        binning = settings["binning"] or self.binning
        height, width = series.image_shape
        return FakePlan(
            binning=binning,
            pixel_size=series.pixel_size * binning,
            image_shape=(height // binning, width // binning),
            thickness=settings["thickness"],
            new_angles=angles_to_synthesize(
                series.included_angles,
                increment=settings["increment"],
                fill_gaps=settings["fill_gaps"],
            ),
            measured_angles=series.included_angles,
        )

    def is_busy(self) -> bool:
        return self.busy

    def correct(
        self, series: TiltSeries, settings: dict[str, Any], cancel: CancelToken
    ) -> Generator[Event, None, FakeResult]:
        self.settings_seen.append(settings)
        plan = self.plan(series, settings)
        try:
            yield Notice(message="a notice")
            yield from self._preview(plan)
            self.started.set()
            while not self.hold.wait(0.02):
                raise_if_cancelled(cancel)
            raise_if_cancelled(cancel)
            if self.error is not None:
                raise self.error
            result = yield from self._tilts(series, plan)
            yield from self._slabs(plan)
        finally:
            self.cleaned_up.set()
        return result

    def _preview(self, plan: FakePlan) -> Generator[Event, None, None]:
        middle = plan.image_shape[0] // 2
        yield from self._slab(plan, middle - 1, middle + 1, preview=True)

    def _tilts(self, series: TiltSeries, plan: FakePlan) -> Generator[Event, None, FakeResult]:
        angles = np.unique(np.concatenate([plan.measured_angles, plan.new_angles]))
        synthesized = ~np.isin(angles, plan.measured_angles)
        tilts = np.zeros((angles.size, *plan.image_shape), np.float32)
        for index, angle in enumerate(angles):
            tilts[index] = angle
            yield TiltReady(
                index=index,
                angle=float(angle),
                image=tilts[index],
                synthesized=bool(synthesized[index]),
            )
            yield Progress(
                stage="Synthesizing tilts",
                done=index + 1,
                total=angles.size,
                fraction=0.8 * (index + 1) / angles.size,
            )
        return FakeResult(
            series=series,
            original=series,
            angles=angles,
            synthesized=synthesized,
            tilts=tilts,
            provenance={"weights": "fake", "excluded": sorted(series.excluded)},
        )

    def _slabs(self, plan: FakePlan) -> Generator[Event, None, None]:
        height = plan.image_shape[0]
        for start in range(0, height, SLAB_ROWS):
            yield from self._slab(plan, start, min(start + SLAB_ROWS, height), preview=False)

    def _slab(
        self, plan: FakePlan, start: int, stop: int, *, preview: bool
    ) -> Generator[Event, None, None]:
        shape = (plan.thickness, stop - start, plan.image_shape[1])
        ramp = np.arange(plan.thickness, dtype=np.float32)[:, None, None]
        values = {"measured": MEASURED_VALUE, "synthesized": SYNTHESIZED_VALUE}
        for part, value in values.items():
            yield SlabReady(
                part=part,
                y_start=start,
                y_stop=stop,
                slab=np.broadcast_to(ramp + value, shape).astype(np.float32),
                preview=preview,
            )
