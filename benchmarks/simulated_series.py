"""Simulated series of the paper's tables: noisy tilts to ±66°, truth around the circle."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from napari_lbn.engine.correct import measure_intensities
from napari_lbn.engine.evaluation.seen import seen_fraction
from napari_lbn.engine.io import open_tilt_series, open_volume
from napari_lbn.engine.io.weights.file import load_network
from napari_lbn.engine.io.weights.find import weights_info
from napari_lbn.engine.simulation.imaging.noise import add_noise
from napari_lbn.engine.synthesis import SynthesisSettings
from napari_lbn.engine.tilt_series import TiltSeries

if TYPE_CHECKING:
    from pathlib import Path

MEASURED = 66.1
"""Degrees; the range that is given to the methods in Table 2."""
LAST = 89.1
SNR = 0.3


def network_of(arguments, number: int = 0):
    """A network and what its weights know."""
    info = weights_info(arguments.weights[number])
    return load_network(info), info


class Simulated:
    """One simulated series: noisy tilts within the measured range, truth around the circle."""

    def __init__(self, path: Path, number: int, measured: float = MEASURED, extra=None) -> None:
        self.name = path.stem
        if path.suffix == ".npz":
            self._read_set(path, measured)
        else:
            self._read_experiment(path)
        more = 0 if extra is None else extra(self)
        if self.counts is not None and extra is None:
            images = self.counts
        else:
            rng = np.random.default_rng(number)
            noise = add_noise(self.clean, SNR, rng, profile=self.profile) - self.clean
            images = -(self.clean + more + noise)
        self.series = TiltSeries.from_array(
            images.astype(np.float32), self.angles, pixel_size=self.pixel_size, name=self.name
        )
        self.stats = measure_intensities(self.series)
        self.normalised = np.stack(
            [self.stats.normalised(t, i) for i, t in enumerate(self.series.read())]
        )

    def _read_set(self, path: Path, measured: float) -> None:
        """A file of a training or validation set, without noise."""
        with np.load(path) as data:
            angles, clean = data["angles"], data["tilts"].astype(np.float32)
            inside = np.abs(angles) <= measured
            self.angles, self.profile = angles[inside], data["profile"][inside]
            self.clean, self.counts = clean[inside], None
            known = np.abs(data["truth_angles"]) < LAST
            self.truth_angles, whole = data["truth_angles"][known], -data["truth"][known]
            metadata = json.loads(str(data["metadata"]))
            self.pixel_size = float(data["pixel_size"])
            box = -data["truth_box"][known]
        beyond = self.unmeasured  # a pre-tilted slab may lack the steepest tilts
        self.truth = np.where(beyond[:, None, None], box, whole)
        self.whole = whole[beyond]
        self.thickness = float(metadata["thickness"])
        self.depth = int(np.ceil(self.thickness)) + 24
        if "pre_tilt" in metadata:
            self.depth = max(self.depth, metadata["depth"])

    def _read_experiment(self, path: Path) -> None:
        """The record of a folder of ``napari-lbn simulate``, with its noise."""
        record = json.loads(path.read_text())
        stack = open_tilt_series(path.with_suffix(".mrc"))
        whole, box = (
            open_tilt_series(path.with_name(f"{path.stem}_{what}.mrc"))
            for what in ("truth", "truth_box")
        )
        self.angles, self.counts = stack.angles, stack.read()
        self.pixel_size, self.thickness = record["pixel_size"], record["thickness"]
        self.truth_angles, self.truth, self.whole = box.angles, box.read(), None
        places = np.searchsorted(self.truth_angles, whole.angles)
        self.truth[places] = whole.read()
        nearest = [int(np.argmin(np.abs(self.truth_angles - a))) for a in self.angles]
        self.clean = -self.truth[nearest]
        self.profile = np.ones(self.angles.size)
        tomogram, _ = open_volume(path.with_name(f"{path.stem}_truth_tomogram.mrc"))
        self.depth = int(tomogram.shape[0])

    @property
    def seen(self) -> list[tuple[float, float]]:
        """(angle, share that measured tilts have seen) of every truth."""
        width = self.clean.shape[2]
        shares = seen_fraction(
            self.truth_angles, self.angles, width=width, thickness=self.thickness
        )
        return list(zip(self.truth_angles.tolist(), shares.tolist(), strict=True))

    @property
    def wedge(self) -> np.ndarray:
        """Truth angles that were not measured."""
        return self.truth_angles[self.unmeasured]

    @property
    def unmeasured(self) -> np.ndarray:
        """Which truths lie beyond the measured tilts."""
        low, high = self.angles.min() - 0.1, self.angles.max() + 0.1
        return (self.truth_angles < low) | (self.truth_angles > high)


def simulated(arguments) -> list[Path]:
    """The simulated series among the inputs."""
    folders = [folder for folder in arguments.inputs if folder.is_dir()]
    paths = [p for folder in folders for p in (*folder.glob("*.npz"), *folder.glob("*.json"))]
    return sorted(paths)[: arguments.limit]


def synthesis_of(arguments, thickness: int, beyond: str = "box") -> SynthesisSettings:
    """Device and thickness for the network, and what tilts beyond the measured ones show."""
    return SynthesisSettings(device=arguments.device, thickness=thickness, beyond=beyond)
