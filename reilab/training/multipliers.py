"""Multipliers: the strength of the noise as a method learns it, step by step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from reilab.methods.base import NoiseAscent
from reilab.noise.base import LearnableNoise, SignalDependent
from reilab.noise.unknown import UnknownNoise

#: The most by which one step changes a multiplier, as a power of e.
MOST_CHANGE = 0.5


@dataclass
class Multipliers:
    """The θₖ of ``UnknownNoise``, and how they go on: by ascent of the Lagrangian, with momentum.

    They are ascended in their logarithms, by derivatives that have no unit, so that they stay
    positive, and one rate serves all scales: with Dₖ = mean(wₖ ∂h) / mean(wₖ) and momentum μ,

        vₖ ← μ vₖ + (1 − μ) 2 Dₖ,    θₖ ← θₖ exp(rate · vₖ).

    Args:
        model: of what kind the noise is.
        ascent: how they are learned.
        theta: (K,).
        velocity: (K,).
    """

    model: LearnableNoise
    ascent: NoiseAscent
    theta: Tensor
    velocity: Tensor

    def unknown(self) -> UnknownNoise:
        """The noise as it is believed to be in the next step, which finds its gradient."""
        return UnknownNoise(self.model, self.theta.clone().requires_grad_())

    def ascend(self, gradient: Tensor, scale: Tensor) -> None:
        """Take a step; one without a finite gradient is not taken.

        Args:
            gradient: of the Lagrangian, by θ.
            scale: mean(wₖ) of all that it was found with.
        """
        share = gradient / scale.clamp(min=torch.finfo(scale.dtype).tiny)
        momentum = self.ascent.momentum
        velocity = momentum * self.velocity + (1 - momentum) * share
        finite = share.isfinite().all()
        self.velocity = torch.where(finite, velocity, self.velocity)
        change = (self.ascent.rate * self.velocity).clamp(-MOST_CHANGE, MOST_CHANGE)
        self.theta = torch.where(finite, self.theta * change.exp(), self.theta)

    def believed(self) -> Mapping[str, float]:
        """The settings of the noise as they are believed to be: σ, and γ. Waits for the device."""
        names = tuple(self.model.multipliers)
        noise = self.model.having(dict(zip(names, self.theta.double().cpu(), strict=True)))
        return {name: float(getattr(noise, name)) for name in names}

    @property
    def level(self) -> float:
        """The level of the noise as it is believed to be. Waits for the device."""
        return list(self.believed().values())[-1]

    def set_level(self, level: float) -> None:
        """Go on from another level; for what is raised see ``multipliers_of``."""
        begun = multipliers_of(self.model.at(level), self.ascent, self.theta)
        self.theta = torch.cat([self.theta[:-1], begun.theta[-1:]])


def multipliers_of(model: LearnableNoise, ascent: NoiseAscent, like: Tensor) -> Multipliers:
    """Those that a method begins with, on the device of ``like``.

    Raises:
        ValueError: one is 0, which ascent only multiplies, or SURE is to have a second order.
    """
    if isinstance(model, SignalDependent) and model.curvature_tau:
        raise ValueError(
            f"curvature = {model.curvature_tau:g} in units of y, but SURE of a noise that is "
            "learned has no second order: set it to 0"
        )
    theta = like.new_tensor(list(model.multipliers.values()), requires_grad=False)
    for name, value in zip(model.multipliers, theta.tolist(), strict=True):
        if not value > 0:
            raise ValueError(
                f"a noise that is learned never leaves {name} = {getattr(model, name):g}; "
                "begin with more than 0"
            )
    return Multipliers(model, ascent, theta, torch.zeros_like(theta))
