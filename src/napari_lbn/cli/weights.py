"""Weights on the command line: fetched where they are named by an address, and described."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from .progress import note

if TYPE_CHECKING:
    from napari_lbn.engine.io.weights.info import WeightsInfo


def fetch_told(name: str) -> None:
    """Download weights of an address that are not on this machine yet, and say so."""
    from napari_lbn.engine.io.weights.address import cached_file, fetch_weights, is_address

    if not is_address(name):
        return
    target = cached_file(name)
    if not target.is_file():
        note(f"Downloading weights to {target}.")
    fetch_weights(name)


def named_weights(path: Path | None) -> Path | None:
    """The weights that stand in the place of a tilt series: as `--weights` takes them."""
    from napari_lbn.engine.io.weights.find import bundled_weights, find_weights

    # A path holds no two slashes in a row, so an address lost one.
    if path is not None and (address := re.match(r"(https?):/+(.*)", str(path))):
        name = f"{address[1]}://{address[2]}"
        fetch_told(name)
        return find_weights(name)
    if path is not None and path.is_dir() and any(path.glob("*.safetensors")):
        return find_weights(path)
    if path is None or path.exists():
        return path if path is not None and path.suffix == ".safetensors" else None
    if path.suffix == ".safetensors":
        return path
    return next((info.path for info in bundled_weights() if info.name == str(path)), None)


def show_weights(path: Path, *, as_json: bool) -> None:
    """Print what a weights file says about itself, its model card last."""
    from napari_lbn.engine.io.weights.info import read_weights_info

    facts = describe_weights(read_weights_info(path))
    typer.echo(json.dumps(facts, indent=2, ensure_ascii=False) if as_json else _as_text(facts))


def describe_weights(info: WeightsInfo) -> dict[str, Any]:
    """Facts about weights: name, pixel sizes in Å, network, training, hash, model card."""
    from napari_lbn.engine.io.weights.file import load_network

    network = load_network(info)
    return {
        "name": info.name,
        "file": str(info.path),
        "bytes": info.rest.stat().st_size,
        "sha256": info.sha256,
        "pixel_sizes": list(info.pixel_sizes),
        "parameters": sum(p.numel() for p in network.parameters()),
        "downsampling": network.config.downsampling,
        "latent_dimension": network.config.latent_channels,
        "config": network.config.to_dict(),
        "summary": info.summary,
        "card": info.card,
    }


def _as_text(facts: dict[str, Any]) -> str:
    low, high = facts["pixel_sizes"]
    network = f"{facts['parameters'] / 1e6:.1f} million parameters, ×{facts['downsampling']}, "
    network += f"latent dimension {facts['latent_dimension']}"
    lines = [
        ("Weights", facts["name"]),
        ("File", f"{facts['file']}, {facts['bytes'] / 1e6:.1f} MB"),
        ("SHA-256", facts["sha256"]),
        ("Pixel sizes", f"{low:g} to {high:g} Å; finer series are binned, coarser ones refused"),
        ("Network", network),
    ]
    text = [f"{name + ':':13s}{value}" for name, value in lines]
    card = facts["card"] or "This file holds no model card."
    return "\n".join([*text, "", card.rstrip()])
