"""Follow a recipe in a folder: every stage is skipped where it is done, or goes on.

The folder gets ``common/`` (a training as `napari-lbn train` leaves it), ``series/`` and
``validation/`` (simulated), ``details/`` and ``box/`` (latent volumes of them), and in the end
the weights.
"""

from __future__ import annotations

import dataclasses
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from ..device import choose_device
from ..errors import Cancelled, WeightsError
from ..events import CancelToken, Job
from ..io import atomic_path
from ..io.files.in_use import alone_in
from ..io.weights.file import load_network, save_weights
from ..io.weights.find import weights_info
from ..io.weights.info import SUFFIX, read_weights_info
from ..network import LBN
from ..training.configuration import read_configuration
from ..training.data import gather, make_network
from ..training.folder.run import LAST, fit
from .parts import Parts
from .record import begin, grown
from .series import write_series, write_volumes
from .tasks import BoxTask, DetailsTask
from .unet_stage import UNetScored, train_unet

if TYPE_CHECKING:
    from pathlib import Path

    from ..network.lattice_unet import LatticeUNet
    from .settings import Recipe, UNetSettings
    from .tasks import Task

__all__ = ["UNetScored", "follow"]


def follow(recipe: Recipe, folder: Path, *, stop: CancelToken | None = None) -> Job[Path]:
    """Make weights from nothing, or go on making them.

    Parameters
    ----------
    recipe : Recipe
        What to make.
    folder : Path
        Made if absent; one that was begun with another recipe is refused.
    stop : CancelToken, optional
        Ends after what is at hand, with everything saved.

    Returns
    -------
    Path
        The weights.

    Yields
    ------
    Progress, UNetScored, and the events of `training.run.fit`

    Raises
    ------
    InputError
        Another recipe's folder, or one in which another program works; weights without image
        channels, maps that are not there, or a file in the folder that is damaged.
    DeviceError, OutputError
        No such device; a disk that is full or read-only.
    Cancelled
        `stop` was set.
    """
    device = choose_device(recipe.device)
    begin(recipe, folder)
    made = folder / f"{recipe.name}{SUFFIX}"
    with alone_in(folder):
        stages = _Stages(recipe, folder, device, stop or CancelToken())
        if not made.exists():
            common = yield from stages.common()
            yield from stages.specimens(common)
            fine = yield from stages.fine(common)
            yield from stages.box(fine, made)
    return made


class _Stages:
    """One recipe in one folder."""

    def __init__(
        self, recipe: Recipe, folder: Path, device: torch.device, stop: CancelToken
    ) -> None:
        self._recipe, self._folder, self._device, self._stop = recipe, folder, device, stop
        self._parts = Parts(first="common" if recipe.start is None else "series")

    def common(self) -> Job[Path]:
        """Weights that the others stand on: a copy of given ones, or a whole training."""
        done = self._folder / f"common{SUFFIX}"
        if done.exists():
            return done
        if self._recipe.start is not None:
            given = weights_info(self._recipe.start)
            self._save(done, load_network(given), given.pixel_sizes)
            return done
        folder = self._folder / "common"
        wanted = read_configuration(self._recipe.configuration, self._recipe.overrides)
        wanted = replace(wanted, training=replace(wanted.training, device=str(self._device)))
        network, configuration = make_network(wanted)
        job = fit(
            network,
            gather(configuration),
            configuration.training,
            configuration.run,
            folder,
            resume=(folder / LAST).exists(),
            stop=self._stop,
        )
        result = yield from self._parts.within("common", job)
        if not result.finished or result.weights is None:
            raise Cancelled
        with atomic_path(done) as temporary:
            temporary.write_bytes(result.weights.read_bytes())
        return done

    def specimens(self, common: Path) -> Job[None]:
        """Simulated series, those that train and those that say when to stop."""
        for name, validation in (("series", False), ("validation", True)):
            made = write_series(
                self._folder / name,
                self._recipe.specimens,
                validation=validation,
                stop=self._stop,
                pixel_sizes=read_weights_info(common).pixel_sizes,
            )
            yield from self._parts.counted(name, f"Simulating specimens ({name})", made)

    def fine(self, common: Path) -> Job[Path]:
        """The weights with the UNet of details."""
        made = self._folder / f"fine{SUFFIX}"
        if made.exists():
            return made
        network = self._grown(common, "fine_widths")
        yield from self._volumes(network, "details")
        assert network.fine is not None
        task, folder = DetailsTask(network.fine), self._folder / "details"
        job = self._trained(network.fine, task, self._recipe.fine, folder)
        yield from self._parts.within("fine", job)
        self._save(made, network, read_weights_info(common).pixel_sizes)
        return made

    def box(self, fine: Path, made: Path) -> Job[None]:
        """The weights with the UNet of the box as well."""
        network = self._grown(fine, "box_widths")
        yield from self._volumes(network, "box")
        assert network.box is not None
        job = self._trained(network.box, BoxTask(), self._recipe.box, self._folder / "box")
        yield from self._parts.within("box training", job)
        self._save(made, network, read_weights_info(fine).pixel_sizes)

    def _volumes(self, network: LBN, name: str) -> Job[None]:
        """Latent volumes for one of the UNets, ``NAME/`` and ``NAME/validation/``."""
        network.to(self._device).eval().requires_grad_(False)
        variants = self._recipe.specimens.variants
        sources = (("series", name, variants), ("validation", f"{name}/validation", 0))
        for source, target, count in sources:
            made = write_volumes(
                network,
                self._folder / source,
                self._folder / target,
                variants=count,
                complete=name == "box",
                stop=self._stop,
            )
            yield from self._parts.counted(target, f"Latent volumes ({name}, {source})", made)

    def _trained(
        self, unet: LatticeUNet, task: Task, settings: UNetSettings, folder: Path
    ) -> Job[None]:
        seed = self._recipe.seed
        return train_unet(unet, task, settings, folder, seed=seed, stop=self._stop)

    def _save(self, path: Path, network: LBN, pixel_sizes: tuple[float, float]) -> None:
        summary = {"recipe": dataclasses.asdict(self._recipe)}
        save_weights(path, network, name=path.stem, pixel_sizes=pixel_sizes, summary=summary)

    def _grown(self, weights: Path, field: str) -> LBN:
        """The network of these weights; where it has no such UNet, with one that does nothing."""
        try:
            known = load_network(read_weights_info(weights))
        except WeightsError as error:
            remedy = "Remove it; the same command makes it again."
            raise WeightsError(error.message, remedy) from error
        if getattr(known.config, field):
            return known
        widths = getattr(grown(known.config, self._recipe), field)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self._recipe.seed)
            network = LBN(replace(known.config, **{field: widths}))
        network.load_state_dict(known.state_dict(), strict=False)
        return network.eval()
