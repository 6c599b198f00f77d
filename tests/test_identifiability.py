"""What operators see, alone and through a group: dense algebra, and ranks counted by hand."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from kit.dense import DOUBLE, basis, matrix_of, share, singular_values
from torch import Tensor

from reilab.groups import GROUPS, Flips, Group, QuarterTurns, Shifts
from reilab.identifiability import (
    N_ELEMENTS,
    TOLERANCE,
    commutator,
    inspect,
    seen_alone,
    seen_through,
    seen_together,
)
from reilab.key import Key
from reilab.nullspace import same
from reilab.physics.base import Physics
from reilab.physics.fourier import CartesianMRI
from reilab.physics.mask import PixelMask, random_pixels
from reilab.physics.radon import parallel_beam, ramp_filter
from reilab.physics.sense import SENSE, ring_maps
from reilab.physics.transmission import Transmission
from reilab.tasks.registry import find_task, tasks

SIDE = 8
KEY = Key(0)


@dataclass(frozen=True)
class Nothing:
    """The group of the identity alone."""

    def sample(self, n: int, rng: torch.Generator) -> Tensor:
        return torch.zeros(n, 1)

    def act(self, g: Tensor, x: Tensor) -> Tensor:
        return x.repeat(len(g), 1, 1, 1)

    def inverse(self, g: Tensor) -> Tensor:
        return g


def mask(channels: int = 1) -> PixelMask:
    return PixelMask((channels, SIDE, SIDE), random_pixels(SIDE, 0.5, Key(3)))


def mri() -> CartesianMRI:
    return CartesianMRI((2, SIDE, SIDE), torch.tensor([1, 3, 4]))


def coils() -> SENSE:
    return SENSE(mri(), ring_maps(3, SIDE, SIDE))


def some(group: Group, n: int) -> Tensor:
    return group.sample(n, (KEY / "g").generator())


def by_algebra(physics: Physics, group: Group, g: Tensor) -> float:
    if isinstance(physics, Transmission):
        return share(singular_values(physics.radon.double, group, g, ramp_filter), TOLERANCE)
    return share(singular_values(physics, group, g, same), TOLERANCE)


def physics_of(task: str) -> Physics:
    physics = find_task(task).configure("smoke", {"size": 32}).build().physics
    # The channels of a photograph are seen alike.
    return PixelMask((1, 32, 32), physics.pixels) if isinstance(physics, PixelMask) else physics


@pytest.mark.slow
@pytest.mark.parametrize("task", tasks())
def test_every_task_sees_by_itself_what_algebra_says(task: str) -> None:
    physics = physics_of(task)
    expected = by_algebra(physics, Nothing(), torch.zeros(0, 1))
    assert seen_alone(physics, KEY).share().value == pytest.approx(expected, abs=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("task", tasks())
def test_every_task_sees_through_every_group_what_algebra_says(task: str, group: str) -> None:
    physics, moves = physics_of(task), GROUPS[group](32)
    g = some(moves, N_ELEMENTS).unique(dim=0)
    found = seen_through(physics, moves, g, KEY).share().value
    assert found == pytest.approx(by_algebra(physics, moves, g), abs=0.02)


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize(
    "physics",
    [mask(), mri(), Transmission(parallel_beam(SIDE, 3), 1e5, 0.01), coils()],
    ids=["mask", "mri", "ct", "coils"],
)
def test_small_operators_see_what_algebra_says(physics: Physics, group: str) -> None:
    moves = GROUPS[group](SIDE)
    g = some(moves, 2)
    found = seen_through(physics, moves, g, KEY).share()
    # Two dimensions of 64, which lie at the bound.
    assert found.value == pytest.approx(by_algebra(physics, moves, g), abs=2 / 64)


def test_the_error_bar_is_that_of_other_probes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reilab.identifiability.SIGNS", 2**12)
    found = [seen_alone(mri(), Key(seed)).share() for seed in range(400)]
    gaps = torch.tensor([(one.value - 3 / 8) / one.deviation for one in found])
    # z-scores of the mean and of the variance of 400 estimates.
    assert abs(float(gaps.mean())) < 4 / 20
    assert abs(float(gaps.square().mean()) - 1) < 4 * (2 / 400) ** 0.5


def test_a_mask_sees_exactly_its_pixels() -> None:
    assert seen_alone(mask(), KEY).share().value == pytest.approx(0.5, abs=1e-6)


def test_singular_values_have_the_energy_of_the_operator() -> None:
    physics = parallel_beam(SIDE, 3).double
    sight = seen_alone(physics, KEY)
    assert torch.allclose(sight.weights.sum(1), torch.ones(len(sight.weights), dtype=DOUBLE))
    energy = float((sight.weights * sight.singular_values.square()).sum(1).mean())
    y = physics(basis(physics))
    assert energy * SIDE**2 == pytest.approx(float((y * ramp_filter(y)).sum()), rel=0.02)


def test_nonlinear_operator_is_refused() -> None:
    @dataclass(frozen=True)
    class Square:
        domain = range = (1, SIDE, SIDE)

        def __call__(self, x: Tensor) -> Tensor:
            return (x + 1) ** 2

        def pinv(self, y: Tensor) -> Tensor:
            return y

    with pytest.raises(ValueError, match="Square is not linear; give its linear part"):
        seen_alone(Square(), KEY)


@pytest.mark.parametrize(
    ("physics", "group"), [(mri(), Shifts(SIDE)), (mask(), Nothing())], ids=["mri", "identity"]
)
def test_a_group_that_commutes_teaches_nothing(physics: Physics, group: Group) -> None:
    # A shift of the image turns the phases of k-space, column by column.
    found = inspect(physics, group, KEY)
    assert found.alone.value < 0.6
    assert found.news == pytest.approx(0, abs=1e-6)
    assert found.commutator.value < 1e-5


def test_commuting_is_told_from_not_commuting_element_by_element() -> None:
    # A mask of every second column: shifts by an even number of columns map it to itself.
    columns = torch.arange(SIDE * SIDE).view(SIDE, SIDE)[:, ::2].flatten()
    stripes = PixelMask((1, SIDE, SIDE), columns)
    for g, expected in (([1, 2], 0.0), ([3, 4], 0.0), ([0, 1], 1.0), ([5, 3], 1.0)):
        found = commutator(stripes, Shifts(SIDE), torch.tensor([g]), KEY)
        assert found.value == pytest.approx(expected, abs=1e-6)


def test_the_commutator_is_that_of_matrices() -> None:
    physics, group = mri(), QuarterTurns()
    g = torch.tensor([[1]])
    seen = matrix_of(physics).T @ matrix_of(physics)
    turn = group.act(g, basis(physics)).flatten(1).T
    exact = float((seen @ turn - turn @ seen).norm()) / len(seen) ** 0.5
    # The mean of norms is a little below the root of the mean of squares.
    found = commutator(physics, group, g, KEY)
    assert found.value == pytest.approx(exact, rel=0.02)
    assert 0 < found.deviation < 0.01


@pytest.mark.parametrize("group", [Shifts(SIDE), QuarterTurns(), Flips()], ids=repr)
@pytest.mark.parametrize("channels", [1, 3])
def test_mask_sees_the_union_of_the_moved_masks(group: Group, channels: int) -> None:
    physics, g = mask(channels), some(group, 2)
    places = physics.adjoint(torch.ones(1, *physics.range))
    # T_g⁻¹ brings the mask to where A T_g looks.
    moved = group.act(group.inverse(g), places).sum(0, keepdim=True) + places
    expected = float((moved > 0).float().mean())
    assert expected > 0.5
    assert seen_through(physics, group, g, KEY).share().value == pytest.approx(expected, abs=1e-6)


def test_more_transforms_never_see_less_and_in_the_end_all() -> None:
    g = some(Shifts(SIDE), 24)
    shares = [
        seen_through(mask(), Shifts(SIDE), g[:n], KEY).share().value for n in (1, 2, 4, 8, 24)
    ]
    assert shares == sorted(shares)
    assert shares[0] > 0.6
    assert shares[-1] == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("one", [mask(), mri()], ids=["mask", "mri"])
def test_many_masks_see_what_any_of_them_does(one: PixelMask | CartesianMRI) -> None:
    places = torch.tensor([[0, 3, 4], [1, 3, 6], [0, 3, 5]])
    every = {"PixelMask": SIDE**2, "CartesianMRI": SIDE}[type(one).__name__]
    found = seen_together(one.masked(places), 3, KEY).share()
    assert abs(found.value - 6 / every) < 4 * found.deviation
