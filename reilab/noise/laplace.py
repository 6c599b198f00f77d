"""Additive noise of heavy tails."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from reilab.key import Streams
from reilab.noise.base import Noise, Sigma, Unestimated
from reilab.noise.draws import exponential_like, sign_like
from reilab.noise.registry import Steps, noise_model


@dataclass(frozen=True)
class Laplace(Unestimated, by="sigma"):
    """y = u + n, n of density exp(−|n|/b) / 2b, b = σ/√2, so of variance σ².

    With n′ another such number, E[nᵢ hᵢ(y)] = σ² E[∂ᵢhᵢ(y + n′eᵢ)] (Raphan & Simoncelli 2011): the
    derivative is taken at another place for each entry.

    >>> import torch
    >>> from reilab.key import Key
    >>> y = Laplace(sigma=2.0).sample(torch.zeros(1, 100_000), Key(0).streams([0]))
    >>> y.std().round(decimals=1)
    tensor(2.)
    """

    sigma: Sigma
    no_sure: ClassVar[str] = "its estimate takes one more evaluation for each entry of y"

    def sample(self, u: Tensor, rng: Streams) -> Tensor:
        size = self.sigma / math.sqrt(2) * exponential_like(u, rng)
        return u + sign_like(u, rng) * size


@noise_model("laplace", level="sigma", variance=lambda sigma, gamma, u: sigma**2, signed=True)
def laplace(sigma: float, gamma: float, steps: Steps) -> Noise:
    """Additive of heavy tails, of deviation sigma."""
    return Laplace(sigma)
