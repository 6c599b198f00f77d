"""Splitting: unbiased without the noise, blind to the null space alone, not so behind turns."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from reilab.groups import Shifts
from reilab.key import Key
from reilab.methods.base import Loss
from reilab.methods.registry import methods
from reilab.methods.splitting import Splitting, TurnedSplitting
from reilab.nets.registry import FromStart
from reilab.noise import Correlated, Gaussian
from reilab.physics.base import Physics
from reilab.physics.fourier import CartesianMRI, PatternMRI
from reilab.physics.mask import PixelMask, random_pixels
from reilab.problem import Measurement
from reilab.runs.config import check_fits
from reilab.tasks.registry import tasks
from reilab.testing import z_score
from reilab.training.config import TrainConfig

F64 = torch.float64
SIDE, SIGMA = 8, 0.3
KEY = Key(3)
MASK = PixelMask((1, SIDE, SIDE), random_pixels(SIDE, 0.6, KEY))
X = torch.rand(1, 1, SIDE, SIDE, generator=KEY.generator(), dtype=F64)
LOSSES = {"alone": Splitting(0.7), "behind a turn": TurnedSplitting(Shifts(SIDE), 0.7)}
every_loss = pytest.mark.parametrize("loss", LOSSES.values(), ids=list(LOSSES))


def measured(key: Key, n: int = 1, sigma: float = SIGMA) -> Measurement:
    u = MASK(X.expand(n, -1, -1, -1))
    y = u + sigma * torch.randn(u.shape, generator=key.generator(), dtype=F64)
    return Measurement(y, MASK.pinv(y), MASK, Gaussian(sigma))


def blurred(y: Tensor, physics: Physics) -> Tensor:
    start = physics.pinv(y)
    return sum(start.roll(by, dims=(2, 3)) for by in [(0, 1), (1, 0), (0, -1), (-1, 0)]) / 2


@every_loss
def test_its_mean_is_the_risk_in_what_is_held_and_the_noise(loss: Loss[Measurement]) -> None:
    """For one division and one turn: E‖A_Λ f(y_Θ) − y_Λ‖² = E‖A_Λ (f(y_Θ) − x)‖² + σ²."""
    n = 4000
    m = measured(Key(8), n)
    noisy = loss(m, m.start, blurred, KEY)
    # The same y_Θ, and in Λ no noise: what a person would like to see.
    clean = MASK(X.expand(n, -1, -1, -1))

    class Oracle(PixelMask):
        """Measures as the mask does, off by the noise: A x̂ − y becomes A (x̂ − x)."""

        def __call__(self, x: Tensor) -> Tensor:
            return MASK(x) + (m.y - clean) if len(x) == n else MASK(x)

    risk = loss(replace(m, physics=Oracle(MASK.domain, MASK.pixels)), m.start, blurred, KEY)
    assert abs(z_score(noisy - risk, SIGMA**2)) < 4
    assert abs(z_score(noisy - risk)) > 4


@every_loss
def test_what_is_held_is_not_given(loss: Loss[Measurement]) -> None:
    m = measured(Key(1))
    seen: list[Tensor] = []

    def f(y: Tensor, physics: Physics) -> Tensor:
        seen.append(y)
        return physics.pinv(y)

    value = loss(m, m.start, f, KEY)
    (given,) = seen
    assert given.shape[-1] == round(0.7 * m.y.shape[-1])
    held = [float(one) for one in m.y.flatten() if not (given == one).any()]
    # Nothing is foretold of them but 0.
    torch.testing.assert_close(value, torch.tensor(held, dtype=F64).square().mean()[None])


@pytest.mark.parametrize(("name", "teaches"), [("alone", False), ("behind a turn", True)])
def test_what_a_does_not_see_is_taught_behind_turns(name: str, teaches: bool) -> None:
    class Canvas(nn.Module):
        """The same image whatever was measured."""

        def __init__(self) -> None:
            super().__init__()
            self.image = nn.Parameter(torch.zeros(1, 1, SIDE, SIDE, dtype=F64))

    canvas, m = Canvas(), measured(Key(1))
    for step in range(20):
        value = LOSSES[name](m, m.start, lambda y, physics: canvas.image, KEY / step)
        value.mean().backward()
    assert canvas.image.grad is not None
    unseen = canvas.image.grad - MASK.pinv(MASK(canvas.image.grad))
    assert bool(unseen.abs().max() > 1e-3) is teaches


def test_an_equivariant_network_finds_the_same_behind_every_turn() -> None:
    convolution = nn.Conv2d(1, 1, 3, padding=1, padding_mode="circular", dtype=F64)
    network, m = FromStart(convolution), measured(Key(1))

    def f(y: Tensor, physics: Physics) -> Tensor:
        found: Tensor = network(y, physics, physics.pinv(y))
        return found

    alone, turned = (loss(m, m.start, f, KEY) for loss in LOSSES.values())
    torch.testing.assert_close(alone, turned)


def test_each_step_divides_anew() -> None:
    m = measured(Key(1))
    values = {float(LOSSES["alone"](m, m.start, blurred, KEY / step)) for step in range(5)}
    assert len(values) == 5


def test_what_is_one_cannot_be_divided() -> None:
    physics = CartesianMRI((2, 8, 8), torch.tensor([4]))
    y = torch.ones(1, *physics.range)
    m = Measurement(y, physics.pinv(y), physics, Gaussian(SIGMA))
    with pytest.raises(ValueError, match="which has 1; measure 2 or more"):
        LOSSES["alone"](m, m.start, blurred, KEY)


@pytest.mark.parametrize("physics", [
    CartesianMRI((2, 33, 32), torch.arange(1, 32, 3)),
    PatternMRI((2, 33, 32), torch.arange(3, 33 * 32, 5)),
], ids=["columns", "entries"])  # fmt: skip
@every_loss
def test_the_core_of_k_space_is_always_given(
    loss: Loss[Measurement], physics: CartesianMRI | PatternMRI
) -> None:
    x = torch.rand(1, 2, 33, 32, generator=KEY.generator(), dtype=F64)
    y = physics(x)
    m, core = Measurement(y, physics.pinv(y), physics, Gaussian(SIGMA)), y[..., physics.core]
    # The origin is in it, which holds the mean of the image.
    assert core.abs().amax() == y.abs().amax()
    assert 0 < core.shape[-1] < y.shape[-1] / 2

    def f(given: Tensor, part: Physics) -> Tensor:
        seen.append(bool(torch.isin(core, given).all()))
        return part.pinv(given)

    seen: list[bool] = []
    for step in range(8):
        loss(m, m.start, f, KEY / step)
    assert seen == [True] * 8


@pytest.mark.parametrize("method", ["ssdu", "es", "sure_es"])
def test_parts_that_are_alike_are_refused(method: str) -> None:
    """The blur runs along the list of pixels, which is divided; views and columns are apart."""
    words = f"'{method}' needs independent parts, and Correlated noise has none: its blur runs "
    spec = methods()[method].spec()
    for task, alike in {"inpainting": True, "mri": False, "ct": False}.items():
        problem = tasks()[task].pose("smoke", {"noise_model": "correlated"})
        refused = pytest.raises(ValueError, match=words) if alike else nullcontext()
        with refused:
            check_fits(problem, [spec], TrainConfig(batch=2))


def test_what_correlated_noise_says_of_its_parts_is_so() -> None:
    for shape in ((1, 12), (2, 6, 5), (3, 40)):
        y = Correlated(1.0).sample(torch.zeros(4000, *shape, dtype=F64), KEY.streams([0]))
        alike = z_score(y[..., 1:2] * y[..., 2:3]) > 10
        assert bool(Correlated(1.0).dependence(shape)) is bool(alike)
