"""Weights on the command line: described, and fetched from an address."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from napari_lbn.engine.io.weights.address import CACHE_VARIABLE, cached_file
from napari_lbn.engine.io.weights.card import embed_card
from napari_lbn.engine.io.weights.find import bundled_weights

from .conftest import run


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A copy of the bundled weights with a card of its own."""
    path = tmp_path / "copy.safetensors"
    path.write_bytes(bundled_weights()[0].path.read_bytes())
    embed_card(path, "# Copy\n\nNot to be trusted.\n")
    return path


def test_info_shows_the_model_card(weights: Path) -> None:
    result = run("info", weights)
    assert result.exit_code == 0, result.output
    sha256 = hashlib.sha256(weights.read_bytes()).hexdigest()
    for part in ("million parameters", "Å", sha256, "# Copy", "Not to be trusted."):
        assert part in result.stdout


def test_info_of_weights_for_programs(weights: Path) -> None:
    facts = json.loads(run("info", weights, "--json").stdout)
    assert facts["card"].startswith("# Copy")
    assert facts["name"] == bundled_weights()[0].name
    assert facts["parameters"] > 1e5


def test_info_of_a_file_that_is_no_weights(tmp_path: Path) -> None:
    path = tmp_path / "fake.safetensors"
    path.write_bytes(b"hello")
    result = run("info", path)
    assert result.exit_code == 2
    assert "fake.safetensors" in result.stderr


def test_weights_by_address_come_from_the_cache(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    sha256 = hashlib.sha256(weights.read_bytes()).hexdigest()
    address = f"http://127.0.0.1:9/copy.safetensors#sha256={sha256}"
    target = cached_file(address)
    target.parent.mkdir()
    target.write_bytes(weights.read_bytes())
    facts = json.loads(run("info", "--sample", "--json", "--weights", address).stdout)
    assert facts["plan"]["weights"] == bundled_weights()[0].name


def test_info_of_an_address_and_of_a_folder(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    sha256 = hashlib.sha256(weights.read_bytes()).hexdigest()
    address = f"https://example.org/mine.safetensors#sha256={sha256}"
    cached_file(address).parent.mkdir(parents=True)
    cached_file(address).write_bytes(weights.read_bytes())
    for name in (address, weights.parent):
        result = run("info", name)
        assert result.exit_code == 0, result.output
        assert sha256 in result.stdout
    result = run("info", "https://example.org/mine.safetensors")
    assert result.exit_code == 2
    assert "need their hash" in result.stderr.replace("\n", " ")


def test_an_address_without_hash_is_refused() -> None:
    address = "https://example.org/copy.safetensors"
    result = run("correct", "--sample", "--out", "x", "--weights", address)
    assert result.exit_code == 2
    assert "#sha256=" in result.stderr


@pytest.mark.parametrize("name", ["base", "fast"])
def test_info_of_bundled_weights_by_name(name: str) -> None:
    done = run("info", name, "--json")
    facts = json.loads(done.stdout)
    assert facts["name"] == name
    for field in ("fine_widths", "box_widths"):
        assert bool(facts["config"][field]) == (name == "base")
    assert "When not to trust it" in facts["card"]
