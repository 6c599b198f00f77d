"""What operators see, alone and through a group: ranks that can be counted by hand."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
from torch import Tensor

from reilab.groups import Flips, Group, QuarterTurns, Rotations, Shifts
from reilab.identifiability import matrix_of, news, seen_alone, seen_through
from reilab.key import Key
from reilab.nullspace import measured_part
from reilab.physics.base import LinearPhysics
from reilab.physics.fourier import CartesianMRI
from reilab.physics.mask import PixelMask, random_pixels
from reilab.physics.radon import Radon, parallel_beam
from reilab.physics.transmission import Transmission

SIDE = 8
DOUBLE = torch.float64


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


def radon(views: int = 3) -> Radon:
    return parallel_beam(SIDE, views, "cpu", DOUBLE)


OPERATORS = {"mask": mask(), "colour": mask(3), "mri": mri(), "ct": radon()}
OPERATOR = pytest.mark.parametrize("physics", OPERATORS.values(), ids=OPERATORS)


def some(group: Group, n: int) -> Tensor:
    return group.sample(n, (Key(0) / "g").generator())


@OPERATOR
def test_matrix_is_the_operator(physics: LinearPhysics) -> None:
    matrix = matrix_of(physics)
    rng = Key(1).generator()
    x = torch.randn(2, *physics.domain, generator=rng, dtype=DOUBLE)
    y = torch.randn(2, *physics.range, generator=rng, dtype=DOUBLE)
    torch.testing.assert_close(x.flatten(1) @ matrix.T, physics(x).flatten(1))
    torch.testing.assert_close(y.flatten(1) @ matrix, physics.adjoint(y).flatten(1))


@OPERATOR
def test_rank_is_that_of_the_matrix(physics: LinearPhysics) -> None:
    sight = seen_alone(physics)
    values = torch.linalg.svdvals(matrix_of(physics))
    assert sight.rank() == int(torch.linalg.matrix_rank(matrix_of(physics), rtol=1e-5))
    torch.testing.assert_close(
        sight.singular_values[: len(values)], values[: sight.n_unknowns], atol=1e-7, rtol=1e-6
    )


def test_nonlinear_operator_is_refused() -> None:
    with pytest.raises(ValueError, match="Transmission is not linear; give its linear part"):
        seen_alone(Transmission(radon(), 1e5, 0.01))


@OPERATOR
def test_identity_teaches_nothing(physics: LinearPhysics) -> None:
    alone, together = seen_alone(physics), seen_through(physics, Nothing(), torch.zeros(4, 1))
    assert alone.rank() < alone.n_unknowns
    torch.testing.assert_close(together.singular_values, alone.singular_values)
    assert news(physics, Nothing(), torch.zeros(2, 1)).max() < 1e-12


def test_group_that_commutes_teaches_nothing() -> None:
    # A shift of the image turns the phases of k-space, column by column.
    g = some(Shifts(SIDE), 6)
    assert seen_alone(mri()).rank() == 2 * SIDE * 3
    assert seen_through(mri(), Shifts(SIDE), g).rank() == 2 * SIDE * 3
    assert news(mri(), Shifts(SIDE), g).max() < 1e-20


def test_commuting_is_told_from_not_commuting_element_by_element() -> None:
    # A mask of every second column: shifts by an even number of columns map it to itself.
    columns = torch.arange(SIDE * SIDE).view(SIDE, SIDE)[:, ::2].flatten()
    stripes = PixelMask((1, SIDE, SIDE), columns)
    found = news(stripes, Shifts(SIDE), torch.tensor([[1, 2], [3, 4], [0, 1], [5, 3]]))
    torch.testing.assert_close(found, torch.tensor([0.0, 0.0, 1.0, 1.0], dtype=DOUBLE))


@pytest.mark.parametrize("group", [Shifts(SIDE), QuarterTurns(), Flips()], ids=repr)
@pytest.mark.parametrize("channels", [1, 3])
def test_mask_sees_the_union_of_the_moved_masks(group: Group, channels: int) -> None:
    physics, g = mask(channels), some(group, 2)
    places = physics.adjoint(torch.ones(1, *physics.range, dtype=DOUBLE))
    # T_g⁻¹ brings the mask to where A T_g looks.
    moved = group.act(group.inverse(g), places).sum(0, keepdim=True) + places
    expected = int((moved > 0).sum())
    assert expected > seen_alone(physics).rank()
    assert seen_through(physics, group, g).rank() == expected


def test_more_transforms_never_see_less_and_in_the_end_all() -> None:
    g = some(Shifts(SIDE), 24)
    ranks = [seen_through(mask(), Shifts(SIDE), g[:n]).rank() for n in (0, 1, 2, 4, 8, 24)]
    assert ranks == sorted(ranks)
    assert ranks[0] == SIDE * SIDE // 2
    assert ranks[-1] == SIDE * SIDE
    assert seen_through(mask(), Shifts(SIDE), g).share() == 1.0


@pytest.mark.parametrize("physics", [mri(), radon()], ids=["mri", "ct"])
def test_rotations_look_into_the_null_space(physics: LinearPhysics) -> None:
    g = some(Rotations(), 8)
    assert seen_through(physics, Rotations(), g).rank() > 1.2 * seen_alone(physics).rank()
    assert news(physics, Rotations(), g).min() > 1e-3


def test_stacking_keeps_the_energy() -> None:
    # Shifts are orthogonal: the mean of Tᵀ Aᵀ A T has the trace of Aᵀ A.
    sight = seen_through(mri(), Rotations(), torch.zeros(0, 1))
    torch.testing.assert_close(sight.singular_values, seen_alone(mri()).singular_values)
    shifted = seen_through(mask(), Shifts(SIDE), some(Shifts(SIDE), 5))
    assert float(shifted.singular_values.square().sum()) == pytest.approx(SIDE * SIDE / 2)


@OPERATOR
def test_measured_part_is_the_projection_on_what_is_seen(physics: LinearPhysics) -> None:
    x = torch.randn(2, *physics.domain, generator=Key(2).generator(), dtype=DOUBLE)
    part = measured_part(physics, x)
    matrix = matrix_of(physics)
    exact = x.flatten(1) @ (torch.linalg.pinv(matrix, rtol=1e-9) @ matrix).T
    torch.testing.assert_close(part.flatten(1), exact, atol=1e-4, rtol=1e-4)
    lost = x - part
    assert physics(lost).norm() < 1e-5 * physics(x).norm()
    assert abs(float((lost * part).sum())) < 1e-4 * float(x.square().sum())
    torch.testing.assert_close(measured_part(physics, part), part, atol=1e-4, rtol=1e-4)


def test_measured_part_of_an_image_that_leaves_no_trace_is_nothing() -> None:
    lost = torch.zeros(1, 1, SIDE, SIDE)
    assert torch.equal(measured_part(mask(), lost), lost)
