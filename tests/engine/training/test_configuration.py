"""Configurations: the paper's numbers, checks, overrides; and what a training costs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from napari_lbn.engine.errors import InputError
from napari_lbn.engine.network import LBN, LBNConfig
from napari_lbn.engine.tilt_series import TiltSeries
from napari_lbn.engine.training import cost
from napari_lbn.engine.training.configuration import (
    Configuration,
    named_configurations,
    read_configuration,
)
from napari_lbn.engine.training.cost import estimate_training, example_cost
from napari_lbn.engine.training.data import gather, make_network
from napari_lbn.engine.training.settings import CriticSettings, TrainingSettings
from napari_lbn.engine.training.validation import as_training_series


@pytest.mark.parametrize("name", named_configurations())
def test_named_configurations_survive_their_file(name: str) -> None:
    configuration = read_configuration(name)
    assert configuration.name == name
    assert Configuration.from_json(configuration.to_json()) == configuration


def test_the_papers_numbers() -> None:
    paper = read_configuration("paper")
    training, network = paper.training, paper.network
    assert training.learning_rate == 1e-5
    assert paper.run.epochs == 2200
    assert training.schedule == "plateau"
    assert training.examples.masking == "independent"
    assert training.examples.independent_probability == 0.4
    assert training.examples.uniform_threshold == 0.8
    assert training.examples.offset_probability == 1.0
    assert training.critic == CriticSettings(weight=1.0, channels=64, groups=4, penalty=10.0)
    assert [*zip(network.kernels, network.strides, strict=True)] == [
        (11, 2), (7, 1), (7, 2), (3, 2), (3, 1),
    ]  # fmt: skip
    assert network.groups == (1, 4, 4, 8, 8)
    assert (network.unet_groups, network.slope, network.downsampling) == (8, 0.5, 8)
    assert (network.latent_sum, network.subpixels) == ("sum", 1)
    assert read_configuration("paper-ablation").run.epochs == 500


def test_the_recipe_of_bundled_weights_needs_no_data_and_fits_the_package() -> None:
    recipe = read_configuration("bundled")
    assert recipe.start is None
    assert recipe.data.series == ()
    assert recipe.data.fresh > 0
    assert recipe.training.examples.wedge_targets == 0
    network, _ = make_network(recipe)
    assert 2 * network.n_parameters() < 20e6  # bytes in half precision


def test_the_ablation_differs_in_its_length_only() -> None:
    paper, ablation = read_configuration("paper"), read_configuration("paper-ablation")
    assert paper.training == ablation.training
    assert paper.network == ablation.network
    assert paper.data == ablation.data


def test_overrides() -> None:
    changed = read_configuration(
        "default",
        (
            "training.learning_rate=2e-4", "network.widths=[4, 8, 8, 8, 8]", "start=my weights",
            "training.examples.masking=uniform", "training.clip=2", "run.epochs = 7",
        ),
    )  # fmt: skip
    assert changed.training.learning_rate == 2e-4
    assert changed.network.widths == (4, 8, 8, 8, 8)
    assert changed.start == "my weights"
    assert changed.training.examples.masking == "uniform"
    assert changed.training.clip == 2.0
    assert changed.run.epochs == 7


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("training.rate=1", r"no training\.rate"),
        ("training.learning_rate=fast", "must be a number, not 'fast'"),
        ("training.schedule=linear", "one of cosine, plateau"),
        ("run.epochs=1.5", "a whole number"),
        ("run.pixel_sizes=[1.0]", "a list of 2"),
        ("network=3", "must be a table"),
        ("network.widths=[3, 3, 3, 3, 3]", "groups"),
        ("epochs", "sets nothing"),
    ],
)
def test_what_cannot_be_is_told(override: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_configuration("default", (override,))


def test_absent_and_broken_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="fine-tune"):
        read_configuration(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_text("a = = 3")
    with pytest.raises(InputError, match=r"bad\.toml cannot be read"):
        read_configuration(tmp_path / "bad.toml")
    (tmp_path / "bad.toml").write_text("[network]\nwidths = 3\n")
    with pytest.raises(InputError, match=r"bad\.toml's network\.widths must be a list") as error:
        read_configuration(tmp_path / "bad.toml")
    assert error.value.remedy


def test_series_of_several_pixel_sizes_are_brought_together(small_series: TiltSeries) -> None:
    from dataclasses import replace

    fine = replace(small_series, pixel_size=5.0)
    names = ('data.series=["a", "b"]', "data.hold_out_every=4", "run.pixel_sizes=[9.0, 21.0]")
    data = gather(read_configuration("default", names), {"a": small_series, "b": fine})
    assert [one.tilts.shape[2] for one in data.series] == [52, 26]
    assert [one.thickness for one in data.series] == [200, 200]
    assert [len(case.target_angles) for case in data.hold_outs] == [3, 3]
    assert len(data.series[0].tilts) == 10


def test_a_series_cannot_train_and_validate() -> None:
    names = ('data.series=["a.mrc"]', 'data.validation_series=["./a.mrc"]')
    with pytest.raises(InputError, match=r"a\.mrc is named for training and for validation"):
        gather(read_configuration("default", names))


def test_starting_from_weights_takes_their_network(small_weights: Path) -> None:
    start = read_configuration("fine-tune", (f"start={small_weights}",))
    network, configuration = make_network(start)
    assert configuration.network == network.config
    assert configuration.run.pixel_sizes == (8.0, 20.0)


@pytest.mark.parametrize("subpixels", [1, 4])
def test_estimate_against_what_is_kept_and_multiplied(subpixels: int) -> None:
    config = LBNConfig(widths=(8, 8, 16, 16, 16), unet_widths=(8,) * 4, subpixels=subpixels)
    settings = TrainingSettings(precision="float32")
    operations, kept = example_cost(config, (64, 72), 6, 4, settings)
    network, storages = LBN(config), {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storages[tensor.untyped_storage().data_ptr()] = tensor.numel() * tensor.element_size()
        return tensor

    with (
        FlopCounterMode(display=False) as counter,
        torch.autograd.graph.saved_tensors_hooks(note, lambda t: t),
    ):
        out = network(torch.randn(6, 1, 64, 72), np.linspace(-50, 50, 6), [-40, 0, 20, 40])
    assert out.requires_grad
    # the counter takes the sparse products of the projections for dense ones
    convolutions = counter.get_flop_counts()["Global"][torch.ops.aten.convolution]
    assert 0.8 < operations / (convolutions / 2) < 1.5
    assert 0.5 < kept / sum(storages.values()) < 2


def test_recomputing_and_small_crops_need_less(small_series: TiltSeries) -> None:
    source = [as_training_series(small_series, 32)]
    plain = estimate_training(LBNConfig(), source, TrainingSettings(precision="float32"))
    less = estimate_training(
        LBNConfig(), source, TrainingSettings(precision="float32", recompute=1)
    )
    critic = TrainingSettings(precision="float32", critic=CriticSettings(weight=1.0))
    more = estimate_training(LBNConfig(), source, critic)
    assert less.activation_bytes < 0.5 * plain.activation_bytes
    assert more.activation_bytes > plain.activation_bytes
    assert plain.memory_bytes > 20 * LBN(LBNConfig()).n_parameters()
    assert plain.seconds_per_step > 0


def test_however_small_an_example_is_it_takes_its_time(
    small_series: TiltSeries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cost, "convolution_speed", lambda device: 6e10)
    source = [as_training_series(small_series, 32)]
    tiny, twice = (
        estimate_training(LBNConfig(), source, TrainingSettings(device="cpu", accumulate=n))
        for n in (1, 2)
    )
    multiplied = 3 * tiny.operations / 6e10
    assert 0.2 < tiny.seconds_per_step - multiplied < 0.35  # as measured
    assert twice.seconds_per_step == pytest.approx(2 * tiny.seconds_per_step)
