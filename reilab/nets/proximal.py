"""An unrolled network whose steps solve for the measurements instead of going towards them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from reilab.key import Key
from reilab.nets.registry import network
from reilab.nets.unrolled import STAGES, NStages, StageKind, StageLayers, StageWidth
from reilab.physics.base import LinearPhysics, Physics
from reilab.physics.part import (
    LinearPhysicsPart,
    LinearTurnedPhysics,
    PhysicsPart,
    TurnedPhysics,
    whole_of,
)
from reilab.physics.transmission import Transmission
from reilab.settings import Setting

#: The logarithm of λ is so many times a parameter: it has decades to go, and weights tenths.
HASTE = 10.0
#: Steps of the power method for the largest singular value of an operator.
POWER_STEPS = 20


class ProximalStep(nn.Module):
    """x ← argmin_z ‖L z − ℓ‖² + λ ‖L‖² ‖z − x‖² for images (B, C, H, W), with a learned λ > 0.

    L is the linear part of the operator and ℓ what was measured through it; L z is brought to ℓ
    where singular values are large against λ, and left as x has it where they are small. Equal to
    x + Lᵀ (L Lᵀ + λ ‖L‖²)⁻¹ (ℓ − L x), so that the null space of L stays as it is.

    Args:
        damping: λ before training; the more noise, the larger.
        iterations: of conjugate gradients, for the inverse and for its gradient.

    >>> from reilab.physics import PixelMask
    >>> physics, y = PixelMask((1, 8, 8), torch.arange(32)), torch.ones(1, 1, 32)
    >>> ProximalStep(damping=0.1, iterations=4)(torch.zeros(1, 1, 8, 8), physics, y).shape
    torch.Size([1, 1, 8, 8])
    """

    def __init__(self, damping: float, iterations: int) -> None:
        super().__init__()
        if damping <= 0:
            raise ValueError(f"damping = {damping} must be above 0: noise would be magnified")
        self.log_damping = nn.Parameter(torch.tensor(math.log(damping) / HASTE))
        self.iterations = iterations

    @property
    def damping(self) -> Tensor:
        """λ."""
        return torch.exp(HASTE * self.log_damping)

    def forward(self, x: Tensor, linear: LinearPhysics, lines: Tensor) -> Tensor:
        """One step from x, given ℓ; the operator works in the format of ``lines``."""
        # Short numbers are for convolutions alone: differences of measurements drown in them.
        with torch.autocast(lines.device.type, enabled=False):
            x = x.to(lines.dtype)
            # Of the operator that it is a part of: λ means the same for all of its parts.
            norm = squared_norm(whole_of(linear), lines.device, lines.dtype)  # type: ignore[arg-type]
            shift = self.damping.to(lines.dtype) * norm
            left = lines - linear(x)
            solved: Tensor = _Solve.apply(left, shift, linear, self.iterations)
            moved: Tensor = x + linear.adjoint(solved)
        return moved


class Proximal(nn.Module):
    """Networks of images in turns with proximal steps: P₀(0), then xₖ = Pₖ(Cₖ(xₖ₋₁)).

    Args:
        stages: the Cₖ from (B, C, H, W) to the same shape.
        damping: λ of each step before training.
        iterations: of conjugate gradients in each step.

    >>> from reilab.nets.unrolled import Stage
    >>> from reilab.physics import PixelMask
    >>> physics, y = PixelMask((1, 8, 8), torch.arange(32)), torch.ones(1, 1, 32)
    >>> Proximal([Stage(1, width=8)], damping=0.1, iterations=4)(y, physics, physics.pinv(y)).shape
    torch.Size([1, 1, 8, 8])
    """

    def __init__(self, stages: Sequence[nn.Module], damping: float, iterations: int) -> None:
        super().__init__()
        self.stages = nn.ModuleList(stages)
        self.first = ProximalStep(damping, iterations)
        self.steps = nn.ModuleList(ProximalStep(damping, iterations) for _ in stages)

    def forward(self, y: Tensor, physics: Physics, start: Tensor) -> Tensor:
        """Images (B, C, H, W) from measurements y; of ``start`` it takes the shape alone."""
        linear, lines = linear_part(physics, y)
        x: Tensor = self.first(torch.zeros_like(start), linear, lines)
        for stage, step in zip(self.stages, self.steps, strict=True):
            x = step(stage(x), linear, lines)
        return x


def linear_part(physics: Physics, y: Tensor) -> tuple[LinearPhysics, Tensor]:
    """The linear operator in ``physics``, and what y says was measured through it.

    Raises:
        ValueError: an operator that is neither linear nor known to have such a part.
    """
    if isinstance(physics, Transmission):
        return physics.radon, physics.integrals(y)
    if isinstance(physics, LinearPhysics):
        return physics, y
    if isinstance(physics, PhysicsPart):
        linear, lines = linear_part(physics.whole, physics.filled(y))
        return LinearPhysicsPart(linear, physics.places), lines.index_select(-1, physics.places)
    if isinstance(physics, TurnedPhysics):
        linear, lines = linear_part(physics.whole, y)
        return LinearTurnedPhysics(linear, physics.turn, physics.back), lines
    raise ValueError(
        f"network = proximal needs an operator with an adjoint, {type(physics).__name__} has none; "
        "choose network = unrolled"
    )


@lru_cache(maxsize=8)
@torch.no_grad()
def squared_norm(linear: LinearPhysics, device: torch.device, dtype: torch.dtype) -> float:
    """‖L‖², the largest eigenvalue of L Lᵀ, by the power method in the operator's own format."""
    x = torch.rand(1, *linear.domain, generator=Key(0).generator()).to(device, dtype)
    y = linear(x)
    for _ in range(POWER_STEPS):
        y = linear(linear.adjoint(y / y.norm()))
    return float(y.norm())


class _Solve(torch.autograd.Function):
    """(L Lᵀ + shift)⁻¹ r by conjugate gradients; the gradient by the same of the gradient.

    The matrix is symmetric, so what goes backward solves one more system and no step is kept.
    """

    @staticmethod
    def forward(
        ctx: Any, right: Tensor, shift: Tensor, linear: LinearPhysics, n_iterations: int
    ) -> Tensor:
        solved = conjugate_gradients(linear, shift, right, n_iterations)
        ctx.save_for_backward(shift, solved)
        ctx.linear, ctx.n_iterations = linear, n_iterations
        return solved

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        shift, solved = ctx.saved_tensors
        back = conjugate_gradients(ctx.linear, shift, gradient, ctx.n_iterations)
        return back, -(back * solved).sum(), None, None


@torch.no_grad()
def conjugate_gradients(
    linear: LinearPhysics, shift: Tensor, right: Tensor, n_iterations: int
) -> Tensor:
    """The solution z of (L Lᵀ + shift) z = right (B, *range), each sample as if it were alone.

    Hestenes & Stiefel 1952, from z = 0. What is solved before the iterations end stays.
    """
    solved = torch.zeros_like(right)
    left = direction = right
    energy = _dot(left, left)
    for _ in range(n_iterations):
        image = linear(linear.adjoint(direction)) + shift * direction
        length = energy / _at_least_tiny(_dot(direction, image))
        solved = solved + length * direction
        left = left - length * image
        before, energy = energy, _dot(left, left)
        direction = left + energy / _at_least_tiny(before) * direction
    return solved


def _dot(a: Tensor, b: Tensor) -> Tensor:
    product = (a * b).flatten(1).sum(1)
    return product.view(-1, *[1] * (a.ndim - 1))


def _at_least_tiny(energy: Tensor) -> Tensor:
    return energy.clamp(min=torch.finfo(energy.dtype).tiny)


@network("proximal", title="Unrolled, proximal steps")
@dataclass(frozen=True)
class ProximalSpec:
    """Small networks in turns with steps that solve for what A has seen: CT, where A† is rough.

    x₀ = P₀(0), xₖ = Pₖ(Cₖ(xₖ₋₁)), P(x) = argmin_z ‖L z − ℓ‖² + λ ‖L‖² ‖z − x‖².

    >>> net = ProximalSpec(stages=2, width=8).build(channels=1)
    >>> sum(weights.numel() for weights in net.parameters())
    2645
    """

    stages: NStages = 3
    stage: StageKind = "convolutions"
    width: StageWidth = 32
    layers: StageLayers = 4
    damping: Annotated[
        float,
        Setting(
            "Squared singular values below this share of the largest are left to the networks.",
            positive=True,
            slider=(1e-4, 1.0),
            log=True,
        ),
    ] = 0.02
    iterations: Annotated[
        int, Setting("Conjugate gradients in each step towards the measurements.", low=1, high=100)
    ] = 8

    def build(self, channels: int) -> nn.Module:
        make = STAGES[self.stage]
        stages = [make(channels, self.width, self.layers) for _ in range(self.stages)]
        return Proximal(stages, self.damping, self.iterations)
