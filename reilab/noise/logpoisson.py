"""The logarithm of counts."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor

from reilab.key import Streams
from reilab.noise.base import HIGHEST, Noise, Unestimated
from reilab.noise.draws import MOST_PHOTONS, photons
from reilab.noise.registry import Steps, noise_model
from reilab.settings import Setting


@dataclass(frozen=True)
class LogPoisson(Unestimated, by="gain"):
    """y = −log(γ max(n, 1)) with counts n ~ Poisson(exp(−u)/γ): attenuation, 1/γ photons sent out.

    The variance is about γ exp(u), for many photons; no count at all is taken for one.

    >>> from reilab.key import Key
    >>> y = LogPoisson(gain=1e-4).sample(torch.ones(1, 100_000), Key(0).streams([0]))
    >>> (y.var() / 1e-4).round(decimals=1)
    tensor(2.7000)
    """

    gain: Annotated[float, Setting("Of 1/γ photons sent out.", low=1 / MOST_PHOTONS, high=HIGHEST)]
    no_sure: ClassVar[str] = "no function of a count is the logarithm of its rate in the mean"

    def sample(self, u: Tensor, rng: Streams) -> Tensor:
        counts = photons(torch.exp(-u) / self.gain, rng)
        return -(self.gain * counts.clamp(min=1)).log()


def moments(gamma: float, u: float) -> tuple[float, float]:
    """Mean and variance, summed over the counts that come about."""
    rate = min(math.exp(-u) / gamma, MOST_PHOTONS)
    spread = 12 * math.sqrt(rate) + 40
    n = torch.arange(max(0, int(rate - spread)), int(rate + spread), dtype=torch.float64)
    chance = torch.exp(n * math.log(rate) - rate - torch.lgamma(n + 1))
    chance /= chance.sum()
    y = -(gamma * n.clamp(min=1)).log()
    mean = (chance * y).sum()
    return float(mean), float((chance * (y - mean) ** 2).sum())


@noise_model(
    "log-poisson",
    level="gamma",
    mean=lambda sigma, gamma, u: moments(gamma, u)[0],
    variance=lambda sigma, gamma, u: moments(gamma, u)[1],
    unit_range=True,
)
def log_poisson(sigma: float, gamma: float, steps: Steps) -> Noise:
    """Attenuation by counts, 1/gamma photons sent out."""
    return LogPoisson(gamma)
