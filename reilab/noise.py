"""Noise models, each with Stein's unbiased estimate of the risk it leaves behind.

With u = A(x) the noise-free measurement, y its noisy version and h = A∘f, every model keeps the one
promise E[sure(y, h, h(y))] = E[(1/m) ‖h(y) − u‖²], m the number of measured entries. ``sure``
never sees u. Derivatives of h are taken by finite differences of step ``tau`` along random probes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor

from reilab.key import Streams
from reilab.registry import Registry, Those
from reilab.settings import Setting, choose, override

#: Higher rates are not drawn: on GPUs the generator counts in 32 bits.
MOST_PHOTONS = 4e9

#: The highest level: losses take its fourth power, and float32 ends at 3e38.
HIGHEST = 1e9

#: h = A∘f: the measurement that the reconstruction of y would have.
Estimator = Callable[[Tensor], Tensor]


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
        """The risk estimate of each sample, (B,); ``hy`` is h(y), already at hand."""
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
        b = sign_like(y, rng)
        slope = b * (h(y + self.model.tau * b) - hy) / self.model.tau
        divergences = torch.stack([mean(w * slope) for w in self.model.shares(y)], dim=1)
        return mean((y - hy) ** 2) + 2 * divergences @ self.theta

    @property
    def _model(self) -> Noise:
        names = self.model.multipliers
        return self.model.having(dict(zip(names, self.theta.detach(), strict=True)))


@dataclass(frozen=True)
class Gaussian:
    """y = u + N(0, σ²). SURE: Stein 1981; by probes: Ramani et al. 2008.

    SURE(y) = (1/m) ‖y − h(y)‖² − σ² + (2σ²/m) div h(y). For h(y) = y the risk is σ²:

    >>> from reilab.key import Key
    >>> noise, rng = Gaussian(sigma=1.0), Key(1).streams(range(2))
    >>> y = noise.sample(torch.zeros(2, 1, 100, 100), rng)
    >>> noise.sure(y, lambda y: y, y, rng).round(decimals=1)
    tensor([1., 1.])
    """

    sigma: Annotated[float, Setting("Standard deviation.", low=0.0, high=HIGHEST)]
    tau: Annotated[float, Setting("Finite-difference step.", positive=True)] = 1e-2

    @property
    def level(self) -> float:
        return self.sigma

    def at(self, level: float) -> Gaussian:
        return override(self, {"sigma": level})

    @property
    def multipliers(self) -> Mapping[str, float]:
        return {"sigma": self.sigma**2}

    def having(self, multipliers: Mapping[str, Tensor]) -> Noise:
        return replace(self, sigma=multipliers["sigma"].sqrt())  # type: ignore[arg-type]

    def shares(self, y: Tensor) -> Sequence[Tensor]:
        return (torch.ones_like(y),)

    def sample(self, u: Tensor, rng: Streams) -> Tensor:
        return u + self.sigma * normal_like(u, rng)

    def sure(self, y: Tensor, h: Estimator, hy: Tensor, rng: Streams) -> Tensor:
        b = normal_like(y, rng)
        slope = mean(b * (h(y + self.tau * b) - hy)) / self.tau
        return mean((y - hy) ** 2) - self.sigma**2 + 2 * self.sigma**2 * slope


@dataclass(frozen=True)
class Poisson:
    """y = γ Poisson(u/γ), variance γu; negative rates count as 0.

    The exact estimate holds h(y − γeᵢ), one entry at a time; this one is its Taylor expansion
    (Le Montagner et al. 2014). The first order is exact for linear h; the second,
    −(1/m) Σ γ²yᵢ ∂ᵢ²hᵢ, costs two more evaluations of h and is left out unless ``curvature_tau``
    gives its step.

    SURE(y) = (1/m) ‖y − h(y)‖² − γ mean(y) + (2γ/m) Σ yᵢ ∂ᵢhᵢ(y). For h(y) = y the risk is γu:

    >>> from reilab.key import Key
    >>> noise, rng = Poisson(gain=0.5), Key(0).streams(range(2))
    >>> y = noise.sample(torch.ones(2, 1, 100, 100), rng)
    >>> noise.sure(y, lambda y: y, y, rng).round(decimals=1)
    tensor([0.5000, 0.5000])
    """

    gain: Annotated[float, Setting("Gain γ.", positive=True, high=HIGHEST)]
    tau: Annotated[float, Setting("Finite-difference step.", positive=True)] = 1e-2
    curvature_tau: float | None = None

    @property
    def level(self) -> float:
        return self.gain

    def at(self, level: float) -> Poisson:
        return override(self, {"gain": level})

    @property
    def multipliers(self) -> Mapping[str, float]:
        return {"gain": self.gain}

    def having(self, multipliers: Mapping[str, Tensor]) -> Noise:
        return replace(self, gain=multipliers["gain"])  # type: ignore[arg-type]

    def shares(self, y: Tensor) -> Sequence[Tensor]:
        return (y,)

    def sample(self, u: Tensor, rng: Streams) -> Tensor:
        return self.gain * photons(u / self.gain, rng)

    def sure(self, y: Tensor, h: Estimator, hy: Tensor, rng: Streams) -> Tensor:
        b = sign_like(y, rng)
        slope = mean(b * y * (h(y + self.tau * b) - hy)) / self.tau
        first = mean((y - hy) ** 2) - self.gain * mean(y) + 2 * self.gain * slope
        if self.curvature_tau is None:
            return first
        return first - curvature(y, h, hy, self.gain**2 * y, rng, self.curvature_tau)


@dataclass(frozen=True)
class PoissonGaussian:
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
    tau: Annotated[float, Setting("Finite-difference step.", positive=True)] = 1e-2
    curvature_tau: float | None = None

    @property
    def level(self) -> float:
        return self.gain

    def at(self, level: float) -> PoissonGaussian:
        return override(self, {"gain": level})

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

    def sure(self, y: Tensor, h: Estimator, hy: Tensor, rng: Streams) -> Tensor:
        b = sign_like(y, rng)
        variance = self.gain * y + self.sigma**2
        slope = mean(b * variance * (h(y + self.tau * b) - hy)) / self.tau
        first = mean((y - hy) ** 2) - mean(variance) + 2 * slope
        if self.curvature_tau is None:
            return first
        weight = 2 * self.sigma**2 * self.gain + self.gain**2 * y
        return first - curvature(y, h, hy, weight, rng, self.curvature_tau)


#: How ``Steps`` are counted.
COUNTED = ("units", "deviations")
#: The settings of a task that are ``Steps``.
TAU = Setting("Step of SURE's finite differences, counted as tau_in says.", positive=True)
TAU_IN = Setting(
    "What tau and curvature count: units of y, or standard deviations of the noise where u is "
    "brightest.",
    choices=COUNTED,
)
CURVATURE = Setting(
    "Step of SURE's second-order term, counted as tau_in says, for Poisson and mixed noise; it "
    "costs two more evaluations, and 0 leaves it out.",
    low=0.0,
)


@dataclass(frozen=True)
class Steps:
    """Steps of SURE's finite differences; without a ``curvature`` there is no second order.

    Args:
        tau: of the first order.
        counted: in units of the measurement, or in standard deviations of the noise.
        curvature: of the second order, 0 without it.

    >>> Steps(0.1, counted="deviations").scaled(deviation=5.0)
    Steps(tau=0.5, counted='units', curvature=0.0)
    """

    tau: float
    counted: str = "units"
    curvature: float = 0.0

    def scaled(self, deviation: float) -> Steps:
        """The same in units of the measurement, where the noise has that standard deviation.

        Without noise the estimate gives the derivative no weight, and any step will do.
        """
        if self.counted == "units" or deviation == 0:
            return Steps(self.tau, "units", self.curvature)
        return Steps(self.tau * deviation, "units", self.curvature * deviation)


@dataclass(frozen=True)
class Model:
    """A noise model as a setting of a task.

    Args:
        name: what the setting ``noise_model`` calls it.
        level: the setting that is its level, ``sigma`` or ``gamma``.
        variance: that of the noise of these σ and γ at the noise-free value u.
        signed: whether noise-free values may be below zero, as in k-space.
        spec: makes the noise of these σ, γ and steps in units of the measurement.

    >>> NOISES["mixed"].variance(2.0, 0.5, 10.0)
    9.0
    """

    name: str
    level: str
    variance: Callable[[float, float, float], float]
    signed: bool
    spec: Callable[[float, float, Steps], Noise]

    def counts(self, name: str) -> bool:
        """Whether it matters what ``sigma``, or ``gamma``, is.

        >>> [NOISES["poisson"].counts(name) for name in ("sigma", "gamma")]
        [False, True]
        """
        sigma, gamma = (2.0 if name == one else 1.0 for one in ("sigma", "gamma"))
        return bool(self.variance(sigma, gamma, 1.0) != self.variance(1.0, 1.0, 1.0))


#: Noise models by name.
NOISES: Registry[Model] = Registry("noise model", "reilab.noise", "reilab.noises")
Make = TypeVar("Make", bound=Callable[[float, float, Steps], Noise])


def noise_model(
    name: str,
    *,
    level: str,
    variance: Callable[[float, float, float], float],
    signed: bool = False,
) -> Callable[[Make], Make]:
    """Decorator: register a function ``(sigma, gamma, steps) -> Noise`` as a noise model.

    Every task whose setting ``noise_model`` takes any model offers it; see ``Model``.

    Raises:
        ValueError: the name is taken, or the level is neither ``sigma`` nor ``gamma``.
    """
    choose(f"level of the noise model {name!r}", level, ("sigma", "gamma"))

    def register(make: Make) -> Make:
        NOISES.add(Model(name, level, variance, signed, make))
        return make

    return register


@noise_model("gaussian", level="sigma", variance=lambda sigma, gamma, u: sigma**2, signed=True)
def gaussian(sigma: float, gamma: float, steps: Steps) -> Noise:
    """Of deviation σ.

    Raises:
        ValueError: steps of a second order that there is not.
    """
    if steps.curvature:
        raise ValueError(
            f"curvature = {steps.curvature:g}, but SURE of Gaussian noise has no second order: "
            "set it to 0"
        )
    return Gaussian(sigma, steps.tau)


@noise_model("poisson", level="gamma", variance=lambda sigma, gamma, u: gamma * u)
def poisson(sigma: float, gamma: float, steps: Steps) -> Noise:
    """Of gain γ."""
    return Poisson(gamma, steps.tau, steps.curvature or None)


@noise_model("mixed", level="gamma", variance=lambda sigma, gamma, u: gamma * u + sigma**2)
def mixed(sigma: float, gamma: float, steps: Steps) -> Noise:
    """Both."""
    return PoissonGaussian(sigma, gamma, steps.tau, steps.curvature or None)


#: The setting ``noise_model``.
NOISE_MODEL = Setting(
    "Noise: gaussian, of deviation sigma; poisson, of gain gamma; mixed, both; or a plug-in's.",
    choices=NOISES,
)
#: The same where measurements are signed.
SIGNED_NOISE_MODEL = Setting(
    "Noise: those models that know negative values, as k-space has; counts have none.",
    choices=Those(NOISES, lambda model: model.signed),
)


def make_noise(model: str, sigma: float, gamma: float, steps: Steps, peak: float = 1.0) -> Noise:
    """The noise model of that name.

    Args:
        model: a name in ``NOISES``.
        sigma: standard deviation of the Gaussian part, where there is one.
        gamma: gain of the Poisson part, where there is one.
        steps: of SURE.
        peak: the brightest noise-free value, where deviations are counted.

    Raises:
        ValueError: an unknown model, a second-order step for one that has none, a σ or γ above
            ``HIGHEST``, or so small a γ that there are more photons than can be drawn.
    """
    chosen = NOISES.find(model)
    for name, level in (("sigma", sigma), ("gamma", gamma)):
        if level > HIGHEST:
            raise ValueError(f"{name} = {level:g} is too large; the most is {HIGHEST:g}")
    if chosen.level == "gamma" and peak >= gamma * MOST_PHOTONS:
        raise ValueError(
            f"gamma = {gamma:g} is too small: {peak:g} would be more photons than can be drawn; "
            f"choose more than {peak / MOST_PHOTONS:g}"
        )
    deviation = math.sqrt(chosen.variance(sigma, gamma, peak))
    return chosen.spec(sigma, gamma, steps.scaled(deviation))


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


def mean(values: Tensor) -> Tensor:
    """The mean over all entries of each sample, (B,)."""
    return values.flatten(1).mean(1)


def normal_like(y: Tensor, rng: Streams) -> Tensor:
    """Independent N(0, 1) entries in the shape of y."""
    return _shared_out(
        lambda p, own: torch.randn(p.shape, generator=own, device=p.device, dtype=p.dtype), y, rng
    )


def uniform_like(y: Tensor, rng: Streams) -> Tensor:
    """Independent entries from [0, 1) in the shape of y."""
    return _shared_out(
        lambda p, own: torch.rand(p.shape, generator=own, device=p.device, dtype=p.dtype), y, rng
    )


def sign_like(y: Tensor, rng: Streams) -> Tensor:
    """Independent entries ±1 in the shape of y."""
    return torch.where(uniform_like(y, rng) < 0.5, -1.0, 1.0).to(y.dtype)


def photons(rate: Tensor, rng: Streams) -> Tensor:
    """Poisson counts of the given rates; negative rates count as 0.

    Rates that are not finite, or beyond ``MOST_PHOTONS``, give NaN. The gradient of counts is 0.
    """
    # Torch would raise, on a GPU for good, or its integers overflow; NaN ends this method alone.
    rate = rate.clamp(min=0)
    countable = rate < MOST_PHOTONS
    counts = _shared_out(
        lambda p, own: torch.poisson(p, generator=own), rate.where(countable, 0), rng
    )
    return counts.where(countable, float("nan"))


def _shared_out(
    draw: Callable[[Tensor, torch.Generator], Tensor], batch: Tensor, rng: Streams
) -> Tensor:
    parts = torch.split(batch, len(batch) // len(rng))
    return torch.cat([draw(part, own) for part, own in zip(parts, rng, strict=True)])
