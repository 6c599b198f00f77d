"""Identifiability: what a forward operator sees of an image, alone and through a group.

A linear operator A with n unknowns sees rank A dimensions; the rest, its null space, leaves no
trace in y. If T_g x is an image whenever x is, then y = A x is also a measurement of T_g⁻¹ x by
A T_g: all measurements together have seen what the stacked operator (A; A T_g₁; …) sees. To learn
the whole image from measurements alone its rank has to be n (Tachella, Chen & Davies, Sensing
Theorems for Unsupervised Learning in Linear Inverse Problems, JMLR 2023).

All but ``news_of_images`` forms A as a matrix: for small images, up to about 32×32.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from reilab.groups import Group
from reilab.physics.base import Physics

#: Singular values below this share of the largest count as zero; those of a Gram matrix in float64
#: are known to about 1e-8 of it.
TOLERANCE = 1e-5


@dataclass(frozen=True, eq=False)
class Sight:
    """What stacked operators see.

    Args:
        singular_values: of the stacked operators, (n,), largest first, zeros included; divided by
            the root of the number of operators, so that stacking one of them twice changes nothing.
    """

    singular_values: Tensor

    @property
    def n_unknowns(self) -> int:
        """Dimensions of an image."""
        return len(self.singular_values)

    def rank(self, tolerance: float = TOLERANCE) -> int:
        """How many dimensions are seen: singular values above ``tolerance`` times the largest."""
        return int((self.singular_values > tolerance * self.singular_values[0]).sum())

    def share(self, tolerance: float = TOLERANCE) -> float:
        """The identifiability meter, 0 to 1: dimensions seen over all dimensions."""
        return self.rank(tolerance) / self.n_unknowns


def matrix_of(physics: Physics, dtype: torch.dtype = torch.float64) -> Tensor:
    """A as a matrix (m, n), column by column.

    Args:
        physics: a linear operator, built for ``dtype``.
        dtype: number format; rounding hides small singular values in float32.

    Raises:
        ValueError: the operator is not linear.
    """
    columns = physics(_basis(physics, dtype)).flatten(1)
    probe = torch.linspace(-1, 1, len(columns), dtype=dtype)
    direct = physics(probe.view(1, *physics.domain)).flatten()
    gap = float((probe @ columns - direct).norm())
    if gap > math.sqrt(torch.finfo(dtype).eps) * float(direct.norm()):
        raise ValueError(
            f"{type(physics).__name__} is not linear; give its linear part, such as the line "
            "integrals in front of an exponential"
        )
    return columns.T


def seen_alone(physics: Physics, dtype: torch.dtype = torch.float64) -> Sight:
    """What a linear operator sees by itself.

    Raises:
        ValueError: the operator is not linear.
    """
    matrix = matrix_of(physics, dtype)
    return _sight(matrix.T @ matrix, 1)


def seen_through(
    physics: Physics, group: Group, g: Tensor, dtype: torch.dtype = torch.float64
) -> Sight:
    """What A and all A T_g see together.

    Args:
        physics: a linear operator A, built for ``dtype``.
        group: the transforms.
        g: some of its elements, one a row; the identity need not be among them.
        dtype: number format.

    Raises:
        ValueError: the operator is not linear.
    """
    matrix = matrix_of(physics, dtype)
    gram = matrix.T @ matrix
    for one in g:
        moved = physics(group.act(one[None], _basis(physics, dtype))).flatten(1)
        gram += moved @ moved.T
    return _sight(gram, 1 + len(g))


def news(physics: Physics, group: Group, g: Tensor, dtype: torch.dtype = torch.float64) -> Tensor:
    """How much of A T_g looks into the null space of A, for each element: 0 to 1, (len(g),).

    ‖A T_g N‖² / ‖A T_g‖² (Frobenius), N the projector onto the null space of A. It is 0 exactly if
    there is a T' with A T_g = T' A, that is if A commutes with the transform as far as its range
    allows (and then T' = A T_g A†). Measurements of transformed images are then transformed
    measurements of images, and the group teaches nothing about the null space.

    Raises:
        ValueError: the operator is not linear.
    """
    matrix = matrix_of(physics, dtype)
    values, vectors = torch.linalg.eigh(matrix.T @ matrix)
    blind = vectors[:, values <= TOLERANCE**2 * values[-1]]
    shares = []
    for one in g:
        moved = physics(group.act(one[None], _basis(physics, dtype))).flatten(1).T
        shares.append((moved @ blind).square().sum() / moved.square().sum())
    return torch.stack(shares)


def news_of_images(
    split: Callable[[Tensor], tuple[Tensor, Tensor] | None], group: Group, g: Tensor, x: Tensor
) -> Tensor:
    """The same question of images, where A is too large for a matrix: 0 to 1, (len(g),).

    ‖P T_g n‖² / ‖n‖², P the projection on what A sees and n = x − P x what it loses of the images:
    how much of it leaves a trace in measurements of the moved images. It is 0 if A commutes with
    the transform as far as its range allows. Where T_g is no permutation of pixels, as a rotation
    by any angle, interpolation adds some to it.

    Args:
        split: images into what A sees and what it loses, ``Problem.split``.
        group: the transforms.
        g: some of its elements, one a row.
        x: images (B, C, H, W).

    Raises:
        ValueError: what A sees is not known.
    """
    parts = split(x)
    moved = parts and split(group.act(g, parts[1]))
    if parts is None or moved is None:
        raise ValueError("what A sees is not known of this operator; give the problem a `seen`")
    (_, lost), (seen_moved, _) = parts, moved
    energy = seen_moved.square().flatten(1).sum(1).view(len(g), len(x)).sum(1)
    return energy / lost.square().sum().clamp(min=torch.finfo(x.dtype).tiny)


def _basis(physics: Physics, dtype: torch.dtype) -> Tensor:
    """The images that are 1 in one entry: (n, *domain)."""
    n = math.prod(physics.domain)
    return torch.eye(n, dtype=dtype).view(n, *physics.domain)


def _sight(gram: Tensor, n_operators: int) -> Sight:
    values = torch.linalg.eigvalsh(gram / n_operators).flip(0)
    return Sight(values.clamp(min=0).sqrt())
