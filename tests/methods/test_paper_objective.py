"""EI and REI of the preset `paper` against the authors' formulation and its normalisation.

The authors' consistency term is a mean over the whole grid, on which unmeasured entries are zero in
both measurements: it is m/n of ours, which is over the m measured ones. The small problems here
measure the same share of the grid as those of the paper.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from benchmarks.plain import Draws, PlainPhysics, ei_terms, plain_physics, sure_terms
from reilab.datasets.samples import Batch
from reilab.groups import Group
from reilab.key import Key
from reilab.methods.registry import find_method
from reilab.nets.registry import FromStart
from reilab.noise import PoissonGaussian
from reilab.physics.fourier import CartesianMRI, random_columns
from reilab.physics.mask import PixelMask, random_pixels
from reilab.physics.radon import parallel_beam
from reilab.physics.transmission import Transmission
from reilab.problem import Measurement, Problem
from reilab.runs.config import configure
from reilab.tasks.registry import find_task
from reilab.training.gradient import accumulate_gradient, gather_gradients
from reilab.training.state import Reconstruction, seeded

F64 = torch.float64
KEY = Key(21)
#: The share of the grid that is measured in the paper's problems, and the share that the authors'
#: code takes it to be in SURE.
SHARES = {"mri": (82 / 320, 1 / 4), "inpainting": (0.699, 0.7), "ct": (1.0, 1.0)}
#: How far double precision takes the two: where a plain loop turns images, its places are rounded.
ROUNDING = {"mri": 1e-10, "inpainting": 1e-10, "ct": 1e-7}
every_task = pytest.mark.parametrize("task", SHARES)


def small_physics(task: str) -> Any:
    """A small operator that measures the paper's share of the grid."""
    match task:
        case "mri":
            return CartesianMRI((2, 12, 320), random_columns(320, 4, 0.044, seed=1))
        case "inpainting":
            mask = random_pixels(100, 0.699, KEY)
            return PixelMask((3, 100, 100), mask)
    return Transmission(parallel_beam(24, 7, dtype=F64), 1e5, 0.0064)


@dataclass(frozen=True)
class Case:
    """Two images of a small problem with the noise, group and methods of the preset `paper`."""

    problem: Problem
    measured: Measurement
    network: nn.Module
    plain: PlainPhysics

    @property
    def group(self) -> Group:
        return self.problem.group

    def full(self, y: Tensor) -> Tensor:
        """A measurement on the whole grid, zero where nothing is known."""
        match self.problem.physics:
            case CartesianMRI() as mri:
                return mri.kspace(y)
            case PixelMask() as mask:
                return mask.adjoint(y)
        return y


def case(task: str) -> Case:
    paper: Any = find_task(task).configure("paper", {})
    smoke = find_task(task).pose("smoke", {"tau": paper.tau, "tau_in": paper.tau_in})
    physics = small_physics(task)
    problem = Problem(physics, smoke.noise, smoke.group, smoke.train, smoke.test)
    x = torch.rand(2, *physics.domain, generator=KEY.generator(), dtype=F64)
    channels = physics.domain[0]
    layers = lambda: nn.Sequential(  # noqa: E731
        nn.Conv2d(channels, 6, 3, padding=1), nn.Softplus(), nn.Conv2d(6, channels, 3, padding=1)
    )
    network = seeded(layers, KEY).double()
    return Case(
        problem, problem.measure(Batch(x, None), KEY / "y"), network, plain_physics(physics)
    )


def ours(c: Case, task: str, method: str) -> tuple[dict[str, Tensor], Tensor]:
    """The weighted terms of a method of the preset `paper`, and the gradient of their sum."""
    (objective,) = configure(task, "paper", [method]).objectives
    network = FromStart(c.network)
    weights = {w.term: getattr(objective, name) for name, w in find_method(method).weights.items()}
    gather_gradients(network.parameters())
    terms, _ = accumulate_gradient(
        objective.terms(c.problem), weights, c.measured, Reconstruction(network), KEY
    )
    slopes = [p.grad.flatten() for p in network.parameters() if p.grad is not None]
    gradient = torch.cat(slopes).clone()
    for parameter in network.parameters():
        parameter.grad = None
    return {name: weights[name] * value for name, value in terms.items()}, gradient


@every_task
def test_the_share_that_is_measured(task: str) -> None:
    """Of the small problem, of the paper's, and in the weight of the consistency term."""
    share, _ = SHARES[task]
    plain, c = plain_physics(small_physics(task)), case(task)
    assert float(plain.mask.expand(c.full(c.measured.y).shape).mean()) == pytest.approx(share)
    alpha = configure(task, "paper", ["ei"]).method_values["alpha_mc"]
    assert alpha == (1e-5 if task == "ct" else pytest.approx(share, rel=1e-6))


@every_task
def test_ei_of_paper_is_the_authors_objective(task: str) -> None:
    """Value of each term and gradient of the sum, in double precision."""
    c = case(task)
    (objective,) = configure(task, "paper", ["ei"]).objectives
    n_transforms: int = vars(objective)["transforms"]
    g = c.group.sample(n_transforms, (KEY / "eq").generator())
    terms = ei_terms(c.plain, c.group, c.network, c.full(c.measured.y), g)
    # Their weights: 1 and 1, and in CT 1e-5 and 1e3.
    weights = {"mc": 1e-5, "eq": 1e3} if task == "ct" else {"mc": 1.0, "eq": 1.0}
    expected = {name: weights[name] * value for name, value in terms.items()}
    total = torch.stack(list(expected.values())).sum()
    slopes = torch.autograd.grad(total, list(c.network.parameters()))
    gradient = torch.cat([slope.flatten() for slope in slopes])
    found, slope = ours(c, task, "ei")
    assert found.keys() == expected.keys()
    for name, value in found.items():
        torch.testing.assert_close(value, expected[name].detach(), rtol=ROUNDING[task], atol=0)
    assert (slope - gradient).norm() < ROUNDING[task] * gradient.norm()


@every_task
def test_rei_of_paper_counts_the_mask_where_the_authors_take_a_nominal_share(task: str) -> None:
    """Their fit and their divergence are m / (n · nominal) of ours: 1.025 in MRI, 0.9986 in
    inpainting, 1 in CT; the constants that they subtract, or leave out, have no gradient.
    """
    c = case(task)
    share, nominal = SHARES[task]
    y, noise = c.full(c.measured.y), c.problem.noise
    draws = Draws(
        probe=lambda y: torch.ones_like(y), skewed=torch.ones_like, g=y[:0], noisy=lambda u: u
    )
    hy = c.plain.forward(c.network(c.plain.pinv(y)))
    terms = sure_terms(c.plain, noise, c.network, y, hy, draws)
    slope = torch.autograd.grad(terms["sure"], list(c.network.parameters()))
    theirs = authors_sure(c, y, nominal)
    expected = torch.autograd.grad(theirs, list(c.network.parameters()))
    for one, other in zip(slope, expected, strict=True):
        torch.testing.assert_close(share / nominal * one, other, rtol=1e-9, atol=1e-15)


def authors_sure(c: Case, y: Tensor, nominal: float) -> Tensor:
    """Fit and divergence over n · nominal entries, with a probe of ones."""
    noise: Any = c.problem.noise

    def h(values: Tensor) -> Tensor:
        return c.plain.forward(c.network(c.plain.pinv(values)))

    n = y.numel() * nominal
    hy = h(y)
    fit = ((y - hy) ** 2 * c.plain.mask).sum() / n
    sigma, gain = getattr(noise, "sigma", 0.0), getattr(noise, "gain", 0.0)
    variance = (gain * y + sigma**2) * c.plain.mask
    probe = torch.ones_like(y)
    slope = (probe * variance * (h(y + noise.tau * probe) - hy)).sum() / (noise.tau * n)
    assert isinstance(noise, PoissonGaussian) == (sigma > 0 and gain > 0)
    return fit + 2 * slope
