"""Our step against the authors' formulation written plainly, and against deepinv: equal numbers."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor, nn

from benchmarks.plain import Draws, PlainPhysics, plain_network, plain_physics, rei_terms
from reilab.key import Key
from reilab.methods.losses import CrossConsistency, Equivariance, RobustEquivariance, Sure
from reilab.methods.rei import REI
from reilab.nets.registry import FromStart
from reilab.noise import Gaussian, normal_like, sign_like
from reilab.physics.base import Physics
from reilab.physics.fourier import CartesianMRI
from reilab.physics.mask import PixelMask
from reilab.physics.places import Masks
from reilab.physics.radon import parallel_beam
from reilab.physics.transmission import Transmission
from reilab.problem import Measurement, Problem
from reilab.tasks.registry import find_task
from reilab.training.gradient import accumulate_gradient, gather_gradients
from reilab.training.state import Reconstruction, seeded

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    deepinv = pytest.importorskip("deepinv")
    from benchmarks.with_deepinv import (
        FromPseudoInverse,
        deepinv_physics,
        equivariance_loss,
        sure_loss,
    )

KEY = Key(5)
N_TRANSFORMS = 2
WEIGHTS = {"mri": (1.0, 1.0), "inpainting": (1.0, 1.0), "ct": (1e-5, 1e3)}
every_task = pytest.mark.parametrize("task", WEIGHTS)


@dataclass(frozen=True)
class Setting:
    """Two images of a small problem."""

    problem: Problem
    measured: Measurement
    network: nn.Module
    plain: PlainPhysics

    @property
    def images(self) -> nn.Module:
        """The network of images."""
        assert isinstance(self.network, FromStart)
        return self.network.images

    def full(self, y: Tensor) -> Tensor:
        """A measurement on the full grid of the plain formulation, zero where nothing is known."""
        return scatter(self.problem.physics, y)

    def own(self, y: Tensor) -> Tensor:
        """The measured entries of the full grid."""
        return gather(self.problem.physics, y)


def scatter(physics: Physics, y: Tensor) -> Tensor:
    match physics:
        case CartesianMRI(domain=domain, columns=columns):
            return y.new_zeros(len(y), *domain).index_copy(3, columns, y)
        case PixelMask():
            return physics.adjoint(y)
    return y


def gather(physics: Physics, y: Tensor) -> Tensor:
    match physics:
        case CartesianMRI(columns=columns):
            return y.index_select(3, columns)
        case PixelMask():
            return physics(y)
    return y


def setting(task: str, dtype: torch.dtype = torch.float32) -> Setting:
    # At 40 pixels the number of detectors is odd; at an even one deepinv's differ by half a pixel.
    problem = find_task(task).pose("smoke", {"size": 40})
    if isinstance(problem.physics, Transmission):
        radon = parallel_beam(40, problem.physics.radon.views, dtype=dtype)
        problem = replace(problem, physics=replace(problem.physics, radon=radon))
    batch = problem.train.batch(torch.tensor([0, 7]))
    assert batch.x is not None
    measured = problem.measure(replace(batch, x=batch.x.to(dtype)), KEY / "noise")
    network = seeded(problem.new_network, KEY).to(dtype).train()
    return Setting(problem, measured, network, plain_physics(problem.physics))


def draws_of(s: Setting) -> Draws:
    """The random numbers that our terms take from the streams at ``KEY``."""
    noise, group, m = s.problem.noise, s.problem.group, s.measured
    like = normal_like if isinstance(noise, Gaussian) else sign_like
    streams = [own for n in range(N_TRANSFORMS) for own in m.streams(KEY / "req" / "noise" / n)]
    return Draws(
        probe=lambda y: s.full(like(m.y, m.streams(KEY / "sure"))),
        skewed=lambda y: torch.ones_like(y),
        g=group.sample(N_TRANSFORMS, (KEY / "req").generator()),
        noisy=lambda u: s.full(noise.sample(s.own(u), streams)),
    )


@every_task
def test_values_and_gradient_equal_the_plain_formulation(task: str) -> None:
    """The gradient of the summed loss, from a network of plain layers, to 1e-5 of its length."""
    s = setting(task, torch.float64)
    alpha_sure, alpha_req = WEIGHTS[task]
    losses = REI(transforms=N_TRANSFORMS).terms(s.problem)
    weights = {"sure": alpha_sure, "req": alpha_req}
    network = plain_network(s.images)
    terms = rei_terms(
        s.plain, s.problem.noise, s.problem.group, network, s.full(s.measured.y), draws_of(s)
    )
    total = alpha_sure * terms["sure"] + alpha_req * terms["req"]
    expected = torch.cat(
        [slope.flatten() for slope in torch.autograd.grad(total, list(network.parameters()))]
    )
    gather_gradients(s.network.parameters())
    found, _ = accumulate_gradient(losses, weights, s.measured, Reconstruction(s.network), KEY)
    for name, value in found.items():
        torch.testing.assert_close(value, terms[name].detach(), rtol=1e-7, atol=0)
    slopes = [p.grad.flatten() for p in s.network.parameters() if p.grad is not None]
    gap = torch.cat(slopes) - expected
    assert gap.norm() < 1e-5 * expected.norm()


@every_task
def test_sure_equals_deepinv(task: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Theirs averages over all entries, measured or not: the two differ by known constants."""
    s = setting(task)
    s.network.eval()
    physics, model = deepinv_physics(s.problem), FromPseudoInverse(plain_network(s.images))
    y = s.full(s.measured.y)
    seed = KEY / "probe"
    theirs = sure_loss(s.problem.noise, seed.generator())(
        y=y, x_net=model(y, physics), physics=physics, model=model
    )
    name, probe = (
        "base.sign_like",
        2.0 * (torch.rand(y.shape, generator=seed.generator()) > 0.5) - 1,
    )
    if isinstance(s.problem.noise, Gaussian):
        name, probe = "gaussian.normal_like", torch.randn(y.shape, generator=seed.generator())
    monkeypatch.setattr(f"reilab.noise.{name}", lambda y, rng: s.own(probe))
    f = Reconstruction(s.network)
    ours = Sure()(s.measured, f.of(s.measured), f, KEY)
    share = s.measured.y[0].numel() / y[0].numel()
    constant = s.problem.noise.sigma**2 if isinstance(s.problem.noise, Gaussian) else 0.0
    torch.testing.assert_close(theirs, share * (ours + constant) - constant, rtol=1e-3, atol=0)


class Known(nn.Module):
    """A noise model of deepinv's kind that adds the noise that we have."""

    def __init__(self, noisy: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.noisy = noisy

    def forward(self, u: Tensor, **_: object) -> Tensor:
        return self.noisy(u)


@every_task
@pytest.mark.parametrize("noisy", [False, True], ids=["EI", "REI"])
def test_equivariance_equals_deepinv(task: str, noisy: bool) -> None:
    s = setting(task)
    s.network.eval()
    physics, model = deepinv_physics(s.problem), FromPseudoInverse(plain_network(s.images))
    draws, group = draws_of(s), s.problem.group
    physics.noise_model = Known(draws.noisy)
    loss = equivariance_loss(lambda x: group.act(draws.g, x), noisy)
    f = Reconstruction(s.network)
    xhat = f.of(s.measured)
    ours = (RobustEquivariance if noisy else Equivariance)(group, N_TRANSFORMS)
    theirs = loss(x_net=xhat, physics=physics, model=model)
    torch.testing.assert_close(
        ours(s.measured, xhat, f, KEY / "req").mean(), theirs, rtol=1e-3, atol=0
    )


@pytest.mark.parametrize("turned", [False, True], ids=["MOI", "MO-EI"])
def test_crossing_to_another_operator_equals_deepinv(turned: bool) -> None:
    s = setting("mri")
    s.network.eval()
    own = s.problem.physics
    assert isinstance(own, CartesianMRI)
    other = own.masked((own.columns + 5) % own.domain[2])
    masks = Masks(lambda key: other.columns, KEY, lambda physics, y: y)
    m, group, f = (
        replace(s.measured, noise=Gaussian(0.0)),
        s.problem.group,
        Reconstruction(s.network),
    )
    xhat, draws = f.of(m), draws_of(s)
    there = {"physics": [deepinv_physics(replace(s.problem, physics=other))], "apply_noise": False}
    if turned:
        loss = deepinv.loss.MOEILoss(lambda x: group.act(draws.g, x), **there)
    else:
        loss = deepinv.loss.MOILoss(**there)
    model = FromPseudoInverse(plain_network(s.images))
    theirs = loss(x_net=xhat, physics=deepinv_physics(s.problem), model=model)
    ours = (
        RobustEquivariance(group, N_TRANSFORMS, masks=masks) if turned else CrossConsistency(masks)
    )
    torch.testing.assert_close(ours(m, xhat, f, KEY / "req").mean(), theirs, rtol=1e-3, atol=0)
