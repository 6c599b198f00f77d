"""White Gaussian noise."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from reilab.key import Streams
from reilab.noise.base import Estimator, Levelled, Noise, Sigma, Step
from reilab.noise.draws import mean, normal_like
from reilab.noise.registry import Steps, noise_model


@dataclass(frozen=True)
class Gaussian(Levelled, by="sigma"):
    """y = u + N(0, σ²). SURE: Stein 1981; by probes: Ramani et al. 2008.

    SURE(y) = (1/m) ‖y − h(y)‖² − σ² + (2σ²/m) div h(y). For h(y) = y the risk is σ²:

    >>> from reilab.key import Key
    >>> noise, rng = Gaussian(sigma=1.0), Key(1).streams(range(2))
    >>> y = noise.sample(torch.zeros(2, 1, 100, 100), rng)
    >>> noise.sure(y, lambda y: y, y, rng).round(decimals=1)
    tensor([1., 1.])
    """

    sigma: Sigma
    tau: Step = 1e-2

    @property
    def multipliers(self) -> Mapping[str, float]:
        return {"sigma": self.sigma**2}

    def having(self, multipliers: Mapping[str, Tensor]) -> Noise:
        return replace(self, sigma=multipliers["sigma"].sqrt())  # type: ignore[arg-type]

    def shares(self, y: Tensor) -> Sequence[Tensor]:
        return (torch.ones_like(y),)

    def draw(self, like: Tensor, rng: Streams) -> Tensor:
        """The noise of deviation 1."""
        return normal_like(like, rng)

    def sample(self, u: Tensor, rng: Streams) -> Tensor:
        return u + self.sigma * self.draw(u, rng)

    def recorrupt(self, y: Tensor, alpha: float, rng: Streams) -> Tensor:
        return y + math.sqrt(alpha / (1 - alpha)) * self.sigma * self.draw(y, rng)

    def sure(self, y: Tensor, h: Estimator, hy: Tensor, rng: Streams) -> Tensor:
        b = self.draw(y, rng)
        slope = mean(b * (h(y + self.tau * b) - hy)) / self.tau
        return mean((y - hy) ** 2) - self.sigma**2 + 2 * self.sigma**2 * slope


@noise_model("gaussian", level="sigma", variance=lambda sigma, gamma, u: sigma**2, signed=True)
def gaussian(sigma: float, gamma: float, steps: Steps) -> Noise:
    """White, of deviation sigma.

    Raises:
        ValueError: steps of a second order that there is not.
    """
    return Gaussian(sigma, steps.first_order("Gaussian"))
