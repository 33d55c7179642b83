"""What a layer says about itself: the record under ``metadata['napari_lbn']``.

Everything that opens, shows or saves a layer of ours goes by this record, never by the
layer's name: whoever renames a layer must not turn synthesized tilts into measured ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from napari_lbn.engine.tilt_series import TiltSeries

KEY = "napari_lbn"
Kind = Literal["tilt series", "tilts", "spread tilts", "stack", "tomogram", "difference", "spread"]
"""A "stack" has the header of a tilt series, but its angles are not known yet."""
TILT_KINDS = ("tilt series", "tilts", "spread tilts")


def series_record(series: TiltSeries) -> dict[str, Any]:
    """Record of a layer that shows measured tilts."""
    return {
        "kind": "tilt series",
        "series": series,
        "angles": [float(a) for a in series.angles],
        "synthesized": [False] * series.n_tilts,
        "excluded": sorted(series.excluded),
        "pixel_size": series.pixel_size,
        "angles_inverted": series.inverted,
        "source": None if series.source is None else str(series.source),
        "provenance": dict(series.history),
    }


def tilts_record(
    angles: np.ndarray,
    synthesized: np.ndarray,
    *,
    pixel_size: float | None,
    provenance: Mapping[str, Any],
    kind: Kind = "tilts",
) -> dict[str, Any]:
    """Record of a layer that shows the network's tilts, or their spread, over the whole range."""
    return {
        "kind": kind,
        "angles": [float(a) for a in angles],
        "synthesized": [bool(s) for s in synthesized],
        "excluded": [],
        "pixel_size": pixel_size,
        "provenance": dict(provenance),
    }


def volume_record(
    kind: Kind,
    *,
    pixel_size: float | None,
    alpha: float | None,
    provenance: Mapping[str, Any],
    throughout: bool = False,
) -> dict[str, Any]:
    """Record of a tomogram or a difference; `alpha` is the share of the synthesized part.

    `throughout` says that no measured pixel is in it at all.
    """
    record: dict[str, Any] = {
        "kind": kind,
        "pixel_size": pixel_size,
        "alpha": alpha,
        "provenance": dict(provenance),
    }
    return {**record, "synthesized_throughout": True} if throughout else record


def record_of(layer: Any) -> dict[str, Any] | None:
    """The record of a layer (or of layer attributes), None where the layer is not ours."""
    metadata = layer.get("metadata") if isinstance(layer, Mapping) else layer.metadata
    record = (metadata or {}).get(KEY)
    return record if isinstance(record, dict) else None


def kind_of(layer: Any) -> str | None:
    """The kind of a layer, None where the layer is not ours."""
    record = record_of(layer)
    return None if record is None else record.get("kind")


def series_of(layer: Any) -> TiltSeries | None:
    """The tilt series that a layer shows, None where it shows none."""
    record = record_of(layer)
    series = None if record is None else record.get("series")
    return series if isinstance(series, TiltSeries) else None


def shows_tilts(layer: Any) -> bool:
    """Whether the first axis of a layer runs over tilts."""
    return kind_of(layer) in TILT_KINDS


def is_of_a_run(layer: Any) -> bool:
    """Whether a layer is a measured tilt series or came of a correction of one."""
    record = record_of(layer) or {}
    kind = record.get("kind")
    return kind in (*TILT_KINDS, "spread") or (
        kind in ("tomogram", "difference") and record.get("alpha") is not None
    )
