"""From a configuration to a network and the series it trains on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ..binning import automatic_binning, bin_series
from ..errors import InputError
from ..io import open_tilt_series
from ..io.checks.series import refuse_defects
from ..io.weights.file import load_network
from ..io.weights.find import weights_info
from ..network import LBN
from ..network.initialise import start_as_back_projection
from ..simulation.dataset import training_settings
from ..simulation.imaging.noise import add_noise
from .examples.stream import SpecimenStream, StreamSettings
from .folder.events import AS_STARTED
from .optimisation.trainer import load_simulated
from .optimisation.workers import current_workers
from .validation import as_training_series, hold_out, network_predictor, split

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from ..events import Event
    from ..tilt_series import TiltSeries
    from .configuration import Configuration
    from .examples.draw import AddNoise, TrainingSeries
    from .validation import HoldOut, Predictor


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingData:
    """What a training learns from and is judged by.

    Attributes
    ----------
    series : sequence of TrainingSeries
        Never hold a held-out tilt (`validation.split`).
    hold_outs : sequence of HoldOut
        For validation; may be empty.
    add_noise : callable
        For simulated series.
    baselines : mapping
        Predictors by name, to compare with on the hold-outs.
    preview : callable or None
        Given the averaged network and the number of epochs after each of them, makes an
        event for whoever watches (`preview.Preview`).
    """

    series: Sequence[TrainingSeries]
    add_noise: AddNoise
    hold_outs: Sequence[HoldOut] = ()
    baselines: Mapping[str, Predictor] = field(default_factory=dict)
    preview: Callable[[LBN, int], Event] | None = None

    def close(self) -> None:
        """End what draws series in the background."""
        if isinstance(self.series, SpecimenStream):
            self.series.close()


def make_network(configuration: Configuration) -> tuple[LBN, Configuration]:
    """The untrained or started network, and the configuration with what its weights know."""
    if configuration.start is not None:
        info = weights_info(configuration.start)
        network = load_network(info)
        run = replace(configuration.run, pixel_sizes=info.pixel_sizes)
        return network, replace(configuration, network=network.config, run=run)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(configuration.training.seed)
        network = LBN(configuration.network)
        if configuration.initialise == "back-projection":
            start_as_back_projection(network)
    return network, configuration


def gather(
    configuration: Configuration,
    opened: Mapping[str, TiltSeries] | None = None,
    baselines: Mapping[str, Predictor] | None = None,
) -> TrainingData:
    """Open, bin and split everything that a configuration names.

    Parameters
    ----------
    configuration : Configuration
        Its pixel sizes decide how much each series is binned.
    opened : mapping, optional
        Series that are open already, by the name that the configuration gives them.
    baselines : mapping, optional
        Predictors to compare with.

    Raises
    ------
    InputError
        A file that cannot be used, or a series both for training and for validation.
    """
    data = configuration.data
    _require_apart(data.series, data.validation_series)
    series: list[TrainingSeries] = []
    hold_outs: list[HoldOut] = []
    for name in data.series:
        working, thickness = _open(name, configuration, opened or {})
        if data.hold_out_every:
            working, held = split(working, data.hold_out_every)
            hold_outs.append(hold_out(working, held, thickness, data.validation_crop))
        series.append(as_training_series(working, thickness))
    for name in data.validation_series:
        working, thickness = _open(name, configuration, opened or {})
        visible, held = split(working, data.validation_every)
        hold_outs.append(hold_out(visible, held, thickness, data.validation_crop))
    if data.simulated is not None:
        paths = sorted(Path(data.simulated).glob("*.npz"))
        if not paths:
            raise InputError(f"{data.simulated} holds no simulated series (.npz).")
        truth = configuration.training.examples.wedge_targets > 0
        series += load_simulated(paths, truth=truth)
    return TrainingData(
        series=_with_fresh(series, configuration) if data.fresh else series,
        add_noise=noisy,
        hold_outs=hold_outs,
        baselines=dict(baselines or {}),
    )


def against_start(data: TrainingData, network: LBN, device: str) -> TrainingData:
    """The same with the weights at the start as one more baseline, on the training's device."""
    network.to(current_workers().device(device))
    baselines = {**data.baselines, AS_STARTED: network_predictor(network)}
    return replace(data, baselines=baselines)


def _with_fresh(series: Sequence[TrainingSeries], configuration: Configuration) -> SpecimenStream:
    """The series, and simulated ones that are drawn while the training goes on."""
    data = configuration.data
    settings = StreamSettings(
        simulation=training_settings(
            pixel_sizes=configuration.run.pixel_sizes,
            maps=tuple(map(Path, data.fresh_maps)),
            membrane_maps=tuple(map(Path, data.fresh_membrane_maps)),
        ),
        keep=data.fresh,
        workers=data.fresh_workers,
    )
    return SpecimenStream(settings, series)


def noisy(
    clean: NDArray[Any], snr: float, profile: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float32]:
    """Fresh noise for simulated tilts, from white to slightly coloured."""
    return add_noise(clean, snr, rng, profile=profile, blur=float(rng.uniform(0, 0.3)))


def _open(
    name: str, configuration: Configuration, opened: Mapping[str, TiltSeries]
) -> tuple[TiltSeries, int]:
    """A series at a pixel size of the run, and its thickness in pixels."""
    series = opened[name] if name in opened else open_tilt_series(name)
    refuse_defects(series)
    binning = automatic_binning(series.pixel_size, configuration.run.pixel_sizes, series.name)
    working = bin_series(series, binning)
    assert working.pixel_size is not None
    return working, max(round(configuration.data.thickness / working.pixel_size), 1)


def _require_apart(training: tuple[str, ...], validation: tuple[str, ...]) -> None:
    both = {Path(p).resolve() for p in training} & {Path(p).resolve() for p in validation}
    if both:
        raise InputError(
            f"{min(both)} is named for training and for validation.", "Leave it out of one."
        )
