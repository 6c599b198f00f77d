"""Transmission CT: photons behind the object, after the law of Beer and Lambert."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from reilab.physics.radon import Radon


@dataclass(frozen=True, eq=False)
class Transmission:
    """A(x) = I₀ exp(−μ R x) in counts, for images in [0, 1].

    Args:
        radon: line integrals R in units of pixels.
        blank: I₀, the reading of a detector element without an object, in counts.
        attenuation: μ, attenuation per pixel of an image value of 1.
        floor: counts below it are raised to it before the logarithm is taken, because additive
            noise makes counts of zero and below.

    >>> from reilab.physics import parallel_beam
    >>> physics = Transmission(parallel_beam(size=8, views=4), blank=1e5, attenuation=0.1)
    >>> y = physics(torch.zeros(1, 1, 8, 8))
    >>> y.shape, float(y.max()), float(physics.integrals(y).max())
    (torch.Size([1, 1, 12, 4]), 100000.0, 0.0)
    """

    radon: Radon
    blank: float
    attenuation: float
    floor: float = 1.0

    @property
    def domain(self) -> tuple[int, int, int]:
        return self.radon.domain

    @property
    def range(self) -> tuple[int, int, int]:
        return self.radon.range

    def __call__(self, x: Tensor) -> Tensor:
        return self.blank * torch.exp(-self.attenuation * self.radon(x))

    def pinv(self, y: Tensor) -> Tensor:
        """Filtered back-projection of the line integrals."""
        return self.radon.pinv(self.integrals(y))

    def integrals(self, y: Tensor) -> Tensor:
        """Line integrals log(I₀ / max(y, floor)) / μ; without noise they are R x."""
        return (math.log(self.blank) - y.clamp(min=self.floor).log()) / self.attenuation
