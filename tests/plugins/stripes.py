"""A noise model and a group in one file outside the package, as an inventor would write them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from reilab.groups import Group, group
from reilab.key import Streams
from reilab.noise import Estimator, Noise, Steps, mean, noise_model, normal_like


@dataclass(frozen=True)
class Stripes:
    """Gaussian noise of deviation σ, and 2σ in every second entry; SURE with either variance."""

    sigma: float
    tau: float = 1e-2

    @property
    def level(self) -> float:
        return self.sigma

    def at(self, level: float) -> Stripes:
        return Stripes(level, self.tau)

    def sample(self, u: Tensor, rng: Streams) -> Tensor:
        return u + self._deviations(u) * normal_like(u, rng)

    def sure(self, y: Tensor, h: Estimator, hy: Tensor, rng: Streams) -> Tensor:
        b, variance = normal_like(y, rng), self._deviations(y) ** 2
        slope = mean(variance * b * (h(y + self.tau * b) - hy)) / self.tau
        return mean((y - hy) ** 2) - mean(variance.expand_as(y)) + 2 * slope

    def _deviations(self, y: Tensor) -> Tensor:
        odd = torch.arange(y.shape[-1], device=y.device) % 2
        return (self.sigma * (1 + odd)).to(y.dtype)


@noise_model("stripes", level="sigma", variance=lambda s, g, u: 2.5 * s**2, signed=True)
def stripes(sigma: float, gamma: float, steps: Steps) -> Noise:
    """Every second entry is twice as noisy."""
    return Stripes(sigma, steps.tau)


@dataclass(frozen=True)
class UpsideDown:
    """Mirror images, top to bottom; g (n, 1) has no choice."""

    def sample(self, n: int, rng: torch.Generator) -> Tensor:
        return torch.randint(1, 2, (n, 1), generator=rng)

    def act(self, g: Tensor, x: Tensor) -> Tensor:
        return x.flip(2).repeat(len(g), 1, 1, 1)

    def inverse(self, g: Tensor) -> Tensor:
        return g


@group("upside-down")
def upside_down(size: int) -> Group:
    """Whatever the side."""
    return UpsideDown()
