"""Weights as safetensors, with configuration, training summary and pixel-size range inside.

Nothing is ever unpickled.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from ...errors import WeightsError
from ..files.atomic import atomic_path
from .find import weights_info
from .info import FORMAT, REST

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from ...network import LBN
    from .info import WeightsInfo

DAMAGED = "The file is damaged or not whole: copy or download it again."


def load_network(info: WeightsInfo) -> LBN:
    """The network with these weights, float32 on the CPU, in evaluation mode.

    Raises
    ------
    WeightsError
        The configuration is none, the tensors do not fit it, or are not finite.
    """
    import torch

    with torch.device("meta"):  # sizes alone: a damaged width must not fill the memory
        sizes = {key: value.shape for key, value in _network_of(info).state_dict().items()}
    tensors = _read_tensors(info.path)
    if info.rest != info.path:
        rest = _read_tensors(info.rest)
        tensors |= {key: rest[key] for key in (sizes.keys() - tensors.keys()) & rest.keys()}
    if sizes != {key: value.shape for key, value in tensors.items()}:
        raise WeightsError(f"{info.path}: the tensors do not fit the configuration.", DAMAGED)
    if not all(torch.isfinite(t).all() for t in tensors.values()):
        raise WeightsError(f"{info.path} contains values that are not finite.", DAMAGED)
    network = _network_of(info)
    network.load_state_dict({k: t.float() for k, t in tensors.items()})
    return network.eval().requires_grad_(False)


def open_network(name: str | Path) -> LBN:
    """The network with weights of this name, file, folder or address, as `load_network` gives it.

    Parameters
    ----------
    name : str or Path
        "base", "fast", a ``.safetensors`` file, a folder, or an address with its hash.

    Raises
    ------
    WeightsError, InputError, OutputError
        As `find_weights` and `load_network`.
    """
    return load_network(weights_info(name))


def _network_of(info: WeightsInfo) -> LBN:
    """The network of the configuration inside a file, without its weights."""
    from ...network import LBN, LBNConfig

    try:
        return LBN(LBNConfig.from_dict(info.config))
    except WeightsError as error:
        raise WeightsError(f"{info.path}: {error.message}", error.remedy) from error
    except (
        ArithmeticError,
        LookupError,
        MemoryError,
        RuntimeError,
        TypeError,
        ValueError,
    ) as error:
        raise WeightsError(
            f"{info.path}: the configuration inside is damaged ({error}).", DAMAGED
        ) from error


def _read_tensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors: dict[str, Tensor] = load_file(path)
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path} cannot be read: {error}.", DAMAGED) from error
    return tensors


def save_weights(
    path: Path,
    network: LBN,
    *,
    name: str,
    pixel_sizes: tuple[float, float],
    summary: dict[str, Any],
    card: str = "",
    rest: str = "",
) -> None:
    """Write weights in half precision, atomically.

    Parameters
    ----------
    path : Path
        A ``.safetensors`` file.
    network : LBN
        What is written.
    name : str
        Of the weights.
    pixel_sizes : tuple of float
        Å; smallest and largest that they know.
    summary : dict
        JSON-able: how they were trained.
    card : str
        The model card as Markdown, which `napari-lbn info` shows.
    rest : str, optional
        Name of a weights file in the same folder: only tensors that it lacks, or has
        otherwise, are written.
    """
    import torch
    from safetensors.torch import save

    from napari_lbn import __version__

    def packed(tensor: Tensor) -> Tensor:
        return tensor.detach().to("cpu", torch.float16).contiguous()

    tensors = {key: packed(value) for key, value in network.state_dict().items()}
    known = _read_tensors(path.with_name(rest)) if rest else {}
    own = {k: t for k, t in tensors.items() if k not in known or not torch.equal(t, known[k])}
    metadata = {
        "format": FORMAT,
        "format_version": "1",
        "program_version": __version__,
        "name": name,
        "pixel_sizes": json.dumps(list(pixel_sizes)),
        "config": json.dumps(network.config.to_dict()),
        "summary": json.dumps(summary),
    }
    if card:
        metadata["card"] = card
    if rest:
        metadata[REST] = rest
    with atomic_path(path) as temporary:
        temporary.write_bytes(save(own, metadata))
