"""What a weights file says about itself, read without its tensors."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...errors import WeightsError

if TYPE_CHECKING:
    from pathlib import Path

FORMAT = "napari-lbn"
SUFFIX = ".safetensors"
MAX_HEADER = 1 << 20
CHECKPOINT_FORMAT = "napari-lbn checkpoint"
"""What `training.checkpoint` calls its files."""
REST = "rest"
"""Metadata: name of the file beside this one that holds the tensors which both share."""


@dataclass(frozen=True, kw_only=True)
class WeightsInfo:
    """What a weights file says about itself, read without its tensors.

    Attributes
    ----------
    name : str
    path : Path
    pixel_sizes : tuple of float
        Å; the smallest and the largest that the network was trained for.
    config : dict
        Fields of `LBNConfig`.
    summary : dict
        How it was trained, figures, limits.
    sha256 : str
        Of the file and the rest.
    rest : Path
        The file with the tensors that this one shares with it; itself where it holds all.
    card : str
        The model card as Markdown, for people; empty where the file has none.
    """

    name: str
    path: Path
    pixel_sizes: tuple[float, float]
    config: dict[str, Any]
    summary: dict[str, Any]
    sha256: str
    rest: Path
    card: str = ""


def read_weights_info(path: Path) -> WeightsInfo:
    """Read and check the header of a weights file.

    Raises
    ------
    WeightsError
        The file is absent, damaged, or not weights of this program.
    """
    metadata = read_metadata(path)
    rest = _file_of_the_rest(path, metadata)
    content = path.read_bytes() + (b"" if rest == path else rest.read_bytes())
    try:
        low, high = json.loads(metadata["pixel_sizes"])
        config, summary = (json.loads(metadata[name]) for name in ("config", "summary"))
        if not isinstance(config, dict) or not isinstance(summary, dict):
            raise TypeError("config and summary are tables")
        return WeightsInfo(
            name=metadata["name"],
            path=path,
            pixel_sizes=(float(low), float(high)),
            config=config,
            summary=summary,
            sha256=hashlib.sha256(content).hexdigest(),
            rest=rest,
            card=metadata.get("card", ""),
        )
    except (KeyError, ValueError, TypeError) as error:
        raise WeightsError(f"{path}: the description inside is damaged ({error}).") from error


def _file_of_the_rest(path: Path, metadata: dict[str, str]) -> Path:
    """A member of a family of weights holds only what it does not share."""
    name = metadata.get(REST)
    if name is None:
        return path
    rest = path.parent / name
    if rest.name != name or not rest.is_file():
        raise WeightsError(
            f"{path} shares tensors with {name}, which is not beside it.",
            "Keep both files in one folder.",
        )
    return rest


def read_metadata(path: Path) -> dict[str, str]:
    """The metadata of a weights file's header.

    A safetensors file starts with its header's length and the header as JSON.

    Raises
    ------
    WeightsError
        The file is absent, damaged, or not weights of this program.
    """
    foreign = f"{path} is not a weights file of napari-lbn."
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if not 2 <= length <= MAX_HEADER:
                raise WeightsError(foreign, f"Weights are {SUFFIX} files.")
            header = json.loads(file.read(length))
        metadata = header["__metadata__"]
        known = metadata["format"] == FORMAT
    except OSError as error:
        raise WeightsError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise WeightsError(foreign, f"Weights are {SUFFIX} files.") from error
    if not known and metadata["format"] == CHECKPOINT_FORMAT:
        raise WeightsError(
            f"{path} is a training's checkpoint.", "Its weights are in best.safetensors beside it."
        )
    if not known:
        raise WeightsError(foreign, "It belongs to another program.")
    if metadata.get("format_version") != "1":
        raise WeightsError(
            f"{path} has format version {metadata.get('format_version')}; this program knows 1.",
            "Update napari-lbn.",
        )
    return metadata
