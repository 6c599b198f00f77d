"""Gaussian noise whose neighbours are alike."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from reilab.key import Streams
from reilab.noise.base import Noise
from reilab.noise.draws import normal_like
from reilab.noise.gaussian import Gaussian
from reilab.noise.registry import Steps, noise_model
from reilab.settings import Setting

#: The blur ends after so many of its widths.
REACH = 3


@dataclass(frozen=True)
class Correlated(Gaussian):
    """y = u + N(0, σ²C), white noise behind a Gaussian blur, as a scintillator makes it.

    C is 1 on the diagonal and falls with the distance d as exp(−d²/4w²), up to the ends of the
    blur. It runs along the first axis after the channels: the detectors of CT (B, 1, detectors,
    views), the readout of MRI (B, 2, H, columns), the list of entries where they are one.

    SURE(y) = (1/m) ‖y − h(y)‖² − σ² + (2σ²/m) tr(C ∂h(y)) (Stein 1981), for E[bᵀ ∂h b] = tr(C ∂h)
    where the probe b is drawn as the noise is. For h(y) = y the risk is σ²:

    >>> from reilab.key import Key
    >>> noise, rng = Correlated(sigma=1.0, width=0.5), Key(0).streams(range(2))
    >>> y = noise.sample(torch.zeros(2, 1, 100, 100), rng)
    >>> noise.sure(y, lambda y: y, y, rng).round(decimals=1)
    tensor([1., 1.])
    """

    width: Annotated[
        float, Setting("Standard deviation w of the blur.", unit="pixels", positive=True, high=100)
    ] = 1.0

    def draw(self, like: Tensor, rng: Streams) -> Tensor:
        axis = _blurred(like.ndim)
        reach = math.ceil(REACH * self.width)
        places = torch.arange(-reach, reach + 1, dtype=torch.float64)
        taps = torch.exp(-places.square() / (2 * self.width**2))
        taps /= taps.norm()
        # White noise beyond both ends, so that the ends are as noisy as the middle.
        longer = list(like.shape)
        longer[axis] += 2 * reach
        white, n = normal_like(like.new_empty(longer), rng), like.shape[axis]
        blurred = torch.zeros_like(like)
        for place, tap in enumerate(taps.tolist()):
            blurred += tap * white.narrow(axis, place, n)
        return blurred

    def dependence(self, shape: tuple[int, ...]) -> str:
        along_last = _blurred(len(shape) + 1) == len(shape)
        return "its blur runs along the entries that are divided" if along_last else ""

    def probe(self, y: Tensor, rng: Streams) -> Tensor:
        return self.draw(y, rng)


def _blurred(ndim: int) -> int:
    """The axis of the blur."""
    return min(2, ndim - 1)


@noise_model("correlated", level="sigma", variance=lambda sigma, gamma, u: sigma**2, signed=True)
def correlated(sigma: float, gamma: float, steps: Steps) -> Noise:
    """Gaussian of deviation sigma, blurred by one pixel.

    Raises:
        ValueError: steps of a second order that there is not.
    """
    return Correlated(sigma, steps.first_order("Gaussian"))
