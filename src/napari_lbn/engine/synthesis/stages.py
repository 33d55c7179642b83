"""The stages of one synthesis, each within the memory bound, and in smaller pieces where needed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, TypeAlias, TypeVar

import numpy as np
import torch
from torch import Tensor

from ..cost.choice import choose_tiling
from ..cost.memory import beside_jackknife, beside_network
from ..device import choose_device, default_memory_bound, is_out_of_memory, release_memory
from ..errors import MemoryBoundError
from ..events import CancelToken, Event, Progress, TiltReady, raise_if_cancelled
from ..network import LBN, in_bands
from ..network.latent_projection import LatentGrid
from .decoding import Decoding
from .latent_volume import latent_volume

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from numpy.typing import NDArray

    from ..intensity import IntensityStats
    from ..tilt_series import TiltSeries
    from .settings import SynthesisSettings

Value = TypeVar("Value")
Latents: TypeAlias = "dict[tuple[int, bool], Tensor]"
"""Encoded tilts by their index in the series, and whether they are mirrored."""


@dataclass(frozen=True, kw_only=True, eq=False)
class BoxTiltReady(Event):
    """The box alone at an angle whose tilt shows the whole specimen; `image` is ``(y, x)``."""

    index: int
    image: NDArray[np.float32]


class SynthesisRun:
    """One synthesis: the state that its stages share."""

    def __init__(
        self,
        series: TiltSeries,
        network: LBN,
        angles: NDArray[np.float64],
        settings: SynthesisSettings,
        stats: IntensityStats,
        cancel: CancelToken | None,
    ) -> None:
        self.series, self.settings, self.stats, self.cancel = series, settings, stats, cancel
        self.angles = angles
        self.device = choose_device(settings.device)
        self.network = network.to(self.device).eval()
        height, width = series.image_shape
        self.size = (len(range(*settings.rows.indices(height))), width)
        self.kept: Latents | None = None
        self.mirrored = False
        self.grid = LatentGrid.of(network.config, width, settings.thickness)
        visible, bound = series.included.size, settings.memory_bound
        targets = angles.size * (1 + settings.mirrored)  # those of the other pass stay meanwhile
        beside = beside_network(
            self.size, visible, targets, device=self.device.type, whole=bound is not None
        )
        if settings.jackknife:
            beside += beside_jackknife(network.config, self.size, self.grid, visible)
        self.tiling = choose_tiling(
            network.config,
            self.size,
            self.grid,
            n_visible=visible,
            bound=bound or default_memory_bound(self.device),
            device=self.device.type,
            beside=beside,
        )

    def events(self, fractions: tuple[float, float]) -> Iterator[Event]:
        """Encode, back-project and correct, then re-project and decode tilt by tilt.

        Tilts of the box alone come last.
        """
        visible, targets = self.series.included.size, self.angles.size
        if self.box_everywhere:
            targets += int((~self.beyond).sum())
        total = visible + targets + max(visible // 4, 1) * (1 + self.settings.jackknife)
        done = 0

        def progress(stage: str, stage_done: int, stage_total: int) -> Progress:
            share = fractions[0] + (fractions[1] - fractions[0]) * done / total
            return Progress(stage=stage, done=stage_done, total=stage_total, fraction=share)

        latents: Tensor | None = None
        while done < visible:
            some = self._retrying(partial(self._encode, done))
            if latents is None:
                latents = some.new_empty((visible, *some.shape[1:]))
            latents[done : done + len(some)] = some
            done += len(some)
            yield progress("Encoding tilts", done, visible)
        assert latents is not None
        volume = self._retrying(partial(self._latent_volume, latents))
        latents = None
        done += total - visible - targets
        yield progress("Correcting the latent volume", 1, 1)
        finished = 0
        for decoding in self._decodings(volume):
            while not decoding.ended:
                images = self._retrying(partial(self._decode, decoding))
                for index, image in zip(decoding.taken(len(images)), images, strict=True):
                    yield self._ready(int(index), image, decoding)
                finished, done = finished + len(images), done + len(images)
                yield progress("Synthesizing tilts", finished, targets)

    def encoding(self) -> Iterator[Progress]:
        """Encode what is not kept yet, and nothing else."""
        done, total = 0, self.series.included.size
        while done < total:
            done += len(self._retrying(partial(self._encode, done)))
            yield Progress(stage="Encoding tilts", done=done, total=total, fraction=done / total)

    def _retrying(self, work: Callable[[], Value]) -> Value:
        """Do a piece of work; where memory runs out, again in smaller pieces."""
        while True:
            raise_if_cancelled(self.cancel)
            try:
                with torch.inference_mode(), in_bands(self.tiling.rows):
                    return work()
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                smaller = self.tiling.smaller()
            release_memory()
            if smaller is None:
                raise MemoryBoundError(
                    f"{self.series.name}: the memory of {self.device} does not suffice, "
                    "even in the smallest pieces.",
                    "Bin the series more, or choose the CPU as device.",
                )
            self.tiling = smaller

    def _encode(self, first: int) -> Tensor:
        indices = range(first, min(first + self.tiling.tilts, self.series.included.size))
        if self.kept is None:
            return self._encode_tilts(indices)
        keys = {i: (int(self.series.included[i]), self.mirrored) for i in indices}
        missing = [i for i in indices if keys[i] not in self.kept]
        if missing:
            for i, latent in zip(missing, self._encode_tilts(missing).cpu(), strict=True):
                self.kept[keys[i]] = latent
        return torch.stack([self.kept[keys[i]] for i in indices]).to(self.device)

    def _encode_tilts(self, indices: Iterable[int]) -> Tensor:
        images = []
        for i in indices:
            tilt = self.series.read([self.series.included[i]], self.settings.rows)[0]
            images.append(self.stats.normalised(tilt, i))
        tensor = torch.from_numpy(np.stack(images)[:, None]).to(self.device)
        with in_bands(self.tiling.tilt_rows):
            return self.network.encode(tensor)

    def _latent_volume(self, latents: Tensor) -> Tensor:
        return latent_volume(
            self.network,
            latents,
            self.series.included_angles,
            self.grid,
            jackknife=self.settings.jackknife,
        )

    def _decode(self, decoding: Decoding) -> NDArray[np.float32]:
        return decoding.next_tilts(self.tiling)

    def _decodings(self, volume: Tensor) -> Iterator[Decoding]:
        """Tilts of the whole specimen, then those of the box alone."""
        inner, beyond = np.flatnonzero(~self.beyond), np.flatnonzero(self.beyond)
        if inner.size:
            yield self._decoding(volume, inner, box_alone=False)
        of_box = np.concatenate([beyond, inner]) if self.box_everywhere else beyond
        if of_box.size:
            volume = self._retrying(partial(self._box, volume))
            yield self._decoding(volume, of_box, box_alone=True)

    def _decoding(self, volume: Tensor, indices: NDArray[np.intp], *, box_alone: bool) -> Decoding:
        return Decoding(
            network=self.network,
            volume=volume,
            grid=self.grid,
            size=self.size,
            measured=self.series.included_angles,
            angles=self.angles[indices],
            indices=indices,
            box_alone=box_alone,
        )

    @property
    def box_everywhere(self) -> bool:
        """Whether there will be a `BoxTiltReady` for each tilt that shows the whole specimen."""
        return self.settings.box_everywhere and self._knows_the_box

    @property
    def _knows_the_box(self) -> bool:
        return self.settings.beyond == "box" and self.network.box is not None

    @cached_property
    def beyond(self) -> NDArray[np.bool_]:
        """Which tilts show the reconstruction box alone."""
        if not self._knows_the_box:
            return np.zeros(self.angles.size, dtype=bool)
        measured = self.series.included_angles
        return (self.angles < measured.min()) | (self.angles > measured.max())

    def _box(self, volume: Tensor) -> Tensor:
        assert self.network.box is not None
        alone: Tensor = self.network.box(volume, self.grid)
        return alone

    def _ready(self, index: int, image: NDArray[np.float32], decoding: Decoding) -> Event:
        """A decoded tilt in the input's units."""
        angle = float(self.angles[index])
        measured = np.flatnonzero(np.isclose(self.stats.angles, angle, atol=1e-6))
        if measured.size:
            mean, std = self.stats.mean[measured[0]], self.stats.std[measured[0]]
        else:
            mean, std = (value[0] for value in self.stats.at([angle]))
        if decoding.box_alone:
            std = self.stats.scale_of_a_volume([angle])[0]
        scaled = image * np.float32(std) + np.float32(mean)
        if decoding.box_alone and not self.beyond[index]:
            return BoxTiltReady(index=index, image=scaled)
        return TiltReady(index=index, angle=angle, image=scaled, synthesized=not measured.size)
