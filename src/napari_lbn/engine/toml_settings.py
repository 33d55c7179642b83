"""Settings in TOML files: dataclasses of which every key and type is checked."""

from __future__ import annotations

import dataclasses
import tomllib
import types
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from .errors import InputError, LBNError

Settings = TypeVar("Settings")
SUFFIX = ".toml"
IN_WORDS = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}


def named(folder: Path) -> list[str]:
    """Names of the files in a folder of the program."""
    return sorted(path.stem for path in folder.glob(f"*{SUFFIX}"))


def read_values(
    name: str | Path, folder: Path, what: str, overrides: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Nested values of a file, some of them overridden.

    Parameters
    ----------
    name : str or Path
        One of those in the folder, or a file.
    folder : Path
        Where `named` looks.
    what : str
        What such a file is called.
    overrides : tuple of str
        Like ``training.learning_rate=1e-4``.

    Raises
    ------
    InputError
        No such file, not TOML, or an override that is none.
    """
    path = folder / f"{name}{SUFFIX}" if str(name) in named(folder) else Path(name)
    if not path.is_file():
        known = ", ".join(named(folder))
        raise InputError(
            f"There is no {what} {str(name)!r}.", f"Give a TOML file or one of: {known}."
        )
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path} cannot be read as TOML: {error}.", "Correct the file there."
        ) from error
    for override in overrides:
        _override(values, override)
    return values


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


def build(kind: type[Settings], values: dict[str, Any], what: str) -> Settings:
    """A dataclass from nested dictionaries, every key and type checked.

    Parameters
    ----------
    kind : type
        The dataclass.
    values : dict
        By field.
    what : str
        What the whole is called.

    Raises
    ------
    InputError
        Names the key that is unknown or of the wrong type.
    """
    return _build(kind, values, what, "")


def _build(kind: type[Settings], values: dict[str, Any], what: str, where: str) -> Settings:
    hints = get_type_hints(kind)
    known = [f.name for f in dataclasses.fields(kind)]  # type: ignore[arg-type]
    for key in values:
        if key not in known:
            raise InputError(f"The {what} has no {where}{key}.", f"Known: {', '.join(known)}.")
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        given = field.name in values or field.default_factory is not dataclasses.MISSING
        if not given and field.default is dataclasses.MISSING:
            raise InputError(f"The {what} lacks {where}{field.name}.", "Add it.")
    try:
        return kind(**{k: _convert(hints[k], v, what, f"{where}{k}") for k, v in values.items()})
    except LBNError as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"The {what}'s {where.rstrip('.')}: {error.message}") from error


def _convert(kind: Any, value: Any, what: str, where: str) -> Any:
    if dataclasses.is_dataclass(kind):
        if isinstance(value, dict):
            return _build(kind, value, what, f"{where}.")  # type: ignore[arg-type]
        raise _wrong(what, where, "a table", value)
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (types.UnionType, Union):
        return None if value is None else _convert(inner[0], value, what, where)
    if origin is Literal:
        if value in inner:
            return value
        raise _wrong(what, where, f"one of {', '.join(map(str, inner))}", value)
    if origin is tuple:
        return _convert_tuple(inner, value, what, where)
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise _wrong(what, where, IN_WORDS.get(kind, f"of type {kind.__name__}"), value)
    return value


def _convert_tuple(inner: tuple[Any, ...], value: Any, what: str, where: str) -> tuple[Any, ...]:
    if not isinstance(value, (list, tuple)):
        raise _wrong(what, where, "a list", value)
    if inner[-1] is not Ellipsis and len(value) != len(inner):
        raise _wrong(what, where, f"a list of {len(inner)}", value)
    return tuple(_convert(inner[0], item, what, where) for item in value)


def _wrong(what: str, where: str, wanted: str, value: Any) -> InputError:
    return InputError(
        f"The {what}'s {where} must be {wanted}, not {value!r}.", "Correct that value."
    )
