"""Counts of photons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from torch import Tensor

from reilab.key import Streams
from reilab.noise.base import HIGHEST, Noise, SignalDependent, Step
from reilab.noise.draws import photons, thinned
from reilab.noise.registry import Steps, noise_model
from reilab.settings import Setting


@dataclass(frozen=True)
class Poisson(SignalDependent, by="gain"):
    """y = γ Poisson(u/γ), variance γu; negative rates count as 0.

    The exact estimate holds h(y − γeᵢ), one entry at a time; this one is its Taylor expansion
    (Le Montagner et al. 2014). The first order is exact for linear h; the second,
    −(1/m) Σ γ²yᵢ ∂ᵢ²hᵢ, costs two more evaluations of h and is left out unless ``curvature_tau``
    gives its step.

    SURE(y) = (1/m) ‖y − h(y)‖² − γ mean(y) + (2γ/m) Σ yᵢ ∂ᵢhᵢ(y). For h(y) = y the risk is γu:

    >>> import torch
    >>> from reilab.key import Key
    >>> noise, rng = Poisson(gain=0.5), Key(0).streams(range(2))
    >>> y = noise.sample(torch.ones(2, 1, 100, 100), rng)
    >>> noise.sure(y, lambda y: y, y, rng).round(decimals=1)
    tensor([0.5000, 0.5000])
    """

    gain: Annotated[float, Setting("Gain γ.", positive=True, high=HIGHEST)]
    tau: Step = 1e-2
    curvature_tau: float | None = None

    @property
    def multipliers(self) -> Mapping[str, float]:
        return {"gain": self.gain}

    def having(self, multipliers: Mapping[str, Tensor]) -> Noise:
        return replace(self, gain=multipliers["gain"])  # type: ignore[arg-type]

    def shares(self, y: Tensor) -> Sequence[Tensor]:
        return (y,)

    def sample(self, u: Tensor, rng: Streams) -> Tensor:
        return self.gain * photons(u / self.gain, rng)

    def recorrupt(self, y: Tensor, alpha: float, rng: Streams) -> Tensor:
        return (y - self.gain * thinned(y / self.gain, alpha, rng)) / (1 - alpha)

    def variance(self, y: Tensor) -> Tensor:
        return self.gain * y

    def bend(self, y: Tensor) -> Tensor:
        return self.gain**2 * y


@noise_model("poisson", level="gamma", variance=lambda sigma, gamma, u: gamma * u)
def poisson(sigma: float, gamma: float, steps: Steps) -> Noise:
    """Counts, of gain gamma."""
    return Poisson(gamma, steps.tau, steps.curvature or None)
