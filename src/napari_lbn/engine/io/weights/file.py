"""Weights as safetensors, with configuration, training summary and pixel-size range inside.

Nothing is ever unpickled.
"""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import WeightsError
from ..files.atomic import atomic_path
from .address import fetch_weights, is_address
from .info import FORMAT, REST, SUFFIX, WeightsInfo, read_metadata, read_weights_info

if TYPE_CHECKING:
    from torch import Tensor

    from ...network import LBN

__all__ = [
    "SUFFIX",
    "WeightsInfo",
    "bundled_weights",
    "find_weights",
    "load_network",
    "read_weights_info",
    "save_weights",
    "weights_in",
]

BEST = "best.safetensors"
"""The name of a training's best weights."""
DAMAGED = "The file is damaged or not whole: copy or download it again."


def bundled_weights() -> list[WeightsInfo]:
    """The weights that come with the package, the default first."""
    folder = resources.files("napari_lbn") / "weights"
    paths = sorted(Path(str(p)) for p in folder.iterdir() if p.name.endswith(SUFFIX))
    infos = [read_weights_info(path) for path in paths]
    return sorted(infos, key=lambda info: (info.name != "base", info.name))


def find_weights(name: str | Path, folder: Path | None = None) -> Path:
    """Path of weights given by file, folder, address, bundled name, or name in the user's folder.

    An address (``https://…#sha256=…``) is downloaded once (`address`).

    Raises
    ------
    WeightsError
        There are none of that name.
    InputError, OutputError
        An address without a hash; a cache that cannot be written to.
    """
    if is_address(name):
        return fetch_weights(str(name))
    path = Path(name).expanduser()
    if path.suffix == SUFFIX and path.is_file():
        return path
    bundled = {info.name: info.path for info in bundled_weights()}
    if str(name) in bundled:
        return bundled[str(name)]
    if folder is not None and (folder / f"{name}{SUFFIX}").is_file():
        return folder / f"{name}{SUFFIX}"
    if path.is_dir():
        return _in_folder(path)
    if path.is_file():
        raise WeightsError(
            f"{path} is not a {SUFFIX} file.", "Pickled weights (.pt, .ckpt) are never loaded."
        )
    raise WeightsError(
        f"There are no weights {str(name)!r}.",
        f"Give a {SUFFIX} file, its folder, an address, or one of the bundled names: "
        f"{', '.join(bundled)}.",
    )


def weights_in(folder: Path) -> list[Path]:
    """Weights files of a folder by name; checkpoints of a training are none."""
    found = []
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        try:
            read_metadata(path)
        except WeightsError:
            continue
        found.append(path)
    return found


def _in_folder(folder: Path) -> Path:
    """The weights of a folder: the only ones, or the best ones of a training."""
    found = weights_in(folder)
    best = folder / BEST
    if best in found:
        return best
    if len(found) == 1:
        return found[0]
    if not found:
        raise WeightsError(f"{folder} holds no weights.", f"Weights are {SUFFIX} files.")
    names = ", ".join(path.name for path in found[:5]) + (", …" if len(found) > 5 else "")
    raise WeightsError(f"{folder} holds {len(found)} weights.", f"Name one of them: {names}.")


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
