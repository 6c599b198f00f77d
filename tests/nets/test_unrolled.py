"""Networks that see the operator: consistency, its sign and size, stages, number formats."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
import torch
from torch import Tensor, nn

from reilab.key import Key
from reilab.nets.consistency import ConsistencyStep
from reilab.nets.consistent import Consistent, ConsistentSpec
from reilab.nets.decomposed import Decomposed, DecomposedSpec
from reilab.nets.unet import UNet
from reilab.nets.unrolled import Stage, Unrolled, UnrolledSpec
from reilab.nets.winograd.convolution import use_winograd
from reilab.physics.base import LinearPhysics, Physics
from reilab.physics.fourier import CartesianMRI, random_columns
from reilab.physics.mask import PixelMask, random_pixels
from reilab.physics.radon import parallel_beam
from reilab.physics.transmission import Transmission
from reilab.training.state import seeded

pytestmark = pytest.mark.usefixtures("random_states_untouched")

SIDE = 16


def columns() -> CartesianMRI:
    return CartesianMRI((2, SIDE, SIDE), random_columns(SIDE, 4, 0.1, seed=1))


def pixels() -> PixelMask:
    return PixelMask((3, SIDE, SIDE), random_pixels(SIDE, 0.7, Key(0)))


def views(dtype: torch.dtype = torch.float32) -> Transmission:
    return Transmission(parallel_beam(SIDE, 12, dtype=dtype), 1e5, 0.0064 * 256 / SIDE)


PROJECTIONS: list[Callable[[], LinearPhysics]] = [columns, pixels]
OPERATORS: list[Callable[[], Physics]] = [*PROJECTIONS, views]


def images(physics: Physics, n: int = 2, seed: int = 1) -> Tensor:
    return torch.rand(n, *physics.domain, generator=Key(seed).generator())


def unrolled(
    channels: int, n_stages: int = 3, step: float = 1.0, ends_consistent: bool = False
) -> Unrolled:
    return Unrolled([Stage(channels, 16, 3) for _ in range(n_stages)], step, ends_consistent)


def consistent(channels: int) -> Consistent:
    return Consistent(UNet(channels, 8, "none"))


NETWORKS: dict[str, Callable[[int], nn.Module]] = {
    "convolutions last": unrolled,
    "consistency last": lambda channels: unrolled(channels, ends_consistent=True),
    "U-Net stages": lambda channels: UnrolledSpec(2, "unet", 8).build(channels),
    "consistent U-Net": consistent,
    "seen, then unseen": DecomposedSpec(3, width=16).build,
}

every_network = pytest.mark.parametrize("build", NETWORKS.values(), ids=NETWORKS)
every_operator = pytest.mark.parametrize("operator", OPERATORS)
every_projection = pytest.mark.parametrize("operator", PROJECTIONS)


def made(build: Callable[[int], nn.Module], channels: int) -> nn.Module:
    return seeded(lambda: build(channels), Key(2))


@every_operator
@every_network
def test_it_maps_measurements_to_images_and_learns_with_every_parameter(
    build: Callable[[int], nn.Module], operator: Callable[[], Physics]
) -> None:
    physics = operator()
    net, y = made(build, physics.domain[0]), physics(images(physics))
    found = net(y, physics, physics.pinv(y))
    assert found.shape == (2, *physics.domain)
    assert found.dtype == torch.float32
    (found - images(physics, seed=2)).square().sum().backward()
    unused = [name for name, p in net.named_parameters() if p.grad is None or not p.grad.any()]
    assert unused == []


@every_operator
def test_the_gradient_of_a_step_is_that_of_differences(operator: Callable[[], Physics]) -> None:
    physics = views(torch.float64) if operator is views else operator()
    step, start = ConsistencyStep(0.6).double(), 0.1 * images(physics, 1, seed=3).double()
    x = images(physics, 1).double().requires_grad_()
    along = images(physics, 1, seed=4).double() - 0.5
    (slope,) = torch.autograd.grad(step(x, physics, start).square().sum(), x)
    with torch.no_grad():
        up, down = (step(x + h * along, physics, start).square().sum() for h in (1e-4, -1e-4))
    torch.testing.assert_close((slope * along).sum(), (up - down) / 2e-4, rtol=1e-6, atol=1e-6)


@every_projection
@pytest.mark.parametrize("share", [0.25, 0.7, 1.0])
def test_a_step_takes_its_share_of_the_error_in_the_range_and_none_of_the_rest(
    operator: Callable[[], LinearPhysics], share: float
) -> None:
    physics = operator()
    x, truth = images(physics), images(physics, seed=2)
    y = physics(truth)
    moved = ConsistencyStep(share)(x, physics, physics.pinv(y))
    torch.testing.assert_close(physics(moved) - y, (1 - share) * (physics(x) - y))
    lost = x - physics.adjoint(physics(x))
    torch.testing.assert_close(moved - physics.adjoint(physics(moved)), lost)


@every_projection
@pytest.mark.parametrize("name", ["consistency last", "consistent U-Net"])
def test_what_ends_in_a_whole_step_agrees_with_every_measurement(
    operator: Callable[[], LinearPhysics], name: str
) -> None:
    physics = operator()
    net, y = made(NETWORKS[name], physics.domain[0]), physics(images(physics))
    torch.testing.assert_close(physics(net(y, physics, physics.pinv(y))), y)


@every_projection
def test_what_ends_in_convolutions_lets_go_of_the_measurements(
    operator: Callable[[], LinearPhysics],
) -> None:
    physics = operator()
    net, y = made(unrolled, physics.domain[0]), physics(images(physics))
    assert not torch.allclose(physics(net(y, physics, physics.pinv(y))), y, atol=1e-3)


@every_projection
def test_what_the_decomposed_network_says_of_the_seen_is_the_word_of_its_first_stage(
    operator: Callable[[], LinearPhysics],
) -> None:
    physics = operator()
    net, y = made(DecomposedSpec(3, width=16).build, physics.domain[0]), physics(images(physics))
    assert isinstance(net, Decomposed)
    start = physics.pinv(y)
    found = net(y, physics, start)
    torch.testing.assert_close(physics(found), physics(net.seen(start)))
    # The unseen of the last stage, from what the stages before it made of both parts.
    x = seen = physics.pinv(physics(net.seen(start)))
    for stage in net.unseen:
        z = stage(x)
        x = seen + z - physics.pinv(physics(z))
    torch.testing.assert_close(found, x)


@every_projection
@pytest.mark.parametrize("sees", [True, False])
def test_measurements_teach_the_decomposed_network_its_first_stage_alone(
    operator: Callable[[], LinearPhysics], sees: bool
) -> None:
    physics = operator()
    net, y = made(DecomposedSpec(3, width=16).build, physics.domain[0]), physics(images(physics))
    found = net(y, physics, physics.pinv(y))
    part = physics(found) if sees else found - physics.pinv(physics(found))
    (part - 0.3).square().sum().backward()
    assert isinstance(net, Decomposed)
    first, others = (largest_gradient(part) for part in (net.seen, net.unseen))
    assert first > 0
    assert (others < 1e-4 * first) == sees


def largest_gradient(net: nn.Module) -> float:
    return max(float(p.grad.abs().max()) for p in net.parameters() if p.grad is not None)


def test_a_step_of_tomography_comes_nearer_to_the_measurements() -> None:
    physics = views()
    truth = images(physics)
    start = physics.pinv(physics(truth))
    x = 0.5 * start
    moved = ConsistencyStep(0.25)(x, physics, start)
    before, after = (start - physics.pinv(physics(image)) for image in (x, moved))
    assert after.norm() < 0.9 * before.norm()


@pytest.mark.parametrize(("ends_consistent", "n_steps"), [(False, 2), (True, 3)])
def test_between_stages_there_is_a_step_each(ends_consistent: bool, n_steps: int) -> None:
    physics = pixels()
    net = made(lambda channels: unrolled(channels, 3, 0.3, ends_consistent), 3)
    y = physics(images(physics))
    assert isinstance(net, Unrolled)
    assert len(net.steps) == n_steps
    x = start = physics.pinv(y)
    for place, stage in enumerate(net.stages):
        x = stage(x)
        if place < n_steps:
            x = x + 0.3 * (start - physics.pinv(physics(x)))
    torch.testing.assert_close(net(y, physics, start), x)


@pytest.mark.parametrize("step", [1e-3, 0.25, 1.0, 3.0])
def test_steps_start_where_they_are_told_and_stay_positive(step: float) -> None:
    layer = ConsistencyStep(step)
    torch.testing.assert_close(layer.step, torch.tensor(step))
    optimizer = torch.optim.SGD(layer.parameters(), lr=10.0)
    layer.step.backward()
    optimizer.step()
    assert 0 < layer.step < step


@pytest.mark.parametrize("step", [0.0, -0.5])
def test_a_step_that_is_not_positive_is_refused(step: float) -> None:
    with pytest.raises(ValueError, match=f"step = {step} must be above 0"):
        ConsistencyStep(step)


@dataclass(frozen=True, eq=False)
class Watched:
    """An operator that notes the formats of what it is given, and whether autocast was on."""

    inner: LinearPhysics
    seen: list[tuple[torch.dtype, bool]] = field(default_factory=list)

    @property
    def domain(self) -> tuple[int, ...]:
        return self.inner.domain

    @property
    def range(self) -> tuple[int, ...]:
        return self.inner.range

    def __call__(self, x: Tensor) -> Tensor:
        self.seen.append((x.dtype, torch.is_autocast_enabled("cpu")))
        return self.inner(x)

    def pinv(self, y: Tensor) -> Tensor:
        self.seen.append((y.dtype, torch.is_autocast_enabled("cpu")))
        return self.inner.pinv(y)


@every_network
def test_under_mixed_precision_the_operator_computes_in_full(
    build: Callable[[int], nn.Module],
) -> None:
    physics = Watched(columns())
    net, y = made(build, 2), physics.inner(images(physics))
    start = physics.inner.pinv(y)
    with torch.autocast("cpu", torch.bfloat16):
        short = net(y, physics, start)
    assert physics.seen
    assert set(physics.seen) == {(torch.float32, False)}
    torch.testing.assert_close(short.float(), net(y, physics, start), rtol=0, atol=0.05)


def test_an_untrained_stage_does_almost_nothing() -> None:
    x = torch.rand(2, 3, SIDE, SIDE, generator=Key(1).generator())
    stage = made(lambda channels: Stage(channels, 32, 4), 3)
    assert 0 < (stage(x) - x).abs().max() < 0.05


@pytest.mark.parametrize(("layers", "n_winograd"), [(2, 0), (3, 1), (5, 3)])
def test_convolutions_between_the_first_and_the_last_are_winograd_s(
    layers: int, n_winograd: int
) -> None:
    x = torch.rand(2, 3, SIDE, SIDE, generator=Key(1).generator())
    stage = made(lambda channels: Stage(channels, 32, layers), 3)
    expected = stage(x)
    assert use_winograd(stage) == n_winograd
    torch.testing.assert_close(stage(x), expected)


@pytest.mark.parametrize(("last", "n_steps"), [("convolutions", 1), ("consistency", 2)])
def test_the_settings_of_an_unrolled_network_are_what_is_built(last: str, n_steps: int) -> None:
    net = made(UnrolledSpec(2, width=16, layers=5, consistency=0.4, last=last).build, 3)
    assert isinstance(net, Unrolled)
    assert [len([m for m in s.modules() if isinstance(m, nn.Conv2d)]) for s in net.stages] == [5, 5]
    assert {m.out_channels for m in net.modules() if isinstance(m, nn.Conv2d)} == {3, 16}
    assert len(net.steps) == n_steps
    for step in net.steps:
        assert isinstance(step, ConsistencyStep)
        torch.testing.assert_close(step.step, torch.tensor(0.4))


def test_the_settings_of_a_consistent_network_are_what_is_built() -> None:
    net = made(ConsistentSpec(width=16, norm="group", consistency=0.3).build, 2)
    assert isinstance(net, Consistent)
    torch.testing.assert_close(net.consistency.step, torch.tensor(0.3))
    assert {m.num_channels for m in net.modules() if isinstance(m, nn.GroupNorm)} == {
        16,
        32,
        64,
        128,
    }
