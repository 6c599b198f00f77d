"""What a noise model is, and what models share: their level, Stein's formula, its second order."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, ClassVar, Protocol, Self, TypeAlias, runtime_checkable

import torch
from torch import Tensor

from reilab.key import Streams
from reilab.noise.draws import mean, sign_like, uniform_like
from reilab.settings import Setting, override

#: The highest level: losses take its fourth power, and float32 ends at 3e38.
HIGHEST = 1e9

#: h = A∘f: the measurement that the reconstruction of y would have.
Estimator = Callable[[Tensor], Tensor]
#: The deviation of additive noise, and the step of the first order.
Sigma: TypeAlias = Annotated[float, Setting("Standard deviation.", low=0.0, high=HIGHEST)]
Step: TypeAlias = Annotated[float, Setting("Finite-difference step.", positive=True)]


class Noise(Protocol):
    """A noise model; its ``level`` is the one number a person turns."""

    @property
    def level(self) -> float: ...

    def at(self, level: float) -> Noise:
        """The same model at another level.

        Raises:
            ValueError: a level that the model does not have.
        """
        ...

    def sample(self, u: Tensor, rng: Streams) -> Tensor:
        """A noisy version of u, same shape; ``rng`` lives on the device of u.

        With one generator per sample, a sample sees the same noise whatever else is in its batch.
        """
        ...

    def sure(self, y: Tensor, h: Estimator, hy: Tensor, rng: Streams) -> Tensor:
        """The risk estimate of each sample, (B,); ``hy`` is h(y), already at hand.

        Raises:
            ValueError: there is none, see ``Unestimated``.
        """
        ...


@runtime_checkable
class LearnableNoise(Noise, Protocol):
    """A noise of variance Σ θₖ wₖ(y), whose θₖ can be learned; see ``UnknownNoise``."""

    @property
    def tau(self) -> float: ...

    def at(self, level: float) -> LearnableNoise: ...

    @property
    def multipliers(self) -> Mapping[str, float]:
        """The θₖ by the settings that they belong to, that of ``level`` last."""
        ...

    def having(self, multipliers: Mapping[str, Tensor]) -> Noise:
        """The same model with other θₖ: its numbers are tensors then, and nobody waits for them."""
        ...

    def shares(self, y: Tensor) -> Sequence[Tensor]:
        """The wₖ, each a number or in the shape of y."""
        ...

    def probe(self, y: Tensor, rng: Streams) -> Tensor:
        """A probe in the shape of y whose covariance is the correlation of the noise."""
        ...


@runtime_checkable
class Recorruptible(Noise, Protocol):
    """A noise where y suffices to draw two measurements of u that are independent of each other.

    So it is in natural exponential families: the law of the two, given y, has no u in it (Monroy,
    Bacca & Tachella, Generalized Recorrupted-to-Recorrupted, CVPR 2025).
    """

    def recorrupt(self, y: Tensor, alpha: float, rng: Streams) -> Tensor:
        """The noisier y₁ of the two, with mean u; y₂ = (y − (1 − α) y₁)/α, and 0 < α < 1."""
        ...


@runtime_checkable
class Dependent(Noise, Protocol):
    """A noise of which one entry tells something of others."""

    def dependence(self, shape: tuple[int, ...]) -> str:
        """Why y (B, *shape), divided along its last axis, has no independent parts; or nothing."""
        ...


class Levelled:
    """A noise whose level is one of its settings, which the class names; signs probe its entries.

    >>> from reilab.noise import Laplace
    >>> Laplace(sigma=0.1).level, Laplace(sigma=0.1).at(0.2)
    (0.1, Laplace(sigma=0.2))
    """

    _by: ClassVar[str] = ""

    def __init_subclass__(cls, by: str = "", **others: object) -> None:
        super().__init_subclass__(**others)
        cls._by = by or cls._by

    @property
    def level(self) -> float:
        level: float = getattr(self, self._by)
        return level

    def at(self, level: float) -> Self:
        return override(self, {self._by: level})

    def probe(self, y: Tensor, rng: Streams) -> Tensor:
        return sign_like(y, rng)


class Unestimated(Levelled):
    """A noise whose risk a few evaluations of h do not estimate from y; ``no_sure`` says why.

    >>> from reilab.noise import Laplace
    >>> no_sure(Laplace(sigma=0.1))[:30]
    'its estimate takes one more ev'
    """

    no_sure: ClassVar[str]

    def sure(self, y: Tensor, h: Estimator, hy: Tensor, rng: Streams) -> Tensor:
        raise ValueError(f"{type(self).__name__} noise has no SURE: {self.no_sure}")


def no_sure(noise: Noise) -> str:
    """Why the risk of a noise cannot be estimated from y; empty where it can."""
    return noise.no_sure if isinstance(noise, Unestimated) else ""


#: What a loss term may need of the noise: why that of y (B, *shape) has none, or nothing. Before a
#: problem is built nobody knows the shape.
NEEDS: Mapping[str, Callable[[Noise, tuple[int, ...] | None], str]] = {
    "SURE": lambda noise, shape: no_sure(noise),
    "pairs": lambda noise, shape: (
        "" if isinstance(noise, Recorruptible) else "to draw them from y takes u, too"
    ),
    "independent parts": lambda noise, shape: (
        noise.dependence(shape) if shape and isinstance(noise, Dependent) else ""
    ),
}


class SignalDependent(Levelled):
    """A noise whose variance grows with u: first order of its SURE, and second if asked for.

    (1/m) ‖y − h(y)‖² − mean(v) + (2/m) Σ vᵢ ∂ᵢhᵢ(y) − (1/m) Σ wᵢ ∂ᵢ²hᵢ(y), the last where
    ``curvature_tau`` is the step of it.

    >>> from reilab.noise import Poisson
    >>> Poisson(gain=0.5).variance(torch.tensor(3.0)), Poisson(gain=0.5).bend(torch.tensor(3.0))
    (tensor(1.5000), tensor(0.7500))
    """

    tau: float
    curvature_tau: float | None

    def variance(self, y: Tensor) -> Tensor:
        """An unbiased estimate v of the variance of each entry."""
        raise NotImplementedError

    def bend(self, y: Tensor) -> Tensor:
        """The weight w of each second derivative."""
        raise NotImplementedError

    def sure(self, y: Tensor, h: Estimator, hy: Tensor, rng: Streams) -> Tensor:
        b, variance = sign_like(y, rng), self.variance(y)
        slope = mean(b * variance * (h(y + self.tau * b) - hy)) / self.tau
        first = mean((y - hy) ** 2) - mean(variance) + 2 * slope
        if self.curvature_tau is None:
            return first
        return first - curvature(y, h, hy, self.bend(y), rng, self.curvature_tau)


def curvature(
    y: Tensor,
    h: Estimator,
    hy: Tensor,
    weight: Tensor,
    rng: Streams,
    tau: float,
    kappa: float = 1.0,
) -> Tensor:
    """(1/m) Σᵢ wᵢ ∂²hᵢ/∂yᵢ² of each sample, (B,), by one probe.

    The probe has mean 0, variance 1 and third moment κ; only a skewed probe sees a second
    derivative, a symmetric one averages it away (Le Montagner et al. 2014).
    """
    p = 0.5 + 0.5 * kappa / math.sqrt(kappa**2 + 4)
    q = 1 - p
    low = uniform_like(y, rng) < p
    c = torch.where(low, -math.sqrt(q / p), math.sqrt(p / q)).to(y.dtype)
    second = h(y + tau * c) + h(y - tau * c) - 2 * hy
    return mean(weight * c * second) / (kappa * tau**2)
