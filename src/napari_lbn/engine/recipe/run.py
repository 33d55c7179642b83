"""Follow a recipe in a folder: every stage is skipped where it is done, or goes on.

The folder gets ``common/`` (a training as `napari-lbn train` leaves it), ``series/`` and
``validation/`` (simulated), ``details/`` and ``box/`` (latent volumes of them), and in the end
the weights.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from ..device import choose_device
from ..errors import Cancelled, InputError
from ..events import CancelToken, Job, Progress
from ..io.output import atomic_path, ensure_folder
from ..io.weights import find_weights, load_network, read_weights_info, save_weights
from ..network import LBN, LBNConfig
from ..training.configuration import read_configuration
from ..training.data import gather, make_network
from ..training.run import LAST, fit
from .series import write_series, write_volumes
from .tasks import BoxTask, DetailsTask
from .unet_stage import UNetScored, train_unet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ..events import Result
    from .series import Made
    from .settings import Recipe
    from .tasks import Task

__all__ = ["UNetScored", "follow"]

RECORD = "recipe.json"
SUFFIX = ".safetensors"
PARTS = {
    "common": (0.0, 0.5),
    "series": (0.5, 0.74),
    "validation": (0.74, 0.75),
    "details": (0.75, 0.82),
    "details/validation": (0.82, 0.83),
    "fine": (0.83, 0.93),
    "box": (0.93, 0.97),
    "box/validation": (0.97, 0.98),
    "box training": (0.98, 1.0),
}
"""Of the whole, where each stage begins and ends: about what they take."""


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
        Another recipe's folder, weights without image channels, or maps that are not there.
    Cancelled
        `stop` was set.
    """
    ensure_folder(folder)
    _check_record(recipe, folder)
    stages = _Stages(recipe, folder, stop or CancelToken())
    made = folder / f"{recipe.name}{SUFFIX}"
    if not made.exists():
        common = yield from stages.common()
        yield from stages.specimens()
        fine = yield from stages.fine(common)
        yield from stages.box(fine, made)
    return made


class _Stages:
    """One recipe in one folder."""

    def __init__(self, recipe: Recipe, folder: Path, stop: CancelToken) -> None:
        self._recipe, self._folder, self._stop = recipe, folder, stop
        self._device = choose_device(recipe.device)

    def common(self) -> Job[Path]:
        """Weights that the others stand on: given ones, or a whole training."""
        if self._recipe.start is not None:
            return find_weights(self._recipe.start)
        folder = self._folder / "common"
        done = self._folder / f"common{SUFFIX}"
        if done.exists():
            return done
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
        result = yield from _within("common", job)
        if not result.finished or result.weights is None:
            raise Cancelled
        with atomic_path(done) as temporary:
            temporary.write_bytes(result.weights.read_bytes())
        return done

    def specimens(self) -> Job[None]:
        """Simulated series, those that train and those that say when to stop."""
        for name, validation in (("series", False), ("validation", True)):
            made = write_series(
                self._folder / name,
                self._recipe.specimens,
                validation=validation,
                stop=self._stop,
            )
            yield from _counted(name, f"Simulating specimens ({name})", made)

    def fine(self, common: Path) -> Job[Path]:
        """The weights with the UNet of details."""
        made = self._folder / f"fine{SUFFIX}"
        if made.exists():
            return made
        network = self._grown(common, "fine_widths", self._recipe.fine.widths)
        yield from self._volumes(network, "details")
        assert network.fine is not None
        yield from self._train(network, "fine", DetailsTask(network.fine), made)
        return made

    def box(self, fine: Path, made: Path) -> Job[None]:
        """The weights with the UNet of the box as well."""
        network = self._grown(fine, "box_widths", self._recipe.box.widths)
        yield from self._volumes(network, "box")
        yield from self._train(network, "box", BoxTask(), made)

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
            yield from _counted(target, f"Latent volumes ({name}, {source})", made)

    def _train(self, network: LBN, name: str, task: Task, made: Path) -> Job[None]:
        settings = getattr(self._recipe, name)
        job = train_unet(
            getattr(network, name),
            task,
            settings,
            self._folder / ("details" if name == "fine" else name),
            seed=self._recipe.seed,
            stop=self._stop,
        )
        setattr(
            network, name, (yield from _within("fine" if name == "fine" else "box training", job))
        )
        start = read_weights_info(find_weights(self._recipe.start)) if self._recipe.start else None
        configured = read_configuration(self._recipe.configuration, self._recipe.overrides).run
        save_weights(
            made,
            network,
            name=made.stem,
            pixel_sizes=start.pixel_sizes if start else configured.pixel_sizes,
            summary={"recipe": dataclasses.asdict(self._recipe)},
        )

    def _grown(self, weights: Path, field: str, widths: tuple[int, ...]) -> LBN:
        """The network of these weights; where it has no such UNet, with one that does nothing."""
        known = load_network(read_weights_info(weights))
        if not known.config.image_channels:
            raise InputError(
                f"{weights}: these weights have no image channels, and no volume of the specimen.",
                "Take a configuration with network.image_channels = true.",
            )
        if getattr(known.config, field):
            return known
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self._recipe.seed)
            network = LBN(LBNConfig.from_dict(known.config.to_dict() | {field: widths}))
        network.load_state_dict(known.state_dict(), strict=False)
        return network.eval()


def _check_record(recipe: Recipe, folder: Path) -> None:
    """Keep the recipe in the folder, or compare it with the one there."""
    record = folder / RECORD
    mine = json.loads(json.dumps(dataclasses.asdict(recipe)))
    elsewhere = ("device",)  # may differ from one part of the work to the next
    if record.exists():
        theirs = json.loads(record.read_text(encoding="utf-8"))
        differing = [k for k in mine if k not in elsewhere and mine[k] != theirs.get(k)]
        if differing:
            raise InputError(
                f"{folder} was begun with another recipe: {', '.join(differing)} differ.",
                "Go on with the same one, or choose another folder.",
            )
    with atomic_path(record) as temporary:
        temporary.write_text(json.dumps(mine, indent=2) + "\n", encoding="utf-8")


def _within(stage: str, job: Job[Result]) -> Job[Result]:
    """A job as a part of the whole: its fractions are fitted in."""
    begin, end = PARTS[stage]
    while True:
        try:
            event = next(job)
        except StopIteration as finished:
            return finished.value
        if isinstance(event, Progress):
            event = replace(event, fraction=begin + (end - begin) * event.fraction)
        yield event


def _counted(stage: str, title: str, made: Iterator[Made]) -> Job[None]:
    """Progress of files that are written."""
    begin, end = PARTS[stage]
    for now in made:
        yield Progress(
            stage=title,
            done=now.done,
            total=now.total,
            fraction=begin + (end - begin) * now.done / now.total,
        )
