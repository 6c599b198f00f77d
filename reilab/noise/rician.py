"""The magnitude of complex values with Gaussian noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from reilab.key import Streams
from reilab.noise.base import Noise, Sigma, Unestimated
from reilab.noise.draws import normal_like
from reilab.noise.registry import Steps, noise_model


@dataclass(frozen=True)
class Rician(Unestimated, by="sigma"):
    """y = |u + n|, n complex with parts N(0, σ²): images of MRI by their magnitude.

    E[y²] = u² + 2σ², so y is too large in the mean, most where u is dark. Estimated is the risk of
    y² alone (Luisier, Blu & Wolfe 2012).

    >>> from reilab.key import Key
    >>> y = Rician(sigma=1.0).sample(torch.zeros(1, 100_000), Key(0).streams([0]))
    >>> y.square().mean().round(decimals=1)
    tensor(2.)
    """

    sigma: Sigma
    no_sure: ClassVar[str] = "that of the squared magnitude is all that is known"

    def sample(self, u: Tensor, rng: Streams) -> Tensor:
        parts = u + self.sigma * normal_like(u, rng), self.sigma * normal_like(u, rng)
        # Unlike a root it has a gradient at 0.
        size: Tensor = torch.linalg.vector_norm(torch.stack(parts), dim=0)
        return size


def rician_mean(sigma: float, gamma: float, u: float) -> float:
    """E[y] = σ √(π/2) L½(−u²/2σ²), the Laguerre function by Bessel's I₀ and I₁ (Rice 1945)."""
    if not sigma:
        return abs(u)
    t = torch.tensor((u / sigma) ** 2 / 4, dtype=torch.float64)
    laguerre = (1 + 2 * t) * torch.special.i0e(t) + 2 * t * torch.special.i1e(t)
    return float(sigma * (torch.pi / 2) ** 0.5 * laguerre)


@noise_model(
    "rician",
    level="sigma",
    mean=rician_mean,
    variance=lambda sigma, gamma, u: u**2 + 2 * sigma**2 - rician_mean(sigma, gamma, u) ** 2,
)
def rician(sigma: float, gamma: float, steps: Steps) -> Noise:
    """Of a magnitude, sigma in each of two parts."""
    return Rician(sigma)
