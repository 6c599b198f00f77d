"""Speckle: noise that multiplies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from torch import Tensor

from reilab.key import Streams
from reilab.noise.base import HIGHEST, Noise, SignalDependent, Step
from reilab.noise.draws import gamma_like
from reilab.noise.registry import Steps, noise_model
from reilab.settings import Setting


@dataclass(frozen=True)
class Gamma(SignalDependent, by="gain"):
    """y = u g, where g is gamma-distributed with mean 1 and variance γ: speckle of L = 1/γ looks.

    The variance is γu²; negative u count as 0. With t of density L tᴸ⁻¹ on (0, 1),

        E[uᵢ hᵢ(y)] = E[yᵢ hᵢ(y − (1 − t) yᵢ eᵢ)]

    (integration by parts, as for any exponential family: Hudson 1978; Raphan & Simoncelli 2011),
    which takes h entry by entry. This is its expansion in 1 − t, of mean 1/(L + 1): the first
    order is exact for linear h, the second, with w = 2γ²y³ / ((1 + γ)(1 + 2γ)), for quadratic h.
    It costs two more evaluations, and is left out unless ``curvature_tau`` gives its step.

    SURE(y) = (1/m) ‖y − h(y)‖² − mean(v) + (2/m) Σ vᵢ ∂ᵢhᵢ(y) − (1/m) Σ wᵢ ∂ᵢ²hᵢ(y) with
    v = y² γ/(1 + γ). For h(y) = y the risk is γu²:

    >>> import torch
    >>> from reilab.key import Key
    >>> noise, rng = Gamma(gain=0.25), Key(0).streams(range(2))
    >>> y = noise.sample(2 * torch.ones(2, 1, 100, 100), rng)
    >>> noise.sure(y, lambda y: y, y, rng).round(decimals=1)
    tensor([1., 1.])
    """

    gain: Annotated[float, Setting("Variance γ of a value of 1.", low=1 / HIGHEST, high=HIGHEST)]
    tau: Step = 1e-2
    curvature_tau: float | None = None

    @property
    def multipliers(self) -> Mapping[str, float]:
        return {"gain": self.gain / (1 + self.gain)}

    def having(self, multipliers: Mapping[str, Tensor]) -> Noise:
        share = multipliers["gain"]
        # No γ has a share of 1 or more, which ascent may come to.
        return replace(self, gain=share / (1 - share).clamp(min=1 / HIGHEST))  # type: ignore[arg-type]

    def shares(self, y: Tensor) -> Sequence[Tensor]:
        return (y**2,)

    def sample(self, u: Tensor, rng: Streams) -> Tensor:
        return u.clamp(min=0) * self.gain * gamma_like(u, 1 / self.gain, rng)

    def recorrupt(self, y: Tensor, alpha: float, rng: Streams) -> Tensor:
        # The share of the one, left / (left + taken), is beta-distributed.
        left, taken = (gamma_like(y, one / self.gain, rng) for one in (1 - alpha, alpha))
        return y * left / ((left + taken) * (1 - alpha))

    def variance(self, y: Tensor) -> Tensor:
        return self.gain / (1 + self.gain) * y**2

    def bend(self, y: Tensor) -> Tensor:
        return 2 * self.gain**2 / ((1 + self.gain) * (1 + 2 * self.gain)) * y**3


@noise_model("gamma", level="gamma", variance=lambda sigma, gamma, u: gamma * u**2, unit_range=True)
def gamma(sigma: float, gamma: float, steps: Steps) -> Noise:
    """Speckle of 1/gamma looks."""
    return Gamma(gamma, steps.tau, steps.curvature or None)
