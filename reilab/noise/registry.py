"""The registry of noise models: files of this package, installed plug-ins, and single files.

A model is a function that makes the noise of some σ, γ and steps::

    @noise_model("laplace", level="sigma", variance=lambda s, g, u: s**2, signed=True)
    def laplace(sigma: float, gamma: float, steps: Steps) -> Noise:
        '''Additive of heavy tails, of deviation sigma.'''
        return Laplace(sigma)

Every task whose setting ``noise_model`` takes it offers it. It is found in this folder, through the
entry-point group ``reilab.noises``, or in a file named by the environment variable
``REILAB_PLUGINS``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from reilab.noise.base import HIGHEST, NEEDS, Noise
from reilab.noise.draws import MOST_PHOTONS
from reilab.registry import Registry, Those
from reilab.settings import Setting, choose

#: How ``Steps`` are counted.
COUNTED = ("units", "deviations")
#: The settings of a task that are ``Steps``.
TAU = Setting(
    "Step of SURE's finite differences, counted as tau_in says.", positive=True, high=HIGHEST
)
TAU_IN = Setting(
    "What tau and curvature count: units of y, or standard deviations of the noise where u is "
    "brightest.",
    choices=COUNTED,
)
CURVATURE = Setting(
    "Step of SURE's second-order term, counted as tau_in says, for Poisson, mixed and gamma noise; "
    "it costs two more evaluations, and 0 leaves it out.",
    low=0.0,
    high=HIGHEST,
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

    def first_order(self, kind: str) -> float:
        """The step of a noise whose estimate has no second order.

        Raises:
            ValueError: there is a step of one.
        """
        if self.curvature:
            raise ValueError(
                f"curvature = {self.curvature:g}, but SURE of {kind} noise has no second order: "
                "set it to 0"
            )
        return self.tau


#: A number that depends on σ, on γ and on the noise-free value u.
Formula: TypeAlias = Callable[[float, float, float], float]
#: Makes the noise of some σ, γ and steps.
Make = TypeVar("Make", bound=Callable[[float, float, Steps], Noise])


def itself(sigma: float, gamma: float, u: float) -> float:
    """The mean of noise that does not shift u."""
    return u


@dataclass(frozen=True)
class Model:
    """A noise model as a setting of a task.

    Args:
        name: what the setting ``noise_model`` calls it.
        level: the setting that is its level, ``sigma`` or ``gamma``.
        variance: that of the noise of these σ and γ at the noise-free value u.
        signed: whether noise-free values may be below zero, as in k-space.
        spec: makes the noise of these σ, γ and steps in units of the measurement.
        mean: that of y at the noise-free value u, where it is another.
        unit_range: whether noise-free values must be from 0 to 1, as those of images are.

    >>> NOISES["mixed"].variance(2.0, 0.5, 10.0)
    9.0
    """

    name: str
    level: str
    variance: Formula
    signed: bool
    spec: Callable[[float, float, Steps], Noise]
    mean: Formula = itself
    unit_range: bool = False

    @property
    def summary(self) -> str:
        """The first line of its documentation."""
        return (self.spec.__doc__ or "").strip().partition("\n")[0]

    def lacks(self, need: str) -> str:
        """Why it has none of what a loss term needs, of ``NEEDS``; empty where it has.

        >>> [NOISES[name].lacks("SURE") == "" for name in ("gamma", "laplace")]
        [True, False]
        """
        return NEEDS[need](self.spec(1.0, 1.0, Steps(1.0)), None)

    def counts(self, name: str) -> bool:
        """Whether it matters what ``sigma``, or ``gamma``, is.

        >>> [NOISES["poisson"].counts(name) for name in ("sigma", "gamma")]
        [False, True]
        """
        sigma, gamma = (2.0 if name == one else 1.0 for one in ("sigma", "gamma"))
        return bool(self.variance(sigma, gamma, 1.0) != self.variance(1.0, 1.0, 1.0))


#: Noise models by name.
NOISES: Registry[Model] = Registry("noise model", "reilab.noise", "reilab.noises")


def noise_model(
    name: str,
    *,
    level: str,
    variance: Formula,
    mean: Formula = itself,
    signed: bool = False,
    unit_range: bool = False,
) -> Callable[[Make], Make]:
    """Decorator: register a function ``(sigma, gamma, steps) -> Noise`` as a noise model.

    Every task whose setting ``noise_model`` takes any model offers it; see ``Model``.

    Raises:
        ValueError: the name is taken, or the level is neither ``sigma`` nor ``gamma``.
    """
    choose(f"level of the noise model {name!r}", level, ("sigma", "gamma"))

    def register(make: Make) -> Make:
        NOISES.add(Model(name, level, variance, signed, make, mean, unit_range))
        return make

    return register


#: The setting ``noise_model``.
NOISE_MODEL = Setting("Noise, of level sigma or gamma.", choices=NOISES)
#: The same where measurements are signed.
SIGNED_NOISE_MODEL = Setting(
    "Noise: those models that know negative values, as k-space has; counts have none.",
    choices=Those(NOISES, lambda model: model.signed),
)
#: The same where they are readings of any size.
READING_NOISE_MODEL = Setting(
    "Noise: those models that know readings of any size, not only values from 0 to 1.",
    choices=Those(NOISES, lambda model: not model.unit_range),
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
        ValueError: an unknown model, a second-order step for one that has none, a level that it
            does not have, a σ or γ above ``HIGHEST``, or so small a γ that there are more photons
            than can be drawn.
    """
    chosen = NOISES.find(model)
    for name, level in (("sigma", sigma), ("gamma", gamma)):
        if level > HIGHEST:
            raise ValueError(f"{name} = {level:g} is too large; the most is {HIGHEST:g}")
    if chosen.level == "gamma" and not chosen.unit_range and peak >= gamma * MOST_PHOTONS:
        raise ValueError(
            f"gamma = {gamma:g} is too small: {peak:g} would be more photons than can be drawn; "
            f"choose more than {peak / MOST_PHOTONS:g}"
        )
    deviation = math.sqrt(chosen.variance(sigma, gamma, peak))
    noise = chosen.spec(sigma, gamma, steps.scaled(deviation))
    try:
        return noise.at(noise.level)
    except ValueError as error:
        raise ValueError(f"{chosen.level} of {model} noise: {error}") from error
