"""What a training needs before its first step. No Qt here; torch is imported when it runs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_lbn.engine.network import LBN
    from napari_lbn.engine.tilt_series import TiltSeries
    from napari_lbn.engine.training.configuration import Configuration
    from napari_lbn.engine.training.folder.run import TrainingData
    from napari_lbn.engine.training.preview import PreviewReady

    from .options import TrainingOptions


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingRequest:
    """A training to begin or to go on with.

    Attributes
    ----------
    folder : Path
        Of the training.
    series : tuple of TiltSeries
        To learn from; where it goes on, those that are open, in case a file is gone.
    options : TrainingOptions or None
        None goes on with the folder's training.
    """

    folder: Path
    series: tuple[TiltSeries, ...]
    options: TrainingOptions | None = None


def gather_data(request: TrainingRequest) -> tuple[LBN, Configuration, TrainingData]:
    """Network, configuration and series of a training."""
    from napari_lbn.engine.evaluation.prediction.baselines import training_baselines
    from napari_lbn.engine.training.data import gather, make_network

    asked, opened = wanted(request)
    network, configuration = make_network(asked)
    return network, configuration, gather(configuration, opened, training_baselines())


def wanted(request: TrainingRequest) -> tuple[Configuration, Mapping[str, TiltSeries]]:
    """The configuration that a request asks for, and its series by their names there."""
    from napari_lbn.engine.training.folder.summary import kept_configuration
    from napari_lbn.engine.training.sources import name_series, read_sources

    from .options import configure

    if request.options is None:
        return kept_configuration(request.folder), read_sources(request.folder, request.series)
    named = name_series(request.series)
    return configure(request.options, named), named


def with_preview(
    network: LBN, configuration: Configuration, data: TrainingData
) -> tuple[TrainingData, PreviewReady]:
    """The data with the preview and the weights at the start as a baseline; how those see it."""
    from napari_lbn.engine.training.data import against_start
    from napari_lbn.engine.training.preview import Preview

    preview = Preview(data.hold_outs[0])
    compared = against_start(data, network, configuration.training.device)
    return replace(compared, preview=preview), preview(network.eval(), 0)


def write_down(request: TrainingRequest, configuration: Configuration) -> None:
    """Make the folder, with what is needed to go on."""
    from napari_lbn.engine.io import ensure_folder
    from napari_lbn.engine.training.folder.summary import write_configuration
    from napari_lbn.engine.training.sources import name_series, write_sources

    ensure_folder(request.folder)
    write_configuration(request.folder, configuration)
    write_sources(request.folder, name_series(request.series))
