"""The network of proximal steps: what a step solves, its gradient, noise, number formats."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn

from reilab.key import Key
from reilab.nets.proximal import (
    Proximal,
    ProximalSpec,
    ProximalStep,
    conjugate_gradients,
    linear_part,
    squared_norm,
)
from reilab.nets.unrolled import Stage
from reilab.physics.base import LinearPhysics, Physics
from reilab.physics.fourier import CartesianMRI, random_columns
from reilab.physics.mask import PixelMask, random_pixels
from reilab.physics.radon import parallel_beam
from reilab.physics.transmission import Transmission
from reilab.training.state import seeded

pytestmark = pytest.mark.usefixtures("random_states_untouched")

SIDE, VIEWS = 16, 6


def columns() -> CartesianMRI:
    return CartesianMRI((2, SIDE, SIDE), random_columns(SIDE, 4, 0.1, seed=1))


def pixels() -> PixelMask:
    return PixelMask((3, SIDE, SIDE), random_pixels(SIDE, 0.7, Key(0)))


def readings(dtype: torch.dtype = torch.float32) -> Transmission:
    return Transmission(parallel_beam(SIDE, VIEWS, dtype=dtype), 1e5, 0.0064 * 256 / SIDE)


OPERATORS: list[Callable[[], Physics]] = [columns, pixels, readings]
every_operator = pytest.mark.parametrize("operator", OPERATORS)


def images(physics: Physics, n: int = 2, seed: int = 1) -> Tensor:
    return torch.rand(n, *physics.domain, generator=Key(seed).generator())


def proximal(channels: int, n_stages: int = 2, damping: float = 0.02) -> Proximal:
    stages = [Stage(channels, 16, 3) for _ in range(n_stages)]
    return Proximal(stages, damping, iterations=8)


def made(build: Callable[[int], nn.Module], channels: int) -> nn.Module:
    return seeded(lambda: build(channels), Key(2))


def matrix(linear: LinearPhysics, dtype: torch.dtype = torch.float64) -> Tensor:
    """The operator as (measurements, unknowns)."""
    n = torch.Size(linear.domain).numel()
    basis = torch.eye(n, dtype=dtype).view(n, *linear.domain)
    return linear(basis).flatten(1).T


@every_operator
def test_it_maps_measurements_to_images_and_learns_with_every_parameter(
    operator: Callable[[], Physics],
) -> None:
    physics = operator()
    net, y = made(proximal, physics.domain[0]), physics(images(physics))
    found = net(y, physics, physics.pinv(y))
    assert found.shape == (2, *physics.domain)
    assert found.dtype == torch.float32
    (found - images(physics, seed=2)).square().sum().backward()
    assert [name for name, p in net.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_a_step_is_the_minimum_that_it_promises() -> None:
    radon = readings(torch.float64).radon
    truth, x = images(radon).double(), images(radon, seed=2).double()
    forward, damping = matrix(radon), 0.03
    lines = radon(truth)
    moved = ProximalStep(damping, 400)(x, radon, lines)
    shift = damping * torch.linalg.matrix_norm(forward, 2) ** 2
    normal = forward.T @ forward + shift * torch.eye(SIDE**2)
    wanted = torch.linalg.solve(
        normal, (lines.flatten(1) @ forward + shift * x.flatten(1)).T
    ).T.view_as(x)
    torch.testing.assert_close(moved, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("operator", [columns, pixels])
@pytest.mark.parametrize("damping", [0.02, 1.0])
def test_where_the_operator_is_a_projection_one_iteration_is_exact(
    operator: Callable[[], LinearPhysics], damping: float
) -> None:
    linear = operator()
    x, y = images(linear), linear(images(linear, seed=2))
    once, often = (ProximalStep(damping, n)(x, linear, y) for n in (1, 5))
    torch.testing.assert_close(once, often)
    share = damping / (1 + damping)
    torch.testing.assert_close(linear(once) - y, share * (linear(x) - y))
    torch.testing.assert_close(once - linear.adjoint(linear(once)), x - linear.adjoint(linear(x)))


def test_a_step_of_tomography_leaves_the_null_space_as_it_is() -> None:
    radon = readings(torch.float64).radon
    x, lines = images(radon).double(), radon(images(radon, seed=2).double())
    moved = ProximalStep(0.02, 8)(x, radon, lines) - x
    _, values, directions = torch.linalg.svd(matrix(radon))
    unseen = directions[int((values > 1e-9 * values[0]).sum()) :]
    assert len(unseen) > 100
    assert moved.norm() > 0.1
    assert (moved.flatten(1) @ unseen.T).norm() < 1e-9 * moved.norm()


@pytest.mark.parametrize("wrt", ["image", "lines", "damping"])
def test_the_gradient_of_a_step_is_that_of_differences(wrt: str) -> None:
    radon = readings(torch.float64).radon
    step = ProximalStep(0.1, 200).double()
    values = {
        "image": images(radon, 1).double(),
        "lines": radon(images(radon, 1, seed=2).double()),
        "damping": step.log_damping.detach(),
    }
    along = torch.rand(values[wrt].shape, generator=Key(3).generator(), dtype=torch.float64)

    def risk(moved: Tensor) -> Tensor:
        given = {**values, wrt: moved}
        own = {"log_damping": given["damping"]}
        found = torch.func.functional_call(step, own, (given["image"], radon, given["lines"]))
        return (found - 0.5).square().sum()

    point = values[wrt].clone().requires_grad_()
    (slope,) = torch.autograd.grad(risk(point), point)
    h = 1e-5
    with torch.no_grad():
        difference = (risk(values[wrt] + h * along) - risk(values[wrt] - h * along)) / (2 * h)
    torch.testing.assert_close((slope * along).sum(), difference, rtol=1e-5, atol=1e-7)


def test_each_sample_is_solved_as_if_it_were_alone() -> None:
    radon = readings().radon
    scales = torch.tensor([1.0, 1e-3]).view(-1, 1, 1, 1)
    right = radon(images(radon)) * scales
    together = conjugate_gradients(radon, torch.tensor(5.0), right, 6)
    for place in range(2):
        alone = conjugate_gradients(radon, torch.tensor(5.0), right[place : place + 1], 6)
        torch.testing.assert_close(together[place : place + 1], alone, rtol=1e-4, atol=0)


def test_what_is_solved_stays_solved() -> None:
    linear = pixels()
    right = linear(images(linear))
    found = conjugate_gradients(linear, torch.tensor(0.5), right, 50)
    torch.testing.assert_close(found, right / 1.5)
    assert not conjugate_gradients(linear, torch.tensor(0.5), 0 * right, 3).any()


def test_the_first_image_is_a_damped_solution_and_needs_no_start() -> None:
    physics = readings()
    net = made(proximal, 1)
    assert isinstance(net, Proximal)
    y = physics(images(physics))
    start = physics.pinv(y)
    torch.testing.assert_close(net(y, physics, start), net(y, physics, torch.zeros_like(start)))
    x = ProximalStep(0.02, 8)(torch.zeros_like(start), physics.radon, physics.integrals(y))
    for stage in net.stages:
        x = ProximalStep(0.02, 8)(stage(x), physics.radon, physics.integrals(y))
    torch.testing.assert_close(net(y, physics, start), x)


def test_damping_holds_noise_back() -> None:
    physics = readings()
    noise = torch.randn(2, *physics.radon.range, generator=Key(4).generator())
    nothing = torch.zeros(2, *physics.domain)
    sizes = [ProximalStep(d, 50)(nothing, physics.radon, noise).norm() for d in (0.001, 0.1, 10)]
    assert sizes[0] > 2 * sizes[1] > 4 * sizes[2]


@pytest.mark.parametrize("damping", [1e-3, 0.02, 1.0])
def test_damping_starts_where_it_is_told_moves_fast_and_stays_positive(damping: float) -> None:
    step = ProximalStep(damping, 1)
    torch.testing.assert_close(step.damping, torch.tensor(damping))
    optimizer = torch.optim.Adam(step.parameters(), lr=1e-2)
    for _ in range(10):
        optimizer.zero_grad()
        step.damping.backward()
        optimizer.step()
    assert 0 < step.damping < 0.5 * damping


@pytest.mark.parametrize("damping", [0.0, -0.1])
def test_a_damping_that_is_not_positive_is_refused(damping: float) -> None:
    with pytest.raises(ValueError, match=f"damping = {damping} must be above 0"):
        ProximalStep(damping, 1)


def test_the_linear_part_of_readings_is_their_line_integrals() -> None:
    physics = readings()
    x = images(physics)
    linear, lines = linear_part(physics, physics(x))
    torch.testing.assert_close(lines, linear(x), rtol=1e-4, atol=1e-4)
    mri = columns()
    assert linear_part(mri, mri(images(mri)))[0] is mri


@dataclass(frozen=True, eq=False)
class Opaque:
    """An operator without an adjoint."""

    domain: tuple[int, ...] = (1, 4, 4)
    range: tuple[int, ...] = (1, 4, 4)

    def __call__(self, x: Tensor) -> Tensor:
        return x**2

    def pinv(self, y: Tensor) -> Tensor:
        return y.clamp(min=0).sqrt()


def test_an_operator_without_linear_part_is_refused_with_a_remedy() -> None:
    with pytest.raises(ValueError, match="Opaque has none; choose network = unrolled"):
        linear_part(Opaque(), torch.zeros(1, 1, 4, 4))


def test_the_squared_norm_is_that_of_the_matrix() -> None:
    radon = readings(torch.float64).radon
    wanted = float(torch.linalg.matrix_norm(matrix(radon), 2) ** 2)
    found = squared_norm(radon, torch.device("cpu"), torch.float64)
    assert found == pytest.approx(wanted, rel=1e-3)
    assert squared_norm(columns(), torch.device("cpu"), torch.float32) == pytest.approx(1)


def test_under_mixed_precision_the_operator_computes_in_full() -> None:
    physics = readings()
    net, y = made(proximal, 1), physics(images(physics))
    start = physics.pinv(y)
    with torch.autocast("cpu", torch.bfloat16):
        short = net(y, physics, start)
    torch.testing.assert_close(short.float(), net(y, physics, start), rtol=0, atol=0.02)


def test_the_settings_are_what_is_built() -> None:
    net = made(ProximalSpec(2, width=16, layers=5, damping=0.3, iterations=4).build, 1)
    assert isinstance(net, Proximal)
    assert [len([m for m in s.modules() if isinstance(m, nn.Conv2d)]) for s in net.stages] == [5, 5]
    for step in [net.first, *net.steps]:
        assert isinstance(step, ProximalStep)
        assert step.iterations == 4
        torch.testing.assert_close(step.damping, torch.tensor(0.3))
