"""Learned filters as safetensors, with their description inside. Nothing is unpickled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from napari_lbn import __version__

from ...errors import InputError, WeightsError
from ...io.files.atomic import atomic_path
from .config import FilterConfig
from .model import LearnedFilter

FORMAT, FORMAT_VERSION = "napari-lbn filter", "1"


def save_filter(path: str | Path, model: LearnedFilter, description: dict[str, Any]) -> Path:
    """Write a filter and how it was made, atomically.

    Parameters
    ----------
    path : path
        A .safetensors file.
    model : LearnedFilter
        Written in float32.
    description : dict
        JSON-able: training, figures, limits.

    Raises
    ------
    OutputError
        The file cannot be written.
    WeightsError
        The filter holds values that are not finite.
    """
    path = Path(path)
    tensors = {
        name: value.detach().to("cpu", torch.float32).contiguous()
        for name, value in model.state_dict().items()
    }
    if not _all_finite(tensors):
        raise WeightsError(
            "The learned filter holds values that are not finite, and was not written.",
            "Learn it with a smaller --rate.",
        )
    metadata = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "program_version": __version__,
        "config": json.dumps(model.config.to_dict()),
        "description": json.dumps(description),
    }
    with atomic_path(path) as temporary:
        # not save_file, which ignores the umask
        temporary.write_bytes(save(tensors, metadata=metadata))
    return path


def load_filter(path: str | Path) -> tuple[LearnedFilter, dict[str, Any]]:
    """Read a filter and its description.

    Raises
    ------
    WeightsError
        The file is absent, damaged, or no filter of this program.
    """
    path = Path(path)
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise WeightsError(
            f"{path} cannot be read as a filter ({error}).", "Filters are .safetensors files."
        ) from error
    if metadata.get("format") != FORMAT:
        raise WeightsError(
            f"{path} is no learned filter.", "Make one with napari-lbn filter train."
        )
    if metadata.get("format_version") != FORMAT_VERSION:
        raise WeightsError(f"{path} comes from a newer napari-lbn.", "Update napari-lbn.")
    try:
        model = LearnedFilter(FilterConfig.from_dict(json.loads(metadata["config"])))
        model.load_state_dict(tensors)
        description = json.loads(metadata["description"])
    except (InputError, KeyError, ValueError, RuntimeError) as error:
        raise WeightsError(f"{path} is damaged: {error}") from error
    if not _all_finite(tensors):
        raise WeightsError(f"{path} contains values that are not finite.", "Learn it again.")
    return model.eval(), description


def _all_finite(tensors: dict[str, torch.Tensor]) -> bool:
    return all(bool(torch.isfinite(tensor).all()) for tensor in tensors.values())
