"""How kept weights see the preview of their training. No Qt here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .preparing import TrainingRequest, wanted

if TYPE_CHECKING:
    from napari_lbn.engine.tilt_series import TiltSeries
    from napari_lbn.engine.training.preview import Preview, PreviewReady


@dataclass(frozen=True, kw_only=True, eq=False)
class Comparison:
    """How kept weights see the preview.

    Attributes
    ----------
    preview : Preview
        To be used again for other weights of the same training.
    before, shown : PreviewReady
        With the weights at the start, and with the kept ones.
    """

    preview: Preview
    before: PreviewReady
    shown: PreviewReady


def compare(
    folder: Path, series: tuple[TiltSeries, ...], weights: Any, earlier: Comparison | None
) -> Comparison | None:
    """Show the preview to kept weights; None where no tilts are held out.

    Parameters
    ----------
    folder : Path
        Of the training.
    series : tuple of TiltSeries
        Open ones, in case a file is gone.
    weights : KeptWeights
        Of the training.
    earlier : Comparison or None
        Of the same training.
    """
    from napari_lbn.engine.io.weights.file import load_network
    from napari_lbn.engine.io.weights.info import read_weights_info

    network = load_network(read_weights_info(weights.path))
    if earlier is not None:
        return replace(earlier, shown=earlier.preview(network, weights.epoch))
    first = _first_look(folder, series)
    if first is None:
        return None
    preview, before = first
    return Comparison(preview=preview, before=before, shown=preview(network, weights.epoch))


def _first_look(
    folder: Path, series: tuple[TiltSeries, ...]
) -> tuple[Preview, PreviewReady] | None:
    """The fixed preview of a folder's training, and how the weights at the start see it."""
    from napari_lbn.engine.training.data import gather, make_network
    from napari_lbn.engine.training.preview import Preview

    asked, opened = wanted(TrainingRequest(folder=folder, series=series))
    network, configuration = make_network(asked)
    data = gather(configuration, opened)
    if not data.hold_outs:
        return None
    preview = Preview(data.hold_outs[0])
    return preview, preview(network, 0)
