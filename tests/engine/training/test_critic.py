"""The patch critic: its layout, its sign, its Lipschitz constraint, and training against it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_lbn.engine.network import LBN, LBNConfig
from napari_lbn.engine.network.critic import PatchCritic, critic_loss, gradient_penalty
from napari_lbn.engine.training.examples.draw import Example
from napari_lbn.engine.training.optimisation.staged import predict
from napari_lbn.engine.training.optimisation.state import TrainingDivergedError, TrainingState
from napari_lbn.engine.training.settings import CriticSettings, TrainingSettings

ANGLES = np.arange(-60.0, 61, 15)


def example(seed: int = 0, n: int = 9) -> Example:
    tilts = np.random.default_rng(seed).standard_normal((n, 1, 32, 32)).astype(np.float32)
    return Example(
        visible=tilts[1::2], visible_angles=ANGLES[1::2], targets=tilts[::2],
        target_angles=ANGLES[::2], thickness=32,
    )  # fmt: skip


def test_critic_is_the_papers() -> None:
    critic = PatchCritic()
    convolutions = [m for m in critic.modules() if isinstance(m, torch.nn.Conv2d)]
    assert [c.kernel_size[0] for c in convolutions] == [7, 3, 3, 3, 3, 1]
    assert [c.out_channels for c in convolutions] == [64] * 5 + [1]
    norms = [m for m in critic.modules() if isinstance(m, torch.nn.GroupNorm)]
    assert [n.num_groups for n in norms] == [4] * 5
    assert critic(torch.randn(2, 1, 20, 24)).shape == (2, 1, 20, 24)


class Mean(torch.nn.Module):
    """A critic of known slope: the mean, times `slope`, changes by slope * rms at most."""

    def __init__(self, slope: float) -> None:
        super().__init__()
        self.slope = slope

    def forward(self, tilts: torch.Tensor) -> torch.Tensor:
        return self.slope * tilts


@pytest.mark.parametrize("slope", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("size", [8, 32])
def test_penalty_is_what_the_slope_has_above_one(slope: float, size: int) -> None:
    real, made = torch.randn(2, 3, 1, size, size)
    penalty = gradient_penalty(Mean(slope), real, made)
    assert penalty.item() == pytest.approx(max(slope - 1, 0) ** 2, abs=1e-5)


def test_sign_of_equation_1() -> None:
    bright, dark = torch.ones(2, 1, 8, 8), -torch.ones(2, 1, 8, 8)
    loss, difference = critic_loss(Mean(1.0), bright, dark, 10.0)
    assert loss.item() == pytest.approx(-2.0, abs=1e-4)
    assert difference.item() == pytest.approx(2.0, abs=1e-4)


def test_difference_is_told_without_the_penalty() -> None:
    bright, dark = torch.ones(2, 1, 8, 8), -torch.ones(2, 1, 8, 8)
    loss, difference = critic_loss(Mean(3.0), bright, dark, 10.0)
    assert difference.item() == pytest.approx(6.0, abs=1e-4)
    assert loss.item() == pytest.approx(10.0 * 4.0 - 6.0, abs=1e-3)


def test_critic_learns_to_score_real_tilts_higher() -> None:
    torch.manual_seed(0)
    critic = PatchCritic(8)
    optimizer = torch.optim.Adam(critic.parameters(), lr=3e-3, betas=(0.0, 0.9))
    for _ in range(60):
        real = torch.randn(4, 1, 16, 16)
        made = torch.nn.functional.avg_pool2d(real, 3, 1, 1)
        optimizer.zero_grad()
        critic_loss(critic, real, made, 10.0)[0].backward()
        optimizer.step()
    real = torch.randn(8, 1, 16, 16)
    made = torch.nn.functional.avg_pool2d(real, 3, 1, 1)
    difference = (critic(real).mean() - critic(made).mean()).item()
    assert 0.1 < difference < 1.5 * (real - made).square().mean().sqrt().item()


def test_both_networks_train_in_one_step(small_config: LBNConfig) -> None:
    torch.manual_seed(0)
    settings = TrainingSettings(precision="float32", critic=CriticSettings(weight=1.0, channels=8))
    state = TrainingState(LBN(small_config), settings)
    assert state.adversary is not None
    before = [
        {k: v.clone() for k, v in m.state_dict().items()}
        for m in (state.network, state.adversary.critic)
    ]
    state.step(iter([example()]))
    for module, old in zip((state.network, state.adversary.critic), before, strict=True):
        assert any(not torch.equal(v, old[k]) for k, v in module.state_dict().items())


def gradients(config: LBNConfig, weight: float) -> torch.Tensor:
    torch.manual_seed(0)
    critic = CriticSettings(weight=weight, channels=8)
    settings = TrainingSettings(precision="float32", clip=0.0, critic=critic)
    state = TrainingState(LBN(config), settings)
    state._accumulate(example(), 0)
    return torch.cat([p.grad.flatten() for p in state.network.parameters() if p.grad is not None])


def test_weight_scales_the_critics_term(small_config: LBNConfig) -> None:
    plain = gradients(small_config, 0.0)
    once, twice = (gradients(small_config, w) - plain for w in (1.0, 2.0))
    assert once.norm() > 0
    torch.testing.assert_close(twice, 2 * once, rtol=1e-3, atol=1e-5)


def test_the_critic_learns_before_the_network_listens(small_config: LBNConfig) -> None:
    torch.manual_seed(0)
    critic = CriticSettings(weight=1.0, warm_up=4, channels=8)
    state = TrainingState(LBN(small_config), TrainingSettings(precision="float32", critic=critic))
    assert state.adversary is not None
    assert [state.adversary.weight(step) for step in (0, 1, 4, 9)] == [0.0, 0.25, 1.0, 1.0]
    before = {k: v.clone() for k, v in state.adversary.critic.state_dict().items()}
    state._accumulate(example(), 0)
    alone = torch.cat([p.grad.flatten() for p in state.network.parameters() if p.grad is not None])
    torch.testing.assert_close(alone, gradients(small_config, 0.0))
    state.adversary.update()
    after = state.adversary.critic.state_dict()
    assert any(not torch.equal(after[k], v) for k, v in before.items())


@pytest.mark.parametrize("together", [1, 2])
def test_the_critic_sees_a_few_tilts_at_once_with_the_gradients_of_all(
    small_config: LBNConfig, together: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for count in (together, 100):
        for module in ("adversary", "passes"):
            monkeypatch.setattr(f"napari_lbn.engine.training.optimisation.{module}.TOGETHER", count)
        torch.manual_seed(0)
        settings = TrainingSettings(
            precision="float32", critic=CriticSettings(weight=1.0, channels=8)
        )
        state = TrainingState(LBN(small_config), settings)
        assert state.adversary is not None
        seen: list[int] = []
        state.adversary.critic.register_forward_pre_hook(
            lambda _, given, seen=seen: seen.append(len(given[0]))
        )
        loss = state._accumulate(example(), 7)
        assert max(seen) == min(count, 5)
        parameters = [*state.network.parameters(), *state.adversary.critic.parameters()]
        gradients = [p.grad for p in parameters if p.grad is not None]
        found.append([torch.tensor(loss.critic), *gradients])
    for few, all_at_once in zip(*found, strict=True):
        torch.testing.assert_close(few, all_at_once, rtol=1e-3, atol=1e-5)


def test_activation_checkpointing_changes_nothing(small_config: LBNConfig) -> None:
    torch.manual_seed(0)
    network = LBN(small_config)
    one = example()
    results = []
    for together in (0, 1, 3):
        network.zero_grad()
        visible = torch.from_numpy(one.visible)
        out = predict(
            network, visible, one.visible_angles, one.target_angles,
            thickness=32, tilts_together=together,
        )  # fmt: skip
        out.square().mean().backward()
        grads = [p.grad.clone() for p in network.parameters() if p.grad is not None]
        results.append([out.detach(), *grads])
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-4)


def test_activation_checkpointing_keeps_less(small_config: LBNConfig) -> None:
    network, one = LBN(small_config), example()
    kept = []
    for together in (0, 2):
        total = 0

        def count(tensor: torch.Tensor) -> torch.Tensor:
            nonlocal total
            total += tensor.numel()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(count, lambda t: t):
            predict(
                network, torch.from_numpy(one.visible), one.visible_angles, one.target_angles,
                thickness=32, tilts_together=together,
            )  # fmt: skip
        kept.append(total)
    assert kept[1] < 0.5 * kept[0]


@pytest.mark.parametrize("precision", ["bfloat16", "float16", "float32"])
def test_every_precision_takes_a_step(small_config: LBNConfig, precision: str) -> None:
    torch.manual_seed(0)
    state = TrainingState(LBN(small_config), TrainingSettings(precision=precision))  # type: ignore[arg-type]
    assert np.isfinite(state.step(iter([example()])).mse)
    assert all(p.dtype == torch.float32 for p in state.network.parameters())


def test_no_number_stops_before_the_weights_change(small_config: LBNConfig) -> None:
    state = TrainingState(LBN(small_config), TrainingSettings(precision="float32"))
    before = {k: v.clone() for k, v in state.network.state_dict().items()}
    bad = example()
    bad.targets[0, 0, 0, 0] = np.nan
    with pytest.raises(TrainingDivergedError, match="step 1 is not a number"):
        state.step(iter([bad]))
    assert all(torch.equal(v, before[k]) for k, v in state.network.state_dict().items())
    assert state.step_count == 0


def test_plateau_lowers_the_rate_and_warm_up_raises_it(small_config: LBNConfig) -> None:
    settings = TrainingSettings(
        schedule="plateau", plateau_patience=1, plateau_factor=0.1, warm_up=4, learning_rate=1e-3
    )
    state = TrainingState(LBN(small_config), settings)
    assert state.current_rate() == pytest.approx(0.25e-3)
    state.step_count = 10
    for loss in (1.0, 0.9, 0.95, 0.95):
        state.end_of_epoch(loss)
    assert state.current_rate() == pytest.approx(1e-4)


def test_cosine_ends_at_zero(small_config: LBNConfig) -> None:
    state = TrainingState(LBN(small_config), TrainingSettings(steps=100, warm_up=0))
    rates = []
    for step in range(101):
        state.step_count = step
        rates.append(state.current_rate())
    assert rates[0] == 1e-3
    assert (np.diff(rates) < 0).all()
    assert rates[-1] == pytest.approx(0, abs=1e-9)
