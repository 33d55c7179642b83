"""A training's configuration: TOML to checked settings, named ones, and overrides."""

from __future__ import annotations

import dataclasses
import json
import tomllib
import types
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from ..errors import InputError, LBNError
from ..network import LBNConfig
from .settings import RunSettings, TrainingSettings

Settings = TypeVar("Settings")
SUFFIX = ".toml"


@dataclass(frozen=True, kw_only=True)
class DataSettings:
    """What a training learns from.

    Attributes
    ----------
    series : tuple of str
        Files of measured tilt series.
    simulated : str or None
        Folder of series written by `simulation.dataset`.
    fresh : int
        Simulated series kept in memory and renewed in the background (`stream`); 0 for none.
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
        return build(cls, json.loads(text), "")


def named_configurations() -> list[str]:
    """Names of the configurations that come with the program."""
    folder = resources.files(__package__) / "configurations"
    return sorted(p.name.removesuffix(SUFFIX) for p in folder.iterdir() if p.name.endswith(SUFFIX))


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
    values = _read(name)
    for override in overrides:
        _override(values, override)
    return build(Configuration, values, "")


def _read(name: str | Path) -> dict[str, Any]:
    if str(name) in named_configurations():
        inside = resources.files(__package__) / "configurations" / f"{name}{SUFFIX}"
        return tomllib.loads(inside.read_text(encoding="utf-8"))
    path = Path(name)
    if not path.is_file():
        raise InputError(
            f"There is no configuration {str(name)!r}.",
            f"Give a TOML file or one of: {', '.join(named_configurations())}.",
        )
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as TOML: {error}.") from error


def _override(values: dict[str, Any], text: str) -> None:
    key, equals, value = text.partition("=")
    if not equals:
        raise InputError(f"{text!r} sets nothing.", "Write it like training.learning_rate=1e-4.")
    *tables, last = key.strip().split(".")
    for table in tables:
        values = values.setdefault(table, {})
        if not isinstance(values, dict):
            raise InputError(f"{text!r}: {table} is no table.")
    try:
        values[last] = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        values[last] = value.strip()  # a string typed without quotes


def build(kind: type[Settings], values: dict[str, Any], where: str) -> Settings:
    """A dataclass from nested dictionaries, every key and type checked.

    Raises
    ------
    InputError
        Names the key that is unknown or of the wrong type.
    """
    hints = get_type_hints(kind)
    known = [f.name for f in dataclasses.fields(kind)]  # type: ignore[arg-type]
    for key in values:
        if key not in known:
            raise InputError(
                f"The configuration has no {where}{key}.", f"Known: {', '.join(known)}."
            )
    try:
        return kind(**{k: _convert(hints[k], v, f"{where}{k}") for k, v in values.items()})
    except LBNError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"The configuration's {where.rstrip('.')}: {error.message}") from error


def _convert(kind: Any, value: Any, where: str) -> Any:
    if dataclasses.is_dataclass(kind):
        if isinstance(value, dict):
            return build(kind, value, f"{where}.")  # type: ignore[arg-type]
        raise _wrong(where, "a table", value)
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (types.UnionType, Union):
        return None if value is None else _convert(inner[0], value, where)
    if origin is Literal:
        if value in inner:
            return value
        raise _wrong(where, f"one of {', '.join(map(str, inner))}", value)
    if origin is tuple:
        return _convert_tuple(inner, value, where)
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise _wrong(where, f"of type {kind.__name__}", value)
    return value


def _convert_tuple(inner: tuple[Any, ...], value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, (list, tuple)):
        raise _wrong(where, "a list", value)
    if inner[-1] is not Ellipsis and len(value) != len(inner):
        raise _wrong(where, f"a list of {len(inner)}", value)
    return tuple(_convert(inner[0], item, where) for item in value)


def _wrong(where: str, wanted: str, value: Any) -> InputError:
    return InputError(f"The configuration's {where} must be {wanted}, not {value!r}.")
