"""The fixed preview: what it shows is true, and watching changes nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file

from napari_lbn.engine.events import Event, drain
from napari_lbn.engine.network import LBN, LBNConfig
from napari_lbn.engine.tilt_series import TiltSeries
from napari_lbn.engine.training.data import TrainingData
from napari_lbn.engine.training.examples.draw import ExampleSettings
from napari_lbn.engine.training.folder.run import StepFinished, fit
from napari_lbn.engine.training.preview import Preview, PreviewReady
from napari_lbn.engine.training.settings import RunSettings, TrainingSettings
from napari_lbn.engine.training.validation import (
    HoldOut,
    as_training_series,
    hold_out,
    predict_hold_out,
    split,
)

TRAINING = TrainingSettings(
    precision="float32",
    warm_up=0,
    ema=0.5,
    examples=ExampleSettings(crop=32, n_targets=3, depths=(32,)),
)
RUN = RunSettings(epochs=2, steps_per_epoch=2)


def make_network() -> LBN:
    torch.manual_seed(0)
    config = LBNConfig(widths=(4, 8, 8, 8, 8), unet_widths=(8, 8, 8, 8), updates=0, updates_after=0)
    return LBN(config).eval()


def make_case(angles: np.ndarray) -> tuple[TiltSeries, HoldOut]:
    images = np.random.default_rng(0).standard_normal((angles.size, 40, 48)).astype(np.float32)
    series = TiltSeries.from_array(images, angles, pixel_size=10.0, name="TS")
    seen, held = split(series, 4)
    return seen, hold_out(seen, held, 24)


@pytest.fixture(scope="module")
def case() -> HoldOut:
    return make_case(np.arange(-60.0, 61, 12))[1]


def test_the_tilt_is_predicted_as_validation_predicts_it(case: HoldOut) -> None:
    network = make_network()
    shown = Preview(case)(network, 3)
    index = int(np.flatnonzero(case.target_angles == shown.angle)[0])
    np.testing.assert_array_equal(shown.measured, case.targets[index])
    expected = predict_hold_out(network, case)[index]
    np.testing.assert_allclose(shown.predicted, expected, atol=1e-4)
    np.testing.assert_allclose(shown.residual + shown.predicted, shown.measured, atol=1e-5)
    assert (shown.name, shown.epoch) == ("TS", 3)
    agreement = np.corrcoef(expected.ravel(), shown.measured.ravel())[0, 1]
    assert shown.correlation == pytest.approx(agreement, abs=1e-3)


def test_the_section_holds_what_the_network_adds_in_the_wedge(
    case: HoldOut, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A silent network adds nothing: the section is plain WBP of the measured tilts."""
    preview = Preview(case)
    talking = preview(make_network(), 0).section
    monkeypatch.setattr(
        LBN, "decode", lambda self, latents, size, known: torch.zeros(len(latents), 1, *size)
    )
    silent = preview(make_network(), 0).section
    assert silent.shape == talking.shape == (24, 48)
    # a tilt at theta fills the line of frequencies (k cos theta, k sin theta)
    kz, kx = np.abs(np.fft.fftfreq(24))[:, None], np.abs(np.fft.fftfreq(48))[None]
    wedge = np.arctan2(kz, kx) > np.deg2rad(66)
    power = np.abs(np.fft.fft2(silent)) ** 2
    assert power[wedge].mean() < 0.1 * power[~wedge].mean()
    assert np.abs(talking - silent).max() > 0


@settings(max_examples=15)
@given(first=st.floats(-70, -30), step=st.floats(4, 15))
def test_any_range_of_angles_has_a_preview(first: float, step: float) -> None:
    _, case = make_case(first + step * np.arange(8))
    shown = Preview(case)(make_network(), 0)
    assert shown.angle in case.target_angles
    assert np.isfinite(shown.section).all()


def test_watching_does_not_change_what_is_learned(tmp_path: Path) -> None:
    seen, case = make_case(np.arange(-60.0, 61, 12))

    def train(folder: str, data: TrainingData) -> tuple[dict[str, torch.Tensor], list[Event]]:
        events: list[Event] = []
        job = fit(make_network(), data, TRAINING, RUN, tmp_path / folder)
        drain(job, events.append)
        return load_file(tmp_path / folder / "last.safetensors"), events

    data = TrainingData(
        series=[as_training_series(seen, 24)],
        add_noise=lambda clean, *_: clean,
        hold_outs=[case],
    )
    plain, _ = train("plain", data)
    watched, events = train("watched", replace(data, preview=Preview(case)))
    shown = [e for e in events if isinstance(e, PreviewReady)]
    assert [e.epoch for e in shown] == [1, 2]
    assert not np.array_equal(shown[0].predicted, shown[1].predicted)
    np.testing.assert_array_equal(shown[0].measured, shown[1].measured)
    steps = [e for e in events if isinstance(e, StepFinished)]
    assert [(e.done, e.total) for e in steps] == [(1, 2), (2, 2)] * 2
    assert all(np.isfinite(e.loss) for e in steps)
    assert watched.keys() == plain.keys()
    assert all(torch.equal(watched[key], plain[key]) for key in plain)
