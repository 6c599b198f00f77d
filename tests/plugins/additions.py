"""A method and a network in one file outside the package, as an inventor would write them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from torch import Tensor, nn

from reilab.key import Key
from reilab.methods.base import Reconstruct, Terms, Weight
from reilab.methods.losses import AlphaSure, Sure
from reilab.methods.registry import method
from reilab.nets.registry import network
from reilab.noise import mean
from reilab.physics.base import Physics
from reilab.problem import Measurement, Problem
from reilab.settings import Setting

#: The weight of the new term; all that any screen says of it stands here.
AlphaFlat = Annotated[
    float,
    Weight(
        "Weight of flatness: neighbouring pixels of x̂ are to be alike.",
        low=0.0,
        slider=(1e-4, 10.0),
        log=True,
        term="flat",
        label="α flat",
        formula="‖∇x̂‖_1",
    ),
]


@dataclass(frozen=True)
class Flatness:
    """Mean difference between neighbours."""

    def __call__(self, m: Measurement, xhat: Tensor, f: Reconstruct, key: Key) -> Tensor:
        return mean(xhat.diff(dim=3).abs())


@method("flat", title="Flat SURE", colour="#5b4fc7")
@dataclass(frozen=True)
class FlatSure:
    """SURE with a taste for flat images."""

    alpha_sure: AlphaSure = 1.0
    alpha_flat: AlphaFlat = 0.01

    def terms(self, problem: Problem) -> Terms:
        return {"sure": Sure(), "flat": Flatness()}


class OneLayer(nn.Module):
    """x + C(x), one convolution."""

    def __init__(self, channels: int, side: int) -> None:
        super().__init__()
        self.layer = nn.Conv2d(channels, channels, side, padding=side // 2)

    def forward(self, y: Tensor, physics: Physics, start: Tensor) -> Tensor:
        result: Tensor = start + self.layer(start)
        return result


@network("one-layer", title="One layer")
@dataclass(frozen=True)
class OneLayerSpec:
    """One convolution: the least that can learn."""

    kernel: Annotated[int, Setting("Side of the kernel.", unit="pixels", low=1, high=15)] = 5

    def build(self, channels: int) -> nn.Module:
        return OneLayer(channels, self.kernel)
