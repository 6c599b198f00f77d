"""The two parts of an image: what an operator measures of it, and what it loses.

The first is the orthogonal projection on the row space of A, which is what A sees, P = A†A; the
rest lies in the null space of A and leaves no trace in y. Split like that, an error tells what was
denoised from what was learned of the unseen.

Where singular values decay without a gap, as in tomography, “seen” takes a bound: of 64×64 pixels
in 16 views, 1,002 directions are seen with a tenth of the largest singular value or more, 1,186
with a hundredth, 1,287 at all. Such an operator sees here what ``STEPS`` steps of conjugate
gradients find; weak directions come last, and those not reached count as lost.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from reilab.key import Key
from reilab.physics.base import LinearPhysics, Physics

#: From images to images (B, C, H, W), or from measurements to measurements.
Map = Callable[[Tensor], Tensor]

#: Steps after which what an operator without an exact A† has not seen counts as lost.
STEPS = 20
#: The trace ‖A (x − z)‖ of the lost part that ends the iteration, as a share of ‖A x‖.
TOLERANCE = 1e-6
#: An operator whose A† fails its equations by less, relatively, has an exact one: float32 rounds.
ROUNDING = 1e-4


def same(x: Tensor) -> Tensor:
    """What it was given."""
    return x


@torch.no_grad()
def measured_part(
    physics: LinearPhysics,
    x: Tensor,
    precondition: Map = same,
    n_steps: int = 300,
    tolerance: float = TOLERANCE,
) -> Tensor:
    """A†A x of images (B, C, H, W): the projection on what A sees; x minus it leaves no trace in y.

    Conjugate gradients in float64 on A Aᵀ w = A x (Craig 1955), z = Aᵀ w: each z is the orthogonal
    projection of x on the directions found so far, so that ‖z‖² + ‖x − z‖² = ‖x‖² whenever it
    ends. One step is exact where A Aᵀ = I, as in MRI and inpainting.

    Args:
        physics: the operator, with numbers in float64 if it holds any (``Radon.double``).
        x: the images; each one is split as if it were alone.
        precondition: close to (A Aᵀ)⁻¹, symmetric and positive: the ramp filter in tomography.
        n_steps: the most that are taken.
        tolerance: ends it, see ``TOLERANCE``.
    """
    left = physics(x.double())
    found = torch.zeros_like(left)
    goal = tolerance**2 * _dot(left, left)
    steep = direction = precondition(left)
    energy = _dot(left, steep)
    for _ in range(n_steps):
        going = _dot(left, left) > goal
        if not going.any():
            break
        seen = physics.adjoint(direction)
        length = going * energy / _at_least_tiny(_dot(seen, seen))
        found = found + _scaled(length, direction)
        left = left - _scaled(length, physics(seen))
        steep = precondition(left)
        before, energy = energy, _dot(left, steep)
        direction = steep + _scaled(energy / _at_least_tiny(before), direction)
    return physics.adjoint(found).to(x.dtype)


def exact_projection(physics: Physics, like: Tensor) -> Map | None:
    """P = A†A of a linear operator whose ``pinv`` is its pseudo-inverse; ``None`` of any other.

    Such are those with A Aᵀ = I and A† = Aᵀ, as in MRI and inpainting. It is found out by trying,
    on two random images: P is linear and symmetric, and A P = A.

    Args:
        physics: any operator.
        like: a tensor of the format and on the device that it takes.
    """

    def project(x: Tensor) -> Tensor:
        return physics.pinv(physics(x))

    rng = (Key(0) / "nullspace").generator()
    drawn = torch.randn(2, *physics.domain, generator=rng, dtype=torch.float64)
    x, other = torch.split(drawn.to(like.device, like.dtype), 1)
    seen, of_other, of_sum = project(x), project(other), project(x + 2 * other)
    exact = (
        _alike(of_sum, seen + 2 * of_other)
        and _alike(physics(seen), physics(x))
        and abs(float((seen * other).sum() - (x * of_other).sum()))
        <= ROUNDING * float(x.norm() * other.norm())
    )
    return project if exact else None


def _alike(a: Tensor, b: Tensor) -> bool:
    return float((a - b).norm()) <= ROUNDING * float(b.norm())


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).flatten(1).sum(1)


def _scaled(factors: Tensor, images: Tensor) -> Tensor:
    return factors.view(-1, *[1] * (images.ndim - 1)) * images


def _at_least_tiny(energy: Tensor) -> Tensor:
    return energy.clamp(min=torch.finfo(energy.dtype).tiny)
