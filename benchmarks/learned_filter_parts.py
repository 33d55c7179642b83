"""What the tables of learned filters share: kinds, scores, and filters kept in a folder."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from time import process_time
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np
import torch

from napari_lbn.engine.events import drain
from napari_lbn.engine.reconstruction.learned import (
    Example,
    FilterConfig,
    FilterTraining,
    LearnedFilter,
    load_filter,
    save_filter,
    train_filter,
)
from napari_lbn.engine.reconstruction.learned.back_projection import RowBackProjector

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from torch import Tensor

KINDS = [
    ("tilt-2d", "ramp"),
    ("tilt-2d", "zero"),
    ("3d", "ramp"),
    ("separable", "ramp"),
    ("separable", "symmetric-ramp"),
    ("tilt-1d", "ramp"),
    ("plane-2d", "ramp"),
    ("plane-2d", "symmetric-ramp"),
    ("plane-2d", "zero"),
    ("radial", "ramp"),
]


@dataclass(frozen=True, kw_only=True)
class Scores:
    """A reconstruction against the truth."""

    correlation: float
    misfit: float
    low: float
    high: float


def score(volume: np.ndarray, truth: np.ndarray) -> Scores:
    """Correlation, misfit at the best scale, and FSC of low and of high frequencies."""
    a, b = volume - volume.mean(), truth - truth.mean()
    scale = (a * b).sum() / max((a * a).sum(), 1e-30)
    spectra = np.fft.rfftn(a), np.fft.rfftn(b)
    grid = [np.fft.fftfreq(n) for n in truth.shape[:2]] + [np.fft.rfftfreq(truth.shape[2])]
    radius = np.sqrt(sum(f**2 for f in np.meshgrid(*grid, indexing="ij")))

    def fsc(inside: np.ndarray) -> float:
        one, other = spectra[0][inside], spectra[1][inside]
        power = np.sqrt((np.abs(one) ** 2).sum() * (np.abs(other) ** 2).sum())
        return float((one * other.conj()).sum().real / max(power, 1e-30))

    return Scores(
        correlation=float((a * b).sum() / max(np.sqrt((a * a).sum() * (b * b).sum()), 1e-30)),
        misfit=float(((scale * a - b) ** 2).mean() / (b * b).mean()),
        low=fsc(radius < 0.1),
        high=fsc((radius > 0.2) & (radius < 0.5)),
    )


def reconstruct(example: Example, filtered: Callable[[Tensor], Tensor]) -> np.ndarray:
    """Back-projection of filtered tilts, ``(z, y, x)``."""
    back_project = RowBackProjector(example.angles, example.tilts.shape[2], example.thickness)
    with torch.no_grad():
        tilts = filtered(torch.from_numpy(example.tilts))
        parts = [back_project(tilts[:, y : y + 64]) for y in range(0, tilts.shape[1], 64)]
    return torch.cat(parts, dim=1).numpy()


class Keeper:
    """Learns filters, and keeps them in a folder so that a stopped run goes on.

    Filters of other data or settings are learned anew.

    Parameters
    ----------
    folder : Path or None
        Where they are kept; None keeps nothing.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    def learn(
        self,
        name: str,
        config: FilterConfig,
        examples: Sequence[Example],
        training: FilterTraining,
    ) -> tuple[LearnedFilter, float]:
        """A filter learned on these examples, and the processor's seconds that it took."""
        data = b"".join(example.tilts.tobytes() for example in examples)
        made = {"data": f"{crc32(data):08x}", "training": json.loads(json.dumps(asdict(training)))}
        path = None
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
            stem = "".join(c if c.isalnum() or c == "-" else "_" for c in name)
            path = self._folder / f"{stem}.safetensors"
        if path is not None and path.exists():
            model, description = load_filter(path)
            same = {key: description.get(key) for key in made} == made
            if same and model.config == config:
                return model, description["seconds"]
        model, start = LearnedFilter(config), process_time()
        history = drain(train_filter(model, examples, training))
        seconds = process_time() - start
        if path is not None:
            save_filter(path, model, {**made, "seconds": seconds, "fidelity": history})
        return model, seconds


def config_for(example: Example, variant: str, initial: str, **more: bool) -> FilterConfig:
    """A filter for the tilts of an example."""
    return FilterConfig(
        angles=tuple(example.angles),
        shape=example.tilts.shape[1:],
        variant=variant,
        initial=initial,
        **more,
    )


def print_row(name: str, found: Scores, seconds: float | None = None) -> None:
    """One line of a table."""
    took = "" if seconds is None else f"{seconds:>9.1f}"
    numbers = f"{found.correlation:>12.3f}{found.misfit:>9.3f}{found.low:>9.3f}{found.high:>9.3f}"
    print(f"{name:<38}{numbers}{took}", flush=True)
