"""Additive noise within bounds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from reilab.key import Streams
from reilab.noise.base import Noise, Sigma, Unestimated
from reilab.noise.draws import uniform_like
from reilab.noise.registry import Steps, noise_model


@dataclass(frozen=True)
class Uniform(Unestimated, by="sigma"):
    """y = u + n, n anywhere between −a and a, a = √3 σ, so of variance σ²: rounding, for one.

    Its estimate is a series over y ± 2ka eᵢ, k = 1, 2, … (Raphan & Simoncelli 2011), which the
    range of y alone ends.

    >>> import torch
    >>> from reilab.key import Key
    >>> y = Uniform(sigma=1.0).sample(torch.zeros(1, 100_000), Key(0).streams([0]))
    >>> y.std().round(decimals=2), y.abs().max().round(decimals=2)
    (tensor(1.), tensor(1.7300))
    """

    sigma: Sigma
    no_sure: ClassVar[str] = "its estimate takes a series of evaluations for each entry of y"

    def sample(self, u: Tensor, rng: Streams) -> Tensor:
        return u + math.sqrt(3) * self.sigma * (2 * uniform_like(u, rng) - 1)


@noise_model("uniform", level="sigma", variance=lambda sigma, gamma, u: sigma**2, signed=True)
def uniform(sigma: float, gamma: float, steps: Steps) -> Noise:
    """Additive within ±√3 sigma, of deviation sigma."""
    return Uniform(sigma)
