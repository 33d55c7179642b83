"""Weights as safetensors, with configuration, training summary and pixel-size range inside.

Nothing is ever unpickled.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import WeightsError
from .output import atomic_path

if TYPE_CHECKING:
    from torch import Tensor

    from ..network import LBN

FORMAT = "napari-lbn"
SUFFIX = ".safetensors"
MAX_HEADER = 1 << 20


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
        Of the file.
    """

    name: str
    path: Path
    pixel_sizes: tuple[float, float]
    config: dict[str, Any]
    summary: dict[str, Any]
    sha256: str


def bundled_weights() -> list[WeightsInfo]:
    """The weights that come with the package, the default first."""
    folder = resources.files("napari_lbn") / "weights"
    paths = sorted(Path(str(p)) for p in folder.iterdir() if p.name.endswith(SUFFIX))
    infos = [read_weights_info(path) for path in paths]
    return sorted(infos, key=lambda info: (info.name != "base", info.name))


def find_weights(name: str | Path, folder: Path | None = None) -> Path:
    """Path of weights given by file, by bundled name, or by name in the user's folder.

    Raises
    ------
    WeightsError
        There are none of that name.
    """
    path = Path(name).expanduser()
    if path.suffix == SUFFIX and path.is_file():
        return path
    bundled = {info.name: info.path for info in bundled_weights()}
    if str(name) in bundled:
        return bundled[str(name)]
    if folder is not None and (folder / f"{name}{SUFFIX}").is_file():
        return folder / f"{name}{SUFFIX}"
    if path.is_file():
        raise WeightsError(
            f"{path} is not a {SUFFIX} file.", "Pickled weights (.pt, .ckpt) are never loaded."
        )
    raise WeightsError(
        f"There are no weights {str(name)!r}.",
        f"Give a {SUFFIX} file or one of the bundled names: {', '.join(bundled)}.",
    )


def read_weights_info(path: Path) -> WeightsInfo:
    """Read and check the header of a weights file.

    Raises
    ------
    WeightsError
        The file is absent, damaged, or not weights of this program.
    """
    metadata = _read_metadata(path)
    try:
        low, high = json.loads(metadata["pixel_sizes"])
        return WeightsInfo(
            name=metadata["name"],
            path=path,
            pixel_sizes=(float(low), float(high)),
            config=json.loads(metadata["config"]),
            summary=json.loads(metadata["summary"]),
            sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        )
    except (KeyError, ValueError, TypeError) as error:
        raise WeightsError(f"{path}: the description inside is damaged ({error}).") from error


def load_network(info: WeightsInfo) -> LBN:
    """The network with these weights, float32 on the CPU, in evaluation mode.

    Raises
    ------
    WeightsError
        The tensors do not fit the configuration, or are not finite.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from ..network import LBN, LBNConfig

    network = LBN(LBNConfig.from_dict(info.config))
    try:
        tensors = load_file(info.path)
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{info.path} cannot be read: {error}.") from error
    if not all(torch.isfinite(t).all() for t in tensors.values()):
        raise WeightsError(f"{info.path} contains values that are not finite.")
    try:
        network.load_state_dict({k: t.float() for k, t in tensors.items()})
    except RuntimeError as error:
        raise WeightsError(f"{info.path}: the tensors do not fit the configuration.") from error
    return network.eval().requires_grad_(False)


def save_weights(
    path: Path,
    network: LBN,
    *,
    name: str,
    pixel_sizes: tuple[float, float],
    summary: dict[str, Any],
) -> None:
    """Write weights in half precision, atomically."""
    import torch
    from safetensors.torch import save

    from napari_lbn import __version__

    def packed(tensor: Tensor) -> Tensor:
        return tensor.detach().to("cpu", torch.float16).contiguous()

    tensors = {key: packed(value) for key, value in network.state_dict().items()}
    metadata = {
        "format": FORMAT,
        "format_version": "1",
        "program_version": __version__,
        "name": name,
        "pixel_sizes": json.dumps(list(pixel_sizes)),
        "config": json.dumps(network.config.to_dict()),
        "summary": json.dumps(summary),
    }
    with atomic_path(path) as temporary:
        temporary.write_bytes(save(tensors, metadata))


def _read_metadata(path: Path) -> dict[str, str]:
    """The header's metadata; a safetensors file starts with its header's length and JSON."""
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
    if not known:
        raise WeightsError(foreign, "It belongs to another program.")
    if metadata.get("format_version") != "1":
        raise WeightsError(
            f"{path} has format version {metadata.get('format_version')}; this program knows 1.",
            "Update napari-lbn.",
        )
    return metadata
