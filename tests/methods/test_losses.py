"""Losses, methods and their gradients against the formulas written out."""

import dataclasses
from collections.abc import Callable, Mapping
from functools import cache
from itertools import product

import pytest
import torch
from kit.device import DEVICE
from kit.trainings import fitting
from torch import Tensor, nn

from reilab.datasets.samples import Batch
from reilab.groups import Shifts
from reilab.key import Key
from reilab.methods.base import MethodSpec, Terms, weights_of
from reilab.methods.ei import EI
from reilab.methods.losses import (
    Consistency,
    Equivariance,
    Regression,
    RobustEquivariance,
    Sure,
)
from reilab.methods.mc import MC
from reilab.methods.registry import find_method, methods
from reilab.methods.rei import REI
from reilab.methods.supervised import Supervised
from reilab.methods.sure import SURE
from reilab.nets.registry import FromStart
from reilab.noise import Gaussian, Poisson, PoissonGaussian
from reilab.physics.fourier import CartesianMRI
from reilab.physics.mask import PixelMask, random_pixels
from reilab.physics.radon import parallel_beam
from reilab.physics.transmission import Transmission
from reilab.problem import Measurement, Oracle, Problem
from reilab.runs.config import objectives
from reilab.tasks.registry import find_task
from reilab.training.gradient import accumulate_gradient
from reilab.training.state import Reconstruction, seeded

pytestmark = pytest.mark.usefixtures("random_states_untouched")

F64 = torch.float64
KEY = Key(11)
TRANSFORMS = 2
VALUES = {"alpha_supervised": 0.9, "alpha_mc": 0.6, "alpha_eq": 2.3, "alpha_sure": 0.3}
VALUES |= {"alpha_unsure": 0.45, "alpha_req": 1.7, "transforms": TRANSFORMS}
VALUES |= {"alpha_cross": 1.3, "alpha_cross_req": 0.2}
VALUES |= {"alpha_split": 0.8, "alpha_turned_split": 0.7, "given": 0.6}
VALUES |= {"alpha_gr2r": 0.55, "recorrupted": 0.2}
every_task = pytest.mark.parametrize("task", ["inpainting", "mri", "ct"])
every_method = pytest.mark.parametrize("method", methods())


@dataclasses.dataclass(frozen=True)
class Case:
    """A small problem in float64 with a measurement of two images and a network."""

    problem: Problem
    measurement: Oracle
    network: nn.Module

    @property
    def f(self) -> Reconstruction:
        return Reconstruction(self.network)

    def at(self, y: Tensor) -> Tensor:
        return self.f(y, self.problem.physics)


@cache
def case(task: str, **settings: str) -> Case:
    problem = find_task(task).pose("smoke", settings, device=DEVICE)
    if isinstance(problem.physics, Transmission):
        radon = parallel_beam(problem.physics.radon.size, 12, DEVICE, F64)
        physics = dataclasses.replace(problem.physics, radon=radon)
        problem = dataclasses.replace(problem, physics=physics)
    x = problem.train.batch(torch.tensor([0, 7])).x
    assert x is not None
    oracle = measured(problem, x.double())
    return Case(problem, oracle, seeded(problem.new_network, KEY).double().to(DEVICE))


def measured(problem: Problem, x: Tensor) -> Oracle:
    m = problem.measure(Batch(x, None), KEY / "y")
    return Oracle(m.y, m.start, m.physics, m.noise, x=x)


@cache
def tiny() -> Case:
    """The same from a few pixels and one convolution, without any file."""
    physics = PixelMask((1, 8, 8), random_pixels(8, 0.7, KEY, DEVICE))
    x = torch.rand(2, 1, 8, 8, generator=KEY.generator(), dtype=F64).to(DEVICE)
    problem = Problem(physics, Gaussian(0.1), Shifts(8), None, None)  # type: ignore[arg-type]
    network = seeded(lambda: nn.Sequential(nn.Conv2d(1, 1, 3, padding=1), nn.Softplus()), KEY)
    return Case(problem, measured(problem, x), FromStart(network.double().to(DEVICE)))


def square(values: Tensor) -> Tensor:
    """The mean square over all entries and samples, term by term as in the papers."""
    return values.square().sum() / values.numel()


def written_out(c: Case, name: str, key: Key) -> Tensor:
    """The term ``name`` as the papers write it, from the same random streams."""
    m, f, group = c.measurement, c.at, c.problem.group
    physics, noise, xhat = m.physics, m.noise, f(m.y)
    match name:
        case "mc":
            return square(m.y - physics(xhat))
        case "supervised":
            return square(xhat - m.x)
        case "sure" | "unsure":
            return stein(m, lambda y: physics(f(y)), key)
        case "gr2r":
            first = noisier(m, key)
            return square(physics(f(first)) - (m.y - 0.8 * first) / 0.2)
        case "split":
            return foretold(c, key, lambda x: x, lambda x: x)
        case "turned_split":
            g = group.sample(1, (key / "turn").generator())
            back = group.inverse(g)
            return foretold(c, key, lambda x: group.act(g, x), lambda x: group.act(back, x))
        case "cross":  # Of one operator: of many in test_many_operators.py.
            return square(xhat - f(noise.sample(physics(xhat), virtual_streams(key)[:2])))
    g = group.sample(TRANSFORMS, key.generator())
    turned = group.act(g, xhat)
    u = physics(turned)
    if name in ("req", "cross_req"):
        u = noise.sample(u, virtual_streams(key))
    return square(turned - f(u))


def foretold(
    c: Case, key: Key, turn: Callable[[Tensor], Tensor], back: Callable[[Tensor], Tensor]
) -> Tensor:
    """‖A_Λ T f(y_Θ, A_Θ T) − y_Λ‖²; outside of Θ, y is as of a blank image."""
    m, n = c.measurement, c.measurement.y.shape[-1]
    order = torch.randperm(n, generator=(key / "part").generator()).tolist()
    core = m.physics.core.tolist() if isinstance(m.physics, CartesianMRI) else []
    given = torch.tensor([*core, *(place for place in order if place not in core)])
    given = given[: round(0.6 * n)]
    is_given = torch.zeros(n, dtype=torch.bool, device=DEVICE)
    is_given[given.to(DEVICE)] = True
    blank = m.physics(torch.zeros_like(m.x))
    start = m.physics.pinv(torch.where(is_given, m.y, blank))
    if isinstance(m.physics, Transmission):
        start = start * n / len(given)
    xhat = c.network(m.y, m.physics, back(start))
    return square((m.physics(turn(xhat)) - m.y)[..., ~is_given])


def noisier(m: Measurement, key: Key) -> Tensor:
    """y₁ as Monroy, Bacca & Tachella have it, with α = 0.2."""
    y, own = m.y, key.streams(range(len(m.y)), DEVICE)
    match m.noise:
        case Gaussian(sigma=sigma):
            draws = [torch.randn(y[:1].shape, generator=g, dtype=F64, device=DEVICE) for g in own]
            return y + (0.2 / 0.8) ** 0.5 * sigma * torch.cat(draws)
        case Poisson(gain=gain):
            counts, chance = (y / gain).round(), torch.full_like(y[:1], 0.2)
            draws = [
                torch.binomial(z[None], chance, generator=g)
                for z, g in zip(counts, own, strict=True)
            ]
            return (y - gain * torch.cat(draws)) / 0.8
    raise AssertionError(m.noise)


def virtual_streams(key: Key) -> list[torch.Generator]:
    """A stream for each of two samples of each transform, transform by transform."""
    return [own for n in range(TRANSFORMS) for own in (key / "noise" / n).streams((0, 1), DEVICE)]


def stein(m: Measurement, h: Callable[[Tensor], Tensor], key: Key) -> Tensor:
    y, n = m.y, m.y.numel()
    own = key.streams(range(len(y)), DEVICE)
    fit = square(y - h(y))
    match m.noise:
        case Gaussian(sigma=sigma, tau=tau):
            b = torch.cat(
                [torch.randn(y[:1].shape, generator=g, dtype=F64, device=DEVICE) for g in own]
            )
            return fit - sigma**2 + 2 * sigma**2 / (n * tau) * (b * (h(y + tau * b) - h(y))).sum()
        case Poisson(gain=gain, tau=tau):
            sigma = 0.0
        case PoissonGaussian(sigma=sigma, gain=gain, tau=tau):
            pass
        case _:
            raise AssertionError(m.noise)
    coins = torch.cat([torch.rand(y[:1].shape, generator=g, dtype=F64, device=DEVICE) for g in own])
    b = torch.where(coins < 0.5, -1.0, 1.0).to(F64)
    variance = gain * y + sigma**2
    slope = (b * variance * (h(y + tau * b) - h(y))).sum() / tau
    return fit - gain * y.sum() / n - sigma**2 + 2 / n * slope


#: The terms of each method and their weights, by the formulas of design and paper.
TERMS = {
    "supervised": {"supervised": 0.9},
    "mc": {"mc": 0.6},
    "sure": {"sure": 0.3},
    "ei": {"mc": 0.6, "eq": 2.3},
    "rei": {"sure": 0.3, "req": 1.7},
    "unsure": {"unsure": 0.45},
    "unsure_req": {"unsure": 0.45, "req": 1.7},
    "ssdu": {"split": 0.8},
    "es": {"turned_split": 0.7},
    "gr2r": {"gr2r": 0.55},
    "gr2r_req": {"gr2r": 0.55, "req": 1.7},
    "sure_es": {"sure": 0.3, "turned_split": 0.7},
    "moi": {"sure": 0.3, "cross": 1.3},
    "mo_ei": {"sure": 0.3, "cross_req": 0.2},
}


def spec_of(method: str) -> MethodSpec:
    (spec,) = objectives([method], VALUES)
    return spec


def gradient_by_terms(
    c: Case, terms: Terms, weights: Mapping[str, float]
) -> tuple[dict[str, Tensor], list[Tensor]]:
    c.network.zero_grad()
    values, _ = accumulate_gradient(terms, weights, c.measurement, c.f, KEY)
    slopes = [torch.zeros_like(p) if p.grad is None else p.grad.clone() for p in parameters(c)]
    return values, slopes


def parameters(c: Case) -> list[nn.Parameter]:
    return list(c.network.parameters())


def test_every_method_is_written_out() -> None:
    assert TERMS.keys() == methods().keys()


@every_method
def test_terms_and_weights(method: str) -> None:
    assert weights_of(spec_of(method)) == TERMS[method]
    assert spec_of(method).terms(tiny().problem).keys() == TERMS[method].keys()
    assert find_method(method).oracle == (method == "supervised")


def test_objectives_by_hand() -> None:
    problem = tiny().problem
    assert Supervised().terms(problem) == {"supervised": Regression()}
    assert MC().terms(problem) == {"mc": Consistency()}
    assert SURE().terms(problem) == {"sure": Sure()}
    assert EI(transforms=3).terms(problem) == {
        "mc": Consistency(),
        "eq": Equivariance(Shifts(8), 3),
    }
    assert REI(transforms=3).terms(problem) == {
        "sure": Sure(),
        "req": RobustEquivariance(Shifts(8), 3),
    }


def check_gradient_and_values(c: Case, method: str) -> None:
    spec = spec_of(method)
    values, found = gradient_by_terms(c, spec.terms(c.problem), weights_of(spec))
    terms = {name: written_out(c, name, KEY / name) for name in TERMS[method]}
    assert values.keys() == terms.keys()
    for name, value in terms.items():
        torch.testing.assert_close(values[name], value.detach(), rtol=1e-9, atol=0)
        assert not values[name].requires_grad
    total = sum(
        (TERMS[method][name] * value for name, value in terms.items()),
        c.measurement.y.new_zeros(()),
    )
    expected = torch.autograd.grad(total, parameters(c))
    scale = max(float(slope.abs().max()) for slope in expected)
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-7, atol=1e-9 * scale)


@every_method
def test_tiny_values_and_gradients(method: str) -> None:
    check_gradient_and_values(tiny(), method)


@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
@every_method
@every_task
def test_values_and_gradients(task: str, method: str, training: bool) -> None:
    """In training mode BatchNorm sees each pass by itself, in the plain sum as term by term."""
    c = case(task, **fitting(task, [method]))
    c.network.train(training)
    check_gradient_and_values(c, method)


@every_task
def test_gradients_in_single_precision(task: str) -> None:
    double = case(task)
    problem = find_task(task).pose("smoke", device=DEVICE)
    y = double.measurement.y.float()
    single = Case(
        problem,
        Oracle(
            y,
            problem.physics.pinv(y),
            problem.physics,
            problem.noise,
            x=double.measurement.x.float(),
        ),
        seeded(problem.new_network, KEY).to(DEVICE).eval(),
    )
    # Loss terms without probes of their own, whose streams would differ in another precision.
    losses = {"mc": Consistency(), "supervised": Regression()}
    _, found = gradient_by_terms(single, losses, {"mc": 0.3, "supervised": 1.0})
    xhat = single.at(y)
    total = 0.3 * square(y - problem.physics(xhat)) + square(xhat - single.measurement.x)
    expected = torch.cat([s.flatten() for s in torch.autograd.grad(total, parameters(single))])
    gap = torch.cat([s.flatten() for s in found]) - expected
    assert gap.norm() < 1e-5 * expected.norm()


#: The sides of ‖T_g x₁ − f(A T_g x₁)‖² through which each kind of target has a gradient.
SIDES = {"free": (True, True), "held": (False, False)}


@pytest.mark.parametrize("target", SIDES)
@pytest.mark.parametrize("name", ["eq", "req"])
def test_equivariance_has_a_gradient_through_both_sides_or_holds_its_target(
    name: str, target: str
) -> None:
    c = tiny()
    m, group = c.measurement, c.problem.group
    loss = (Equivariance if name == "eq" else RobustEquivariance)(group, 2, target)
    _, found = gradient_by_terms(c, {name: loss}, {name: 1.0})

    def gradient(left: bool, right: bool) -> Tensor:
        key = KEY / name
        turned = group.act(group.sample(2, key.generator()), c.at(m.y))
        u = m.physics(turned if right else turned.detach())
        if name == "req":
            u = m.noise.sample(u, virtual_streams(key))
        term = square((turned if left else turned.detach()) - c.at(u))
        return torch.cat([s.flatten() for s in torch.autograd.grad(term, parameters(c))])

    flat = torch.cat([s.flatten() for s in found])
    torch.testing.assert_close(flat, gradient(*SIDES[target]))
    for sides in set(product((True, False), repeat=2)) - {SIDES[target]}:
        assert (flat - gradient(*sides)).norm() > 0.01 * flat.norm()


@pytest.mark.parametrize("method", ["ei", "rei"])
def test_methods_hand_their_target_on(method: str) -> None:
    (spec,) = objectives([method], {"eq_target": "held", "req_target": "held"})
    (term,) = (
        one
        for one in spec.terms(tiny().problem).values()
        if isinstance(one, Equivariance | RobustEquivariance)
    )
    assert term.target == "held"


def test_weights_of_the_run_win_over_those_of_the_objective() -> None:
    """Steering changes the weights while the objective stays."""
    c = tiny()
    terms = EI(transforms=TRANSFORMS).terms(c.problem)
    c.network.zero_grad()
    accumulate_gradient(terms, {"mc": 0.0, "eq": 2.0}, c.measurement, c.f, KEY)
    found = [p.grad for p in parameters(c)]
    expected = torch.autograd.grad(2 * written_out(c, "eq", KEY / "eq"), parameters(c))
    torch.testing.assert_close(found, list(expected))


def test_gradients_add_up() -> None:
    c = tiny()
    _, once = gradient_by_terms(c, {"mc": Consistency()}, {"mc": 1.0})
    accumulate_gradient({"mc": Consistency()}, {"mc": 1.0}, c.measurement, c.f, KEY)
    torch.testing.assert_close([p.grad for p in parameters(c)], [2 * slope for slope in once])


def test_ei_has_no_noise_and_rei_has() -> None:
    """Without noise the two terms are one; the noise of REI is the model's."""
    c = tiny()
    group = c.problem.group
    quiet = dataclasses.replace(c.measurement, noise=Gaussian(0.0))
    loud = dataclasses.replace(c.measurement, noise=Gaussian(0.5))
    xhat = c.at(quiet.y)
    eq, req = Equivariance(group, 2), RobustEquivariance(group, 2)
    assert torch.equal(eq(quiet, xhat, c.f, KEY), eq(loud, xhat, c.f, KEY))
    assert torch.equal(eq(quiet, xhat, c.f, KEY), req(quiet, xhat, c.f, KEY))
    assert not torch.allclose(eq(loud, xhat, c.f, KEY), req(loud, xhat, c.f, KEY))


@pytest.mark.parametrize(
    "loss",
    [Consistency(), Sure(), Equivariance(Shifts(8), 3), RobustEquivariance(Shifts(8), 3)],
    ids=lambda loss: type(loss).__name__,
)
def test_unsupervised_losses_do_without_the_truth(loss: Consistency) -> None:
    c = tiny()
    blind = without_truth(c.measurement)
    xhat = c.at(blind.y)
    values = loss(blind, xhat, c.f, KEY)
    assert torch.equal(values, loss(c.measurement, xhat, c.f, KEY))
    assert values.ndim == 1


def without_truth(m: Oracle) -> Measurement:
    return Measurement(m.y, m.start, m.physics, m.noise)


def test_a_measurement_holds_no_truth() -> None:
    c = tiny()
    known = {field.name for field in dataclasses.fields(Measurement)}
    assert known == {"y", "start", "physics", "noise", "first"}
    blind = without_truth(c.measurement)
    with pytest.raises(AttributeError):
        Regression()(blind, c.at(blind.y), c.f, KEY)  # type: ignore[arg-type]
