"""Noise of a known kind and unknown strength, as UNSURE sees it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from reilab.key import Streams
from reilab.noise.base import Estimator, LearnableNoise, Noise
from reilab.noise.draws import mean


@dataclass(frozen=True, eq=False)
class UnknownNoise:
    """Noise of a known kind and unknown strength (UNSURE: Tachella, Davies & Jacques, ICLR 2025).

    SURE without what it takes off, (1/m) ‖y − h(y)‖² + (2/m) Σₖ θₖ Σᵢ wₖᵢ ∂ᵢhᵢ(y): the Lagrangian
    of fitting y under the constraint that the divergences vanish in the mean. The θₖ are its
    multipliers; where it is least in h and largest in θ, they are the strength of the noise, or
    more where y is the less predictable.

    Args:
        model: of what kind it is.
        theta: (K,), in the order of ``model.multipliers``; a derivative by them is their ascent.

    >>> from reilab.key import Key
    >>> from reilab.noise import Gaussian
    >>> y, rng = torch.ones(2, 1, 100, 100), Key(0).streams(range(2))
    >>> noise = UnknownNoise(Gaussian(sigma=1.0), torch.tensor([0.25]))
    >>> noise.sure(y, lambda y: y, y, rng).round(decimals=2)
    tensor([0.5000, 0.5000])
    """

    model: LearnableNoise
    theta: Tensor

    @property
    def level(self) -> float:
        return self._model.level

    def at(self, level: float) -> Noise:
        return self.model.at(level)

    def sample(self, u: Tensor, rng: Streams) -> Tensor:
        return self._model.sample(u, rng)

    def sure(self, y: Tensor, h: Estimator, hy: Tensor, rng: Streams) -> Tensor:
        b = self.model.probe(y, rng)
        slope = b * (h(y + self.model.tau * b) - hy) / self.model.tau
        divergences = torch.stack([mean(w * slope) for w in self.model.shares(y)], dim=1)
        return mean((y - hy) ** 2) + 2 * divergences @ self.theta

    @property
    def _model(self) -> Noise:
        names = self.model.multipliers
        return self.model.having(dict(zip(names, self.theta.detach(), strict=True)))
