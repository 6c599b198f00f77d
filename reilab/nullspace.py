"""The two parts of an image: what a linear operator measures of it, and what it loses."""

from __future__ import annotations

import torch
from torch import Tensor

from reilab.physics.base import LinearPhysics

#: The residual Aᵀ(A x − A z) that ends the iteration, as a share of Aᵀ A x.
ENOUGH = 1e-6


@torch.no_grad()
def measured_part(physics: LinearPhysics, x: Tensor, n_iterations: int = 300) -> Tensor:
    """A†A x of images (B, C, H, W): the projection on what A sees; x minus it leaves no trace in y.

    Conjugate gradients on AᵀA z = AᵀA x from z = 0, which stay in the range of Aᵀ (CGLS: Hestenes &
    Stiefel 1952). One iteration is exact where A Aᵀ = I, as in MRI and inpainting. Where singular
    values are small, as in tomography, those dimensions come last: with few iterations they count
    as lost.
    """
    part = torch.zeros_like(x)
    slope = physics.adjoint(physics(x))
    direction, energy = slope, _energy(slope)
    goal = ENOUGH**2 * energy
    for _ in range(n_iterations):
        if (energy <= goal).all():
            break
        seen = physics(direction)
        length = energy / _energy(seen).clamp(min=torch.finfo(x.dtype).tiny)
        part = part + _scaled(length, direction)
        slope = slope - _scaled(length, physics.adjoint(seen))
        before, energy = energy, _energy(slope)
        ratio = energy / before.clamp(min=torch.finfo(x.dtype).tiny)
        direction = slope + _scaled(ratio, direction)
    return part


def _energy(x: Tensor) -> Tensor:
    return x.flatten(1).square().sum(1)


def _scaled(factors: Tensor, images: Tensor) -> Tensor:
    return factors.view(-1, 1, 1, 1) * images
