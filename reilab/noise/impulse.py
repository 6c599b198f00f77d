"""Salt and pepper."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import Tensor

from reilab.key import Streams
from reilab.noise.base import Noise, Unestimated
from reilab.noise.draws import uniform_like
from reilab.noise.registry import Steps, noise_model
from reilab.settings import Setting


@dataclass(frozen=True)
class Impulse(Unestimated, by="share"):
    """y = u, but for a share p of the entries, which are 0 or 1, as often the one as the other.

    E[y] = (1 − p) u + p/2: what y shows is drawn towards the middle.

    >>> from reilab.key import Key
    >>> y = Impulse(share=0.5).sample(torch.full((1, 100_000), 0.7), Key(0).streams([0]))
    >>> [(y == value).double().mean().round(decimals=2).item() for value in (0.0, 0.7, 1.0)]
    [0.25, 0.5, 0.25]
    """

    share: Annotated[float, Setting("Share of the entries that are lost.", low=0.0, high=1.0)]
    no_sure: ClassVar[str] = "its estimate takes one more evaluation for each entry of y"

    def sample(self, u: Tensor, rng: Streams) -> Tensor:
        chance = uniform_like(u, rng)
        spoiled = torch.where(chance < self.share / 2, 0.0, 1.0).to(u.dtype)
        return u.where(chance >= self.share, spoiled)


def impulse_mean(sigma: float, gamma: float, u: float) -> float:
    """(1 − p) u + p/2, p = γ."""
    return (1 - gamma) * u + gamma / 2


@noise_model(
    "impulse",
    level="gamma",
    mean=impulse_mean,
    variance=lambda sigma, gamma, u: (
        (1 - gamma) * u**2 + gamma / 2 - impulse_mean(sigma, gamma, u) ** 2
    ),
    unit_range=True,
)
def impulse(sigma: float, gamma: float, steps: Steps) -> Noise:
    """Salt and pepper in place of a share gamma of the entries."""
    return Impulse(gamma)
