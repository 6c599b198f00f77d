"""Counts of photons, read with Gaussian noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import torch
from torch import Tensor

from reilab.key import Streams
from reilab.noise.base import HIGHEST, Noise, SignalDependent, Step
from reilab.noise.draws import normal_like, photons
from reilab.noise.registry import Steps, noise_model
from reilab.settings import Setting


@dataclass(frozen=True)
class PoissonGaussian(SignalDependent, by="gain"):
    """y = γ Poisson(u/γ) + N(0, σ²), variance γu + σ² (Le Montagner et al. 2014; used by REI).

    E[uᵢ hᵢ(y)] = E[yᵢ hᵢ(y − γeᵢ) − σ² ∂ᵢhᵢ(y − γeᵢ)], expanded in γ. The first order is exact for
    linear h. The second, −(1/m) Σ (2σ²γ + γ²yᵢ) ∂ᵢ²hᵢ, corrects for curved h and costs two more
    evaluations of it; it is negligible at thousands of photons and left out unless
    ``curvature_tau`` gives its step. Le Montagner et al. keep only its part in σ², which suffices
    where 2σ² is large against γy.

    SURE(y) = (1/m) ‖y − h(y)‖² − mean(v) + (2/m) Σ vᵢ ∂ᵢhᵢ(y), v = γy + σ². For h(y) = y the risk
    is γu + σ²:

    >>> from reilab.key import Key
    >>> noise, rng = PoissonGaussian(sigma=1.0, gain=0.5), Key(0).streams(range(2))
    >>> y = noise.sample(torch.ones(2, 1, 100, 100), rng)
    >>> noise.sure(y, lambda y: y, y, rng).round(decimals=1)
    tensor([1.5000, 1.5000])
    """

    sigma: Annotated[
        float, Setting("Standard deviation of the Gaussian part.", low=0.0, high=HIGHEST)
    ]
    gain: Annotated[float, Setting("Gain γ of the Poisson part.", positive=True, high=HIGHEST)] = (
        1.0
    )
    tau: Step = 1e-2
    curvature_tau: float | None = None

    @property
    def multipliers(self) -> Mapping[str, float]:
        return {"sigma": self.sigma**2, "gain": self.gain}

    def having(self, multipliers: Mapping[str, Tensor]) -> Noise:
        own = {"sigma": multipliers["sigma"].sqrt(), "gain": multipliers["gain"]}
        return replace(self, **own)  # type: ignore[arg-type]

    def shares(self, y: Tensor) -> Sequence[Tensor]:
        return (torch.ones_like(y), y)

    def sample(self, u: Tensor, rng: Streams) -> Tensor:
        return self.gain * photons(u / self.gain, rng) + self.sigma * normal_like(u, rng)

    def variance(self, y: Tensor) -> Tensor:
        return self.gain * y + self.sigma**2

    def bend(self, y: Tensor) -> Tensor:
        return 2 * self.sigma**2 * self.gain + self.gain**2 * y


@noise_model("mixed", level="gamma", variance=lambda sigma, gamma, u: gamma * u + sigma**2)
def mixed(sigma: float, gamma: float, steps: Steps) -> Noise:
    """Counts of gain gamma, with Gaussian noise of deviation sigma."""
    return PoissonGaussian(sigma, gamma, steps.tau, steps.curvature or None)
