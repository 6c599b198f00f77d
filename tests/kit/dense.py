"""Operators as matrices, for small images: what is estimated elsewhere, computed."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from reilab.groups import Group
from reilab.nullspace import Map, same
from reilab.physics.base import Physics

DOUBLE = torch.float64


def basis(physics: Physics) -> Tensor:
    """The images that are 1 in one entry: (n, *domain)."""
    n = math.prod(physics.domain)
    return torch.eye(n, dtype=DOUBLE).view(n, *physics.domain)


def matrix_of(physics: Physics) -> Tensor:
    """A linear operator with numbers in float64, if it holds any, as a matrix (m, n)."""
    return physics(basis(physics)).flatten(1).T


def singular_values(physics: Physics, group: Group, g: Tensor, precondition: Map = same) -> Tensor:
    """Those of F^½ (A; A T_g₁; …), (n,), largest first."""
    unit = basis(physics)
    gram = torch.zeros(len(unit), len(unit), dtype=DOUBLE)
    for images in (unit, *(group.act(one[None], unit) for one in g)):
        y = physics(images)
        gram += y.flatten(1) @ precondition(y).flatten(1).T
    return torch.linalg.eigvalsh(gram).flip(0).clamp(min=0).sqrt()


def share(values: Tensor, tolerance: float) -> float:
    """How many of them are above a share of the largest."""
    return float((values > tolerance * values[0]).double().mean())


def projector(physics: Physics) -> Tensor:
    """The orthogonal projector on what A sees, (n, n)."""
    matrix = matrix_of(physics)
    return torch.linalg.pinv(matrix, rtol=1e-9) @ matrix
