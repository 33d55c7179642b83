"""Checkpoints: everything a training needs to go on, in one safetensors file.

Tensors are stored as they are; all else is JSON in the header. Nothing is pickled, and a
file is there whole or not at all.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from ...errors import InputError, WeightsError
from ...io import atomic_path
from ...io.weights.info import CHECKPOINT_FORMAT

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from ..optimisation.state import TrainingState

FORMAT, VERSION = CHECKPOINT_FORMAT, 1
SUFFIX = ".safetensors"
GO_ON = "Start a new training from the best weights of this one (best.safetensors beside it)."


def save_checkpoint(path: Path, state: TrainingState, more: dict[str, Any]) -> None:
    """Write a checkpoint atomically; an older file of that name is replaced at the end.

    Parameters
    ----------
    path : Path
        A ``.safetensors`` file.
    state : TrainingState
        Between two steps.
    more : dict
        JSON-able values to give back on reading: the loop's own state.

    Raises
    ------
    OutputError
        The disk is full or read-only; the older file is intact.
    """
    values = {
        "step": state.step_count,
        "rate": state.rate,
        "plateau": state.plateau.state_dict(),
        "scaler": state.scaler.state_dict(),
        "more": more,
    }
    metadata = {"format": FORMAT, "version": str(VERSION), "state": json.dumps(values)}
    packed = save({k: _packed(t) for k, t in _tensors(state).items()}, metadata=metadata)
    with atomic_path(path) as temporary, temporary.open("xb") as file:
        file.write(packed)
        file.flush()
        os.fsync(file.fileno())  # a power cut must not leave a name without contents


def read_values(path: Path) -> dict[str, Any]:
    """The values beside the tensors of a checkpoint.

    Raises
    ------
    InputError
        There is no checkpoint.
    WeightsError
        The file is damaged or something else.
    """
    if not path.is_file():
        raise InputError(f"{path}: there is no checkpoint.", "Start the training anew.")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
        if metadata.get("format") != FORMAT or metadata.get("version") != str(VERSION):
            raise WeightsError(f"{path} is not a checkpoint of this version of napari-lbn.")
        return json.loads(metadata["state"])
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise WeightsError(f"{path} is damaged: {error}.", GO_ON) from error


def load_checkpoint(path: Path, state: TrainingState) -> dict[str, Any]:
    """Bring a training to the state of a checkpoint; gives `more` of `save_checkpoint`.

    Raises
    ------
    InputError, WeightsError
        As `read_values`, or the checkpoint belongs to another network or other settings.
    """
    values = read_values(path)
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        _require_numbers(path, tensors)
        _load_modules(state, tensors)
        _load_optimizer(state.optimizer, "optimizer", tensors)
        if state.adversary is not None:
            _load_optimizer(state.adversary.optimizer, "critic_optimizer", tensors)
        state.plateau.load_state_dict(values["plateau"])
        state.scaler.load_state_dict(values["scaler"])
        state.rate, state.step_count = float(values["rate"]), int(values["step"])
        torch.set_rng_state(tensors["random.cpu"])
        if "random.cuda" in tensors and state.device.type == "cuda":
            torch.cuda.set_rng_state(tensors["random.cuda"], state.device)
        return values["more"]
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path} is damaged: {error}.", GO_ON) from error
    except (KeyError, RuntimeError, ValueError) as error:
        raise WeightsError(
            f"{path} does not fit this network and these settings ({error}).",
            "Resume with the settings that the training began with.",
        ) from error


def _require_numbers(path: Path, tensors: dict[str, Tensor]) -> None:
    """Refuse what no step could go on from; a training itself never saves it."""
    for key, tensor in tensors.items():
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise WeightsError(f"{path} holds values that are no numbers ({key}).", GO_ON)


def _modules(state: TrainingState) -> dict[str, torch.nn.Module]:
    modules: dict[str, torch.nn.Module] = {"network": state.network, "average": state.average}
    if state.adversary is not None:
        modules["critic"] = state.adversary.critic
    return modules


def _tensors(state: TrainingState) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = {"random.cpu": torch.get_rng_state()}
    if state.device.type == "cuda":
        tensors["random.cuda"] = torch.cuda.get_rng_state(state.device)
    for name, module in _modules(state).items():
        tensors |= {f"{name}.{key}": value for key, value in module.state_dict().items()}
    optimizers = {"optimizer": state.optimizer}
    if state.adversary is not None:
        optimizers["critic_optimizer"] = state.adversary.optimizer
    for name, optimizer in optimizers.items():
        for index, values in optimizer.state_dict()["state"].items():
            tensors |= {f"{name}.{index}.{key}": value for key, value in values.items()}
    return tensors


def _packed(tensor: Tensor) -> Tensor:
    # a clone, because safetensors refuses tensors that share memory
    return tensor.detach().to("cpu").contiguous().clone()


def _load_modules(state: TrainingState, tensors: dict[str, Tensor]) -> None:
    for name, module in _modules(state).items():
        start = f"{name}."
        own = {k.removeprefix(start): t for k, t in tensors.items() if k.startswith(start)}
        module.load_state_dict(own)


def _load_optimizer(
    optimizer: torch.optim.Optimizer, name: str, tensors: dict[str, Tensor]
) -> None:
    """Restore Adam's moments, each in the memory layout of its parameter."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        if not key.startswith(f"{name}."):
            continue
        _, index, field = key.split(".", 2)
        parameter = parameters[int(index)]
        same = tensor.shape == parameter.shape and tensor.ndim > 0
        kept = torch.empty_like(parameter).copy_(tensor) if same else tensor
        state.setdefault(int(index), {})[field] = kept.detach()
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})
