"""Weights files: round trip, and what is refused."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from napari_lbn.engine.errors import WeightsError
from napari_lbn.engine.io.weights.card import embed_card
from napari_lbn.engine.io.weights.file import load_network, save_weights
from napari_lbn.engine.io.weights.find import bundled_weights, find_weights
from napari_lbn.engine.io.weights.info import read_metadata, read_weights_info
from napari_lbn.engine.network import LBN, LBNConfig


def test_round_trip(small_network: LBN, tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    save_weights(path, small_network, name="mine", pixel_sizes=(9, 21), summary={"steps": 5})
    info = read_weights_info(path)
    assert (info.name, info.pixel_sizes, info.summary) == ("mine", (9.0, 21.0), {"steps": 5})
    loaded = load_network(info)
    assert loaded.config == small_network.config
    for key, value in small_network.state_dict().items():
        torch.testing.assert_close(loaded.state_dict()[key], value, rtol=1e-3, atol=1e-6)
    assert list(tmp_path.iterdir()) == [path]
    other = tmp_path / "other"
    other.touch()
    assert path.stat().st_mode == other.stat().st_mode  # readable as any file of the user's


def test_bundled_weights_load_and_fit_into_the_package() -> None:
    infos = bundled_weights()
    assert infos[0].name == "base"
    assert sum(info.path.stat().st_size for info in infos) < 20e6
    for info in infos:
        load_network(info)
        assert info.summary["trained_on"]


def rewrite(path: Path, **metadata: str | None) -> None:
    """Change or drop fields of a weights file's description."""
    blob = path.read_bytes()
    length = int.from_bytes(blob[:8], "little")
    described = json.loads(blob[8 : 8 + length])["__metadata__"] | metadata
    save_file(load_file(path), path, {k: v for k, v in described.items() if v is not None})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other"}, "not a weights file"),
        ({"format": None}, "not a weights file"),
        ({"format_version": "9"}, "format version 9"),
        ({"pixel_sizes": "[1]"}, "damaged"),
        ({"config": "{"}, "damaged"),
        ({"summary": None}, "damaged"),
        ({"config": "[1]"}, "damaged"),
        ({"summary": '"words"'}, "damaged"),
        ({"format": "napari-lbn checkpoint"}, "checkpoint"),
    ],
)
def test_foreign_or_damaged_descriptions(
    small_weights: Path, change: dict[str, str | None], message: str
) -> None:
    rewrite(small_weights, **change)
    with pytest.raises(WeightsError, match=message):
        read_weights_info(small_weights)


@pytest.mark.parametrize(
    "changes",
    [{"widths": 3}, {"unet_widths": "wide"}, {"groups": [0, 0, 0, 0, 0]}, {"latent_dim": 7}],
)
def test_a_configuration_that_is_none_is_told_with_the_file(
    small_weights: Path, changes: dict[str, object]
) -> None:
    config = read_weights_info(small_weights).config | changes
    rewrite(small_weights, config=json.dumps(config))
    with pytest.raises(WeightsError, match=small_weights.name):
        load_network(read_weights_info(small_weights))


@pytest.mark.parametrize("content", [b"", b"hello", b"\xff" * 400, pickle.dumps({"a": 1})])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "fake.safetensors"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=r"fake\.safetensors"):
        read_weights_info(path)


def test_truncated_file(small_weights: Path) -> None:
    small_weights.write_bytes(small_weights.read_bytes()[:-100])
    with pytest.raises(WeightsError, match="cannot be read"):
        load_network(read_weights_info(small_weights))


def test_values_that_are_not_finite(small_network: LBN, tmp_path: Path) -> None:
    next(small_network.parameters()).data[0] = float("nan")
    path = tmp_path / "nan.safetensors"
    save_weights(path, small_network, name="nan", pixel_sizes=(9, 21), summary={})
    with pytest.raises(WeightsError, match="not finite"):
        load_network(read_weights_info(path))


def test_tensors_that_do_not_fit(small_weights: Path) -> None:
    """A width that would fill any memory takes none: sizes are compared before."""
    info = read_weights_info(small_weights)
    huge = info.config | {"unet_widths": [8, 8, 8, 8 * 10**6]}
    for config in ({}, huge):
        rewrite(small_weights, config=json.dumps(config))
        with pytest.raises(WeightsError, match="do not fit"):
            load_network(read_weights_info(small_weights))


def test_pickled_weights_are_never_loaded(tmp_path: Path) -> None:
    path = tmp_path / "model.pt"
    torch.save({"a": torch.zeros(1)}, path)
    with pytest.raises(WeightsError, match="never loaded"):
        find_weights(path)


def test_finding_by_path_name_and_folder(small_weights: Path) -> None:
    assert find_weights(small_weights) == small_weights
    assert find_weights("small", small_weights.parent) == small_weights
    with pytest.raises(WeightsError, match="no weights 'nonsense'"):
        find_weights("nonsense")


def test_finding_in_a_folder(small_weights: Path, small_network: LBN) -> None:
    folder = small_weights.parent / "run"
    folder.mkdir()
    with pytest.raises(WeightsError, match="holds no weights"):
        find_weights(folder)
    first = folder / "a.safetensors"
    first.write_bytes(small_weights.read_bytes())
    save_file({"x": torch.zeros(1)}, folder / "last.safetensors", {"format": "a checkpoint"})
    assert find_weights(folder) == first
    (folder / "b.safetensors").write_bytes(small_weights.read_bytes())
    with pytest.raises(WeightsError, match="holds 2 weights") as caught:
        find_weights(str(folder))
    assert "a.safetensors, b.safetensors" in caught.value.remedy
    best = folder / "best.safetensors"  # as a training leaves them
    best.write_bytes(small_weights.read_bytes())
    assert find_weights(folder) == best


def test_model_card_changes_no_tensor(small_weights: Path) -> None:
    before = load_file(small_weights)
    for card in ("# Small\n\nFor tests: 10 Å – “quoted”, §.\n" * 40, "short"):
        embed_card(small_weights, card)
        assert read_weights_info(small_weights).card == card
        after = load_file(small_weights)
        assert all(torch.equal(before[key], after[key]) for key in before)
    assert read_weights_info(small_weights).name == "small"
    with pytest.raises(WeightsError, match="too long"):
        embed_card(small_weights, "x" * (1 << 20))
    assert read_weights_info(small_weights).card == "short"


def test_model_card_is_kept_when_saving(small_network: LBN, tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    save_weights(path, small_network, name="mine", pixel_sizes=(9, 21), summary={}, card="# Mine")
    assert read_weights_info(path).card == "# Mine"


def family(folder: Path) -> tuple[LBN, Path, Path]:
    """A network with a second UNet, and a member of its family without one."""
    config = LBNConfig(
        widths=(4, 4, 8, 8, 8),
        groups=(1, 2, 2, 2, 2),
        unet_widths=(8, 8, 8, 8),
        unet_groups=2,
        fine_widths=(4, 4, 4),
    )
    network = LBN(config)
    whole, part = folder / "whole.safetensors", folder / "part.safetensors"
    save_weights(whole, network, name="whole", pixel_sizes=(9, 21), summary={})
    plain = LBN(replace(config, fine_widths=()))
    plain.load_state_dict({k: v for k, v in network.state_dict().items() if "fine." not in k})
    torch.nn.init.ones_(plain.refinement.last.conv.weight)
    save_weights(part, plain, name="part", pixel_sizes=(9, 21), summary={}, rest=whole.name)
    return plain, whole, part


def test_a_family_shares_its_tensors(tmp_path: Path) -> None:
    plain, whole, part = family(tmp_path)
    assert list(load_file(part)) == ["refinement.last.conv.weight"]
    assert part.stat().st_size < 0.1 * whole.stat().st_size
    info = read_weights_info(part)
    assert (info.name, info.rest) == ("part", whole)
    loaded = load_network(info)
    assert loaded.fine is None
    for key, value in plain.state_dict().items():
        torch.testing.assert_close(loaded.state_dict()[key], value, rtol=1e-3, atol=1e-6)


def test_the_hash_of_a_part_is_that_of_its_tensors_too(tmp_path: Path) -> None:
    _, whole, part = family(tmp_path)
    before = read_weights_info(part).sha256
    tensors = load_file(whole)
    first = next(iter(tensors))
    save_file({**tensors, first: tensors[first] + 1}, whole, read_metadata(whole))
    assert read_weights_info(part).sha256 != before


def test_a_part_without_the_file_beside_it(tmp_path: Path) -> None:
    _, whole, part = family(tmp_path)
    whole.unlink()
    with pytest.raises(WeightsError, match="which is not beside it") as caught:
        read_weights_info(part)
    assert "both files" in caught.value.remedy


def test_a_part_of_a_file_elsewhere_is_refused(tmp_path: Path) -> None:
    _, whole, part = family(tmp_path)
    rewrite(part, rest=f"../{tmp_path.name}/{whole.name}")
    with pytest.raises(WeightsError, match="not beside it"):
        read_weights_info(part)
