"""The stages of one synthesis, each in pieces that the memory bound allows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING

import numpy as np

from ..cost.choice import choose_tiling
from ..cost.memory import beside_jackknife, beside_network
from ..device import choose_device, default_memory_bound
from ..events import Event, Progress, TiltReady
from ..network.latent_grid import LatentGrid
from .decoding import Decoding
from .encoding import TiltEncoder
from .latent_volume import latent_volume
from .pieces import Pieces
from .seen import SeenTilts
from .smoothing import correlation, smoothing, some_tilts, tells_noise

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from numpy.typing import NDArray
    from torch import Tensor

    from ..cost.tiling import Tiling
    from ..events import CancelToken
    from ..intensity import IntensityStats
    from ..network import LBN
    from ..tilt_series import TiltSeries
    from .encoding import Latents
    from .settings import SynthesisSettings


@dataclass(frozen=True, kw_only=True, eq=False)
class BoxTiltReady(Event):
    """The box alone at an angle whose tilt shows the whole specimen; `image` is ``(y, x)``."""

    index: int
    image: NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class Shared:
    """What the synthesis of a series as it is, and that of its mirror image, have in common."""

    network: LBN
    angles: NDArray[np.float64]
    stats: IntensityStats
    latents: Latents | None
    cancel: CancelToken | None


class SynthesisRun:
    """One synthesis: the state that its stages share."""

    def __init__(
        self,
        series: TiltSeries,
        settings: SynthesisSettings,
        shared: Shared,
        *,
        mirrored: bool = False,
    ) -> None:
        self.series, self.settings = series, settings
        self.angles, self.stats, self.cancel = shared.angles, shared.stats, shared.cancel
        self.device = choose_device(settings.device)
        self.network = shared.network.to(self.device).eval()
        height, width = series.image_shape
        self.size = (len(range(*settings.rows.indices(height))), width)
        self.seen = SeenTilts(series, shared.stats, settings.rows)
        self.grid = LatentGrid.of(self.network.config, width, settings.thickness)
        where = f"{series.name}: the memory of {self.device}"
        self.pieces = Pieces(self._tiling(), where, shared.cancel)
        self.encoder = TiltEncoder(
            self.network, self.seen, self.pieces, shared.latents, mirrored=mirrored
        )

    def _tiling(self) -> Tiling:
        visible, bound = self.series.included.size, self.settings.memory_bound
        targets = self.angles.size * (1 + self.settings.mirrored)  # the other pass's stay meanwhile
        beside = beside_network(
            self.size, visible, targets, device=self.device.type, whole=bound is not None
        )
        if self.settings.jackknife:
            beside += beside_jackknife(self.network.config, self.size, self.grid, visible)
        return choose_tiling(
            self.network.config,
            self.size,
            self.grid,
            n_visible=visible,
            bound=bound or default_memory_bound(self.device),
            device=self.device.type,
            beside=beside,
        )

    def events(self, fractions: tuple[float, float]) -> Iterator[Event]:
        """Encode, back-project and correct, then re-project and decode tilt by tilt.

        Tilts of the box alone come last. Noisy tilts are encoded a second time, smoothed.
        """
        visible, targets = self.series.included.size, self.angles.size
        if self.box_everywhere:
            targets += int((~self.beyond).sum())
        making = visible + max(visible // 4, 1) * (1 + self.settings.jackknife)
        share = making / (making + targets)
        begin, end = fractions
        middle = begin + (end - begin) * share
        volume: Tensor | None = yield from self._made((begin, middle))
        if self.settings.smooth and tells_noise(self.network.config):
            assert volume is not None
            sigma = smoothing(self._explained(volume))
            if sigma:
                volume = None  # before the other one
                self.seen.smooth(sigma, self.cancel)
                begin, middle = middle, middle + (end - middle) * share
                volume = yield from self._made((begin, middle))
        assert volume is not None
        done = 0
        for decoding in self._decodings(volume):
            while not decoding.ended:
                images = self.pieces.retrying(partial(self._decode, decoding))
                for index, image in zip(decoding.taken(len(images)), images, strict=True):
                    yield self._ready(int(index), image, decoding)
                done += len(images)
                yield _progress("Synthesizing tilts", done, targets, (middle, end))

    def _made(self, fractions: tuple[float, float]) -> Generator[Progress, None, Tensor]:
        """The latent volume of the tilts as they are, or smoothed."""
        visible = self.series.included.size
        begin, end = fractions
        middle = begin + 0.8 * (end - begin)
        latents: Tensor | None = None
        for first, some in self.encoder.latents():
            if latents is None:
                latents = some.new_empty((visible, *some.shape[1:]))
            latents[first : first + len(some)] = some
            yield _progress("Encoding tilts", first + len(some), visible, (begin, middle))
        assert latents is not None
        volume = self.pieces.retrying(partial(self._latent_volume, latents))
        latents = None
        yield _progress("Correcting the latent volume", 1, 1, (middle, end))
        return volume

    def _explained(self, volume: Tensor) -> float:
        """Mean correlation of some measured tilts with their re-projections."""
        some = some_tilts(self.series.included.size)
        decoding = self._decoding(volume, self.series.included_angles[some], some)
        found = []
        while not decoding.ended:
            images = self.pieces.retrying(partial(self._decode, decoding))
            for i, image in zip(decoding.taken(len(images)), images, strict=True):
                found.append(correlation(self.seen.tilt(int(i)), image))
        return float(np.mean(found))

    def encoding(self) -> Iterator[Progress]:
        """Encode what is not kept yet, and nothing else."""
        for first, some in self.encoder.latents():
            yield _progress(
                "Encoding tilts", first + len(some), self.series.included.size, (0.0, 1.0)
            )

    def _latent_volume(self, latents: Tensor) -> Tensor:
        return latent_volume(
            self.network,
            latents,
            self.series.included_angles,
            self.grid,
            jackknife=self.settings.jackknife,
        )

    def _decode(self, decoding: Decoding) -> NDArray[np.float32]:
        return decoding.next_tilts(self.pieces.tiling)

    def _decodings(self, volume: Tensor) -> Iterator[Decoding]:
        """Tilts of the whole specimen, then those of the box alone."""
        inner, beyond = np.flatnonzero(~self.beyond), np.flatnonzero(self.beyond)
        if inner.size:
            yield self._decoding(volume, self.angles[inner], inner)
        of_box = np.concatenate([beyond, inner]) if self.box_everywhere else beyond
        if of_box.size:
            volume = self.pieces.retrying(partial(self._box, volume))
            yield self._decoding(volume, self.angles[of_box], of_box, box_alone=True)

    def _decoding(
        self,
        volume: Tensor,
        angles: NDArray[np.float64],
        indices: NDArray[np.intp],
        *,
        box_alone: bool = False,
    ) -> Decoding:
        return Decoding(
            network=self.network,
            volume=volume,
            grid=self.grid,
            size=self.size,
            measured=self.series.included_angles,
            angles=angles,
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
        scaled = self.seen.in_units(image, angle, of_a_volume=decoding.box_alone)
        if decoding.box_alone and not self.beyond[index]:
            return BoxTiltReady(index=index, image=scaled)
        measured = bool(np.isclose(self.stats.angles, angle, atol=1e-6).any())
        return TiltReady(index=index, angle=angle, image=scaled, synthesized=not measured)


def _progress(stage: str, done: int, total: int, fractions: tuple[float, float]) -> Progress:
    """Within the part of the whole job that goes from one fraction to the other."""
    begin, end = fractions
    share = begin + (end - begin) * done / total
    return Progress(stage=stage, done=done, total=total, fraction=share)
