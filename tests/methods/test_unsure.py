"""UNSURE: the multipliers find what theory says, by ascent with momentum, and outlive a stop."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, stdev
from threading import Barrier
from typing import TypeVar

import pytest
import torch
from torch import Tensor, nn

from reilab.datasets.samples import InMemory
from reilab.events import Refused, SetAssumedNoise, Stepped
from reilab.groups import Shifts
from reilab.key import Key
from reilab.methods.sure import SURE
from reilab.methods.unsure import UNSURE, UNSUREWithREQ
from reilab.noise import (
    Gamma,
    Gaussian,
    LearnableNoise,
    Noise,
    Poisson,
    PoissonGaussian,
    UnknownNoise,
)
from reilab.physics.base import Physics
from reilab.physics.mask import PixelMask
from reilab.problem import Problem
from reilab.training.checkpoint import load_checkpoint, save_checkpoint
from reilab.training.config import TrainConfig
from reilab.training.evaluate import Exam
from reilab.training.state import TrainState, new_state, steer
from reilab.training.step import take_step
from reilab.training.team import ALONE, Team
from reilab.training.train import train

T = TypeVar("T")
SIDE, SIGMA = 4, 0.5
#: Variances of the pixels of the images, independent of each other.
SPECTRUM = torch.linspace(0, 1, SIDE**2).view(1, 1, SIDE, SIDE)


class Gains(nn.Module):
    """Each pixel by its own factor: all there is to denoise independent Gaussian ones."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.full((1, 1, SIDE, SIDE), 0.5))

    def forward(self, y: Tensor, physics: Physics, start: Tensor) -> Tensor:
        return self.gain * start


@dataclass(frozen=True)
class GainsSpec:
    def build(self, channels: int) -> nn.Module:
        return Gains()


def pixels(noise: Noise, seed: int = 0, bright: float = 0.0) -> Problem:
    """Images of independent Gaussian pixels about ``bright``, all of them measured."""
    x = SPECTRUM.sqrt() * torch.randn(1024, 1, SIDE, SIDE, generator=Key(seed).generator())
    samples = InMemory(x + bright)
    physics = PixelMask((1, SIDE, SIDE), torch.arange(SIDE**2))
    spec = GainsSpec()
    return Problem(physics, noise, Shifts(SIDE), samples, samples, network=spec)  # type: ignore[arg-type]


def trained(method: UNSURE | UNSUREWithREQ, problem: Problem, config: TrainConfig) -> list[float]:
    """θ after each step, begun at four times the variance."""
    state = new_state(method, problem, config, assumed_noise=2 * SIGMA)
    return [multiplier(state, problem, config) for _ in range(config.steps)]


def multiplier(state: TrainState, problem: Problem, config: TrainConfig) -> float:
    take_step(state, problem, config)
    assert state.multipliers
    return float(state.multipliers.theta)


HOW = TrainConfig(steps=350, batch=128, learning_rate=5e-2)


@pytest.mark.slow
def test_the_multiplier_is_what_theory_says() -> None:
    """θ = m / Σ 1/(cᵢ + σ²): the reciprocal of the Fisher information of y, by its mean a pixel."""
    expected = SIDE**2 / float((1 / (SPECTRUM + SIGMA**2)).sum())
    means = []
    for seed in range(5):
        path = trained(
            UNSURE(noise_rate=0.05, noise_momentum=0.5),
            pixels(Gaussian(SIGMA), seed),
            replace(HOW, seed=seed),
        )
        means.append(fmean(path[200:]))
    z = (fmean(means) - expected) / (stdev(means) / math.sqrt(len(means)))
    assert abs(z) < 4, (means, expected)
    assert abs(fmean(means) / expected - 1) < 0.02


def test_momentum_changes_the_path() -> None:
    paths = [
        trained(UNSURE(noise_momentum=momentum), pixels(Gaussian(SIGMA)), replace(HOW, steps=30))
        for momentum in (0.0, 0.5, 0.9)
    ]
    firsts = [path[0] for path in paths]
    # The first step of each goes a share of 1 − μ of the way.
    ways = [math.log(first / (4 * SIGMA**2)) for first in firsts]
    # Half of each pixel is kept at first: more than nothing, so the noise is taken for stronger.
    assert ways[0] == pytest.approx(2 * 0.5 * 0.01, rel=0.05)
    assert ways[1] == pytest.approx(0.5 * ways[0], rel=1e-4)
    assert ways[2] == pytest.approx(0.1 * ways[0], rel=1e-3)
    # What is behind is not forgotten at once.
    seconds = [math.log(path[1] / path[0]) for path in paths]
    assert seconds[2] / ways[2] > 1.5 > seconds[0] / ways[0]


MODELS: list[tuple[LearnableNoise, Callable[[Tensor], Tensor]]] = [
    (Gaussian(0.3), lambda y: torch.full_like(y, 0.3**2)),
    (Poisson(0.2), lambda y: 0.2 * y),
    (PoissonGaussian(0.3, 0.2), lambda y: 0.2 * y + 0.3**2),
]


@pytest.mark.parametrize(("noise", "variance"), MODELS)
def test_the_lagrangian_is_that_of_the_paper(
    noise: LearnableNoise, variance: Callable[[Tensor], Tensor]
) -> None:
    """For h = B y it is ‖y − h‖²/m + 2 Σᵢ vᵢ Bᵢᵢ/m in the mean over probes, of that variance v."""
    n, many = 6, 20_000
    generator = Key(1).generator()
    matrix = torch.randn(n, n, generator=generator, dtype=torch.float64)
    one = torch.rand(1, n, generator=generator, dtype=torch.float64) + 0.5
    y = one.expand(many, n)
    theta = torch.tensor(list(noise.multipliers.values()), dtype=torch.float64)
    found = UnknownNoise(noise, theta).sure(
        y, lambda y: y @ matrix.T, y @ matrix.T, Key(2).streams(range(1))
    )
    expected = (one - one @ matrix.T).square().mean() + 2 * (variance(one) * matrix.diag()).mean()
    z = (found.mean() - expected) / (found.std() / math.sqrt(many))
    assert abs(float(z)) < 4


@pytest.mark.parametrize(("noise", "_"), MODELS)
def test_virtual_measurements_have_the_noise_that_is_believed(
    noise: LearnableNoise, _: object
) -> None:
    theta = 4 * torch.tensor(list(noise.multipliers.values())).requires_grad_()
    u = torch.full((1, 100_000), 2.0, requires_grad=True)
    y = UnknownNoise(noise, theta).sample(u, Key(0).streams(range(1)))
    told = noise.shares(u.detach())
    expected = sum(
        4 * v * float(w.mean()) for v, w in zip(noise.multipliers.values(), told, strict=True)
    )
    assert float(y.detach().var()) == pytest.approx(expected, rel=0.03)
    assert not y.requires_grad or torch.autograd.grad(y.sum(), theta, allow_unused=True)[0] is None


def test_it_is_told_saved_steered_and_resumed(tmp_path: Path) -> None:
    problem, config = pixels(Gaussian(SIGMA)), replace(HOW, steps=20, log_every=5, batch=32)

    def begun() -> TrainState:
        return new_state(UNSUREWithREQ(transforms=1), problem, config, assumed_noise=1.0)

    whole, first, second = begun(), begun(), begun()
    for state in (whole, first):
        for _ in range(10):
            take_step(state, problem, config)
    save_checkpoint(first, tmp_path / "half.safetensors")
    load_checkpoint(second, tmp_path / "half.safetensors")
    for state in (whole, second):
        for _ in range(10):
            take_step(state, problem, config)
    for one, other in zip(whole.network.parameters(), second.network.parameters(), strict=True):
        assert torch.equal(one, other)
    assert whole.multipliers
    assert second.multipliers
    assert torch.equal(whole.multipliers.theta, second.multipliers.theta)
    assert torch.equal(whole.multipliers.velocity, second.multipliers.velocity)
    assert not torch.equal(whole.multipliers.velocity, torch.zeros(1))
    second.apply(SetAssumedNoise(0.7))
    assert float(second.multipliers.theta) == pytest.approx(0.49)


def test_reports_tell_what_is_believed() -> None:
    problem, config = pixels(Gaussian(SIGMA)), replace(HOW, steps=10, log_every=5, batch=32)
    state = new_state(UNSURE(), problem, config, assumed_noise=1.0)
    told: list[Stepped] = []
    for event in train(
        state, problem, replace(config, evaluate_every=1000), Exam(torch.ones(1, 1, SIDE**2), None)
    ):
        if isinstance(event, Stepped):
            told.append(event)
            if len(told) == 2:
                break
    assert state.multipliers
    assert told[1].learned == {"sigma": pytest.approx(state.multipliers.level)}
    assert state.assumed_noise == told[1].learned["sigma"]
    assert told[1].learned["sigma"] ** 2 == pytest.approx(float(state.multipliers.theta))
    assert len({1.0, told[0].learned["sigma"], told[1].learned["sigma"]}) == 3


def test_the_scale_of_counts_changes_nothing() -> None:
    ways = []
    for scale in (1.0, 100.0):
        problem = pixels(Poisson(0.2 * scale), bright=20.0)
        x = problem.train.batch(torch.arange(1024)).x
        assert x is not None
        problem = replace(problem, train=InMemory(scale * x))
        state = new_state(UNSURE(), problem, HOW, assumed_noise=0.4 * scale)
        ways.append(math.log(multiplier(state, problem, HOW) / (0.4 * scale)))
    # A step of the finite differences that is a hundredth of what it was rounds more.
    assert ways[0] == pytest.approx(0.5 * 2 * 0.5 * 0.01, rel=0.05)
    assert ways[1] == pytest.approx(ways[0], rel=0.05)


class Pair:
    """One of two processes, here threads, that wait for each other wherever they average."""

    size = 2

    def __init__(self, rank: int, meeting: Barrier, brought: dict[int, Tensor]) -> None:
        self.rank, self.meeting, self.brought = rank, meeting, brought

    def device(self, asked: str) -> str:
        return asked

    def average(self, own: Tensor) -> None:
        self.brought[self.rank] = own.clone()
        self.meeting.wait()
        own.copy_((self.brought[0] + self.brought[1]) / 2)
        self.meeting.wait()

    def told(self, own: T) -> T:
        return own

    def part(self) -> None:
        pass


@pytest.mark.parametrize(
    "noise",
    [Poisson(0.2), PoissonGaussian(0.3, 0.2), Gamma(0.2)],
    ids=["poisson", "mixed", "gamma"],
)
def test_two_processes_learn_the_noise_of_one(noise: LearnableNoise) -> None:
    """Each has other counts, and so another variance of the same noise."""
    problem, config = pixels(noise, bright=2.0), replace(HOW, batch=4)
    states = [new_state(UNSURE(noise_rate=0.2), problem, config) for _ in range(3)]
    meeting, brought = Barrier(2, timeout=60), dict[int, Tensor]()

    def learn(state: TrainState, team: Team) -> Tensor:
        for _ in range(5):
            take_step(state, problem, config, team)
        assert state.multipliers
        return state.multipliers.theta

    with ThreadPoolExecutor() as pool:
        pair = [Pair(rank, meeting, brought) for rank in range(2)]
        first, second = pool.map(learn, states[:2], pair)
    assert torch.equal(first, second)
    torch.testing.assert_close(first, learn(states[2], ALONE), rtol=1e-5, atol=0)


def test_a_weight_of_nothing_leaves_the_noise_as_it_is() -> None:
    path = trained(UNSURE(alpha_unsure=0.0), pixels(Gaussian(SIGMA)), replace(HOW, steps=3))
    assert path == pytest.approx([4 * SIGMA**2] * 3)


@pytest.mark.parametrize("level", [0.0, 1e-30])
def test_it_begins_with_some_noise(level: float) -> None:
    """The square of the second is 0 in float32."""
    told = f"never leaves sigma = {level:g}; begin with more than 0"
    with pytest.raises(ValueError, match=told):
        new_state(UNSURE(), pixels(Gaussian(SIGMA)), HOW, assumed_noise=level)
    with pytest.raises(ValueError, match=told):
        new_state(UNSURE(), pixels(PoissonGaussian(level, 0.2), bright=20.0), HOW)


@pytest.mark.parametrize("noise", [Poisson(0.2), PoissonGaussian(0.3, 0.2), Gamma(0.2)])
@pytest.mark.parametrize("method", [UNSURE(), UNSUREWithREQ()])
def test_it_has_no_second_order(
    noise: Poisson | PoissonGaussian | Gamma, method: UNSURE | UNSUREWithREQ
) -> None:
    problem = pixels(replace(noise, curvature_tau=0.05), bright=20.0)
    assert new_state(SURE(), problem, HOW).multipliers is None
    with pytest.raises(ValueError, match=r"curvature = 0\.05 in units of y, .* set it to 0"):
        new_state(method, problem, HOW)


def test_it_is_not_steered_to_no_noise() -> None:
    state = new_state(UNSURE(), pixels(Gaussian(SIGMA)), HOW)
    assert state.multipliers
    before, command = state.multipliers.theta.clone(), SetAssumedNoise(0.0)
    (answer,) = steer([state], command)
    told = "a noise that is learned never leaves sigma = 0; begin with more than 0"
    assert answer == Refused("unsure", 0, command, told)
    assert torch.equal(state.multipliers.theta, before)
    assert state.assumed_noise == SIGMA


def test_mixed_noise_has_two_numbers() -> None:
    problem = pixels(PoissonGaussian(0.3, 0.2), bright=20.0)
    state = new_state(UNSURE(), problem, HOW, assumed_noise=0.4)
    for _ in range(5):
        take_step(state, problem, HOW)
    assert state.multipliers
    believed = state.multipliers.believed()
    assert believed.keys() == {"sigma", "gain"}
    assert believed["sigma"] != pytest.approx(0.3, rel=1e-3)
    assert believed["gain"] != pytest.approx(0.4, rel=1e-3)
    assert state.multipliers.level == believed["gain"]
