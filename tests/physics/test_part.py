"""Parts of operators, and operators behind a turn: what they measure, and what is made of it."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import Tensor

from reilab.groups import QuarterTurns
from reilab.key import Key
from reilab.nets.proximal import ProximalStep, linear_part
from reilab.physics.base import LinearPhysics, Physics
from reilab.physics.fourier import CartesianMRI, PatternMRI
from reilab.physics.mask import PixelMask
from reilab.physics.part import part_of, turned_by, whole_of
from reilab.physics.radon import parallel_beam
from reilab.physics.sense import SENSE, ring_maps
from reilab.physics.transmission import Transmission

F64 = torch.float64
SIDE = 8
RADON = parallel_beam(SIDE, 6, dtype=F64)
MASKS: dict[str, Physics] = {
    "pixels": PixelMask((3, SIDE, SIDE), torch.arange(0, SIDE**2, 3)),
    "columns": CartesianMRI((2, SIDE, SIDE), torch.tensor([0, 3, 4, 5, 7])),
    "entries": PatternMRI((2, SIDE, SIDE), torch.arange(0, SIDE**2, 5)),
}
COILS = SENSE(CartesianMRI((2, SIDE, SIDE), torch.arange(1, 7)), ring_maps(3, SIDE, SIDE))
OPERATORS = {
    **MASKS,
    "coils": COILS,
    "views": RADON,
    "counts": Transmission(RADON, blank=1e4, attenuation=0.05),
}
every_operator = pytest.mark.parametrize("name", OPERATORS)
PLACES = torch.tensor([1, 2, 4])


def images(physics: Physics, n: int = 2, seed: int = 0) -> Tensor:
    rng = Key(seed).generator()
    return torch.rand(n, *physics.domain, generator=rng, dtype=F64)


@every_operator
def test_a_part_measures_what_the_whole_does_there(name: str) -> None:
    whole = OPERATORS[name]
    part, x = part_of(whole, PLACES), images(whole)
    y = part(x)
    assert torch.equal(y, whole(x)[..., PLACES])
    assert y.shape[1:] == part.range
    assert part.domain == whole.domain
    assert whole_of(part) is whole


@pytest.mark.parametrize("name", MASKS)
def test_the_pseudo_inverse_of_a_part_of_a_mask(name: str) -> None:
    """Of A A† = I, and orthogonal to the null space of the part."""
    part = part_of(MASKS[name], PLACES)
    y = part(images(part))
    torch.testing.assert_close(part(part.pinv(y)), y)
    x = images(part, seed=1)
    lost = x - part.pinv(part(x))
    assert abs((part.pinv(y) * lost).sum()) < 1e-9


@pytest.mark.parametrize("name", ["views", "counts"])
def test_the_back_projection_of_some_views_is_as_bright(name: str) -> None:
    whole = OPERATORS[name]
    x = torch.ones(1, *whole.domain, dtype=F64)
    means = [one.pinv(one(x)).mean() for one in (whole, part_of(whole, torch.tensor([0, 2, 4])))]
    torch.testing.assert_close(*means, rtol=0.05, atol=0)


@every_operator
def test_adjoints(name: str) -> None:
    whole, turns = OPERATORS[name], QuarterTurns()
    g = torch.tensor([[1]])
    turn, back = partial(turns.act, g), partial(turns.act, turns.inverse(g))
    behind = turned_by(whole, turn, back)
    x = images(whole)
    torch.testing.assert_close(behind(x), whole(torch.rot90(x, 1, (2, 3))))
    torch.testing.assert_close(behind.pinv(whole(x)), torch.rot90(whole.pinv(whole(x)), -1, (2, 3)))
    for one in (part_of(whole, PLACES), behind, part_of(behind, PLACES)):
        y = one(x)
        linear, lines = linear_part(one, y)
        assert isinstance(linear, LinearPhysics)
        # Exact readings are what the linear operator makes of the image.
        torch.testing.assert_close(linear(x), lines)
        z = torch.randn(lines.shape, generator=Key(2).generator(), dtype=F64)
        torch.testing.assert_close((lines * z).sum(), (x * linear.adjoint(z)).sum())


def test_the_core_of_k_space() -> None:
    columns = CartesianMRI((2, 40, 100), torch.arange(1, 100))
    assert columns.columns[columns.core].tolist() == [47, 48, 49, 50, 51, 52, 53]
    entries = PatternMRI((2, 40, 100), torch.arange(40 * 100))
    expected = [100 * row + column for row in (19, 20, 21) for column in range(47, 54)]
    assert entries.entries[entries.core].tolist() == expected


def test_damping_means_the_same_for_a_part_as_for_the_whole() -> None:
    part = part_of(RADON, PLACES)
    step = ProximalStep(damping=0.1, iterations=60)
    matrix = part(torch.eye(SIDE**2, dtype=F64).view(-1, 1, SIDE, SIDE)).flatten(1).T
    whole = RADON(torch.eye(SIDE**2, dtype=F64).view(-1, 1, SIDE, SIDE)).flatten(1).T
    x, lines = images(part), part(images(part, seed=1))
    shift = 0.1 * torch.linalg.matrix_norm(whole, 2) ** 2 * torch.eye(len(matrix), dtype=F64)
    left = lines.flatten(1) - x.flatten(1) @ matrix.T
    expected = x.flatten(1) + torch.linalg.solve(matrix @ matrix.T + shift, left.T).T @ matrix
    found = step(x, part, lines).flatten(1)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)
