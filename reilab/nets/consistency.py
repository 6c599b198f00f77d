"""The step that brings an image nearer to what was measured of it."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from reilab.physics.base import Physics


def round_trip(x: Tensor, physics: Physics, dtype: torch.dtype) -> Tensor:
    """A†A(x) for images (B, C, H, W), computed in ``dtype`` also under mixed precision."""
    # Short numbers are for convolutions alone: differences of measurements drown in them.
    with torch.autocast(x.device.type, enabled=False):
        return physics.pinv(physics(x.to(dtype)))


class ConsistencyStep(nn.Module):
    """x ← x + λ (A†y − A†A(x)) for images (B, C, H, W), with a learned λ > 0.

    With λ = 1, and A†A a projection, the measured part of x becomes that of A†y, noise and all; a
    smaller λ keeps something of what the network made of it. Where A† is no pseudo-inverse, as the
    filtered back-projection of CT, or A not linear, it is a step of a fixed-point iteration.

    >>> from reilab.physics import PixelMask
    >>> physics, y = PixelMask((1, 8, 8), torch.arange(32)), torch.ones(1, 1, 32)
    >>> ConsistencyStep(step=0.5)(torch.zeros(1, 1, 8, 8), physics, physics.pinv(y)).shape
    torch.Size([1, 1, 8, 8])
    """

    def __init__(self, step: float = 1.0) -> None:
        super().__init__()
        if step <= 0:
            raise ValueError(f"step = {step} must be above 0: images would leave the measurements")
        # The inverse of softplus, whose values are positive whatever the optimiser does.
        self.raw_step = nn.Parameter(torch.tensor(math.log(math.expm1(step))))

    @property
    def step(self) -> Tensor:
        """λ."""
        return nn.functional.softplus(self.raw_step)

    def forward(self, x: Tensor, physics: Physics, start: Tensor) -> Tensor:
        """One step from x, given start = A†y; the operator works in the format of ``start``."""
        left = start - round_trip(x, physics, start.dtype)
        return x.to(start.dtype) + self.step.to(start.dtype) * left
