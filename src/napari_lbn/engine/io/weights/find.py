"""Where weights are: bundled, in a file, in a folder, at an address."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from ...errors import WeightsError
from .address import fetch_weights, is_address
from .info import SUFFIX, WeightsInfo, read_metadata, read_weights_info

BEST = "best.safetensors"
"""The name of a training's best weights."""


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


def weights_info(name: str | Path, folder: Path | None = None) -> WeightsInfo:
    """What weights say of themselves, given as `find_weights` takes them.

    Raises
    ------
    WeightsError, InputError, OutputError
        As `find_weights`; or the file is none of weights.
    """
    return read_weights_info(find_weights(name, folder))


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
