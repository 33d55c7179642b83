"""Time estimates as ranges, and what other programs leave of the machine."""

from __future__ import annotations

from types import SimpleNamespace

import psutil
import pytest

from napari_lbn.engine import load

CORES = 4
WATCHED = 10.0


class Machine:
    """Clocks of a machine that runs for `WATCHED` seconds, of which others and we use a part."""

    def __init__(self, others: float, ours: float) -> None:
        self.now, self.others, self.ours = 0.0, others, ours

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def monotonic(self) -> float:
        return self.now

    def cpu_times(self) -> SimpleNamespace:
        idle = (CORES - self.others - self.ours) * self.now
        return SimpleNamespace(idle=idle, user=self.ours * self.now, system=0.0)


@pytest.mark.parametrize(
    ("others", "ours", "share"), [(0, 0, 0), (0, 4, 0), (4, 0, 1), (3, 1, 0.75), (1.5, 0.5, 0.375)]
)
def test_only_what_others_do_counts(
    monkeypatch: pytest.MonkeyPatch, others: float, ours: float, share: float
) -> None:
    machine = Machine(others, ours)
    monkeypatch.setattr(load, "time", machine)
    monkeypatch.setattr(psutil, "cpu_times", machine.cpu_times)
    monkeypatch.setattr(psutil, "cpu_count", lambda: CORES)
    monkeypatch.setattr(psutil, "Process", lambda: machine)
    assert load.share_of_others(WATCHED) == pytest.approx(share)
    assert load.is_busy() == (share > 0.5)


def test_this_machine_can_be_asked() -> None:
    assert 0 <= load.share_of_others() <= 1


def test_the_estimate_lies_within_its_range() -> None:
    low, high = load.likely_range(60.0)
    assert low < 60 < high


def test_what_only_some_series_take_makes_the_longest_longer() -> None:
    low, high = load.likely_range(60.0)
    assert load.likely_range(60.0, 30.0) == (low, pytest.approx(high * 1.5))
