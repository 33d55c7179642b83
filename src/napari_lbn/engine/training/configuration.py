"""A training's configuration: TOML to checked settings, named ones, and overrides."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ..errors import InputError
from ..network import LBNConfig
from ..toml_settings import build, named, read_values
from .settings import RunSettings, TrainingSettings

FOLDER = Path(__file__).parent / "configurations"


@dataclass(frozen=True, kw_only=True)
class DataSettings:
    """What a training learns from.

    Attributes
    ----------
    series : tuple of str
        Files of measured tilt series.
    simulated : str or None
        Folder of series written by `simulation.series_files`.
    fresh : int
        Simulated series kept in memory, renewed in the background (`examples.stream`); 0: none.
        A training with them cannot be repeated to the last digit.
    fresh_workers : int
        Processes that draw them.
    fresh_maps, fresh_membrane_maps : tuple of str
        Density maps, or folders of them, that their specimens hold beside procedural shapes.
    validation_series : tuple of str
        Measured series that never train.
    hold_out_every : int
        Every n-th tilt of `series` is held out for validation; 0 for none.
    validation_every : int
        The same of `validation_series`, whose other tilts are only looked at.
    validation_crop : int
        Pixels a side of what is validated, around the centre.
    thickness : float
        Å, of the specimens.
    """

    series: tuple[str, ...] = ()
    simulated: str | None = None
    fresh: int = 0
    fresh_workers: int = 1
    fresh_maps: tuple[str, ...] = ()
    fresh_membrane_maps: tuple[str, ...] = ()
    validation_series: tuple[str, ...] = ()
    hold_out_every: int = 0
    validation_every: int = 4
    validation_crop: int = 256
    thickness: float = 2000.0


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """Everything that defines a training.

    Attributes
    ----------
    name : str
        Of the configuration.
    start : str or None
        Weights to start from, by name or file; their network and pixel sizes are taken.
    initialise : {"back-projection", "random"}
        Of a network that starts from nothing; see `network.initialise`.
    network, data, training, run
        Their own settings.
    """

    name: str = "default"
    start: str | None = None
    initialise: Literal["back-projection", "random"] = "back-projection"
    network: LBNConfig = field(default_factory=LBNConfig)
    data: DataSettings = field(default_factory=DataSettings)
    training: TrainingSettings = field(default_factory=TrainingSettings)
    run: RunSettings = field(default_factory=RunSettings)

    def to_json(self) -> str:
        """For the training's folder, so that it can be resumed."""
        return json.dumps(dataclasses.asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Configuration:
        """From `to_json`."""
        return build(cls, json.loads(text), "configuration")


def named_configurations() -> list[str]:
    """Names of the configurations that come with the program."""
    return named(FOLDER)


def read_configuration(name: str | Path, overrides: tuple[str, ...] = ()) -> Configuration:
    """A configuration by name or file, some of its values overridden.

    Parameters
    ----------
    name : str or Path
        One of `named_configurations`, or a TOML file.
    overrides : tuple of str
        Like ``training.learning_rate=1e-4``.

    Raises
    ------
    InputError
        No such configuration, or a key or a value that cannot be.
    """
    values = read_values(name, FOLDER, "configuration", overrides)
    if "steps" in values.get("training", {}):
        raise InputError(
            f"configuration {name}: training.steps is epochs times steps an epoch.",
            "Set run.epochs and run.steps_per_epoch.",
        )
    return build(Configuration, values, f"configuration {name}")
