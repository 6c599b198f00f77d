"""An unrolled network: small convolutional networks in turns with what was measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated, TypeAlias

import torch
from torch import Tensor, nn

from reilab.nets.consistency import ConsistencyStep
from reilab.nets.registry import network
from reilab.nets.unet import UNet
from reilab.physics.base import Physics
from reilab.settings import Setting

#: The last layer of a stage starts at this share of its usual size: the stage does almost nothing.
LAST_LAYER = 0.1


class Stage(nn.Module):
    """f(x) = x + C(x): some 3×3 convolutions of (B, channels, H, W), ReLU between them."""

    def __init__(self, channels: int, width: int = 32, layers: int = 4) -> None:
        super().__init__()
        widths = [channels, *[width] * (layers - 1), channels]
        convolutions: list[nn.Module] = []
        for n_in, n_out in pairwise(widths):
            convolutions += [nn.Conv2d(n_in, n_out, 3, padding=1), nn.ReLU(inplace=True)]
        self.body = nn.Sequential(*convolutions[:-1])
        start_small(convolutions[-2])

    def forward(self, x: Tensor) -> Tensor:
        result: Tensor = x + self.body(x)
        return result


class Unrolled(nn.Module):
    """Stages C₁ … Cₙ, networks of images, with steps towards the measurements between them.

    x₁ = C₁(A†y), xₖ₊₁ = Cₖ₊₁(xₖ + λₖ (A†y − A†A(xₖ))). The last stage may denoise what was
    measured: it ends in convolutions. ``ends_consistent`` puts one more step behind it.

    Args:
        stages: networks from (B, C, H, W) to the same shape.
        step: the λₖ before training.
        ends_consistent: whether the result is that of a step towards the measurements.

    >>> from reilab.physics import PixelMask
    >>> physics, y = PixelMask((1, 8, 8), torch.arange(32)), torch.ones(1, 1, 32)
    >>> Unrolled([Stage(1, width=8), Stage(1, width=8)])(y, physics, physics.pinv(y)).shape
    torch.Size([1, 1, 8, 8])
    """

    def __init__(
        self, stages: Sequence[nn.Module], step: float = 0.7, ends_consistent: bool = False
    ) -> None:
        super().__init__()
        self.stages = nn.ModuleList(stages)
        n_steps = len(stages) if ends_consistent else len(stages) - 1
        self.steps = nn.ModuleList(ConsistencyStep(step) for _ in range(n_steps))

    def forward(self, y: Tensor, physics: Physics, start: Tensor) -> Tensor:
        """Images (B, C, H, W) from measurements y, given start = A†y."""
        x = start
        for place, stage in enumerate(self.stages):
            x = stage(x)
            if place < len(self.steps):
                x = self.steps[place](x, physics, start)
        return x


@torch.no_grad()
def start_small(layer: nn.Module) -> None:
    """Make the untrained weights of the last layer of a residual network small."""
    for parameter in layer.parameters():
        parameter.mul_(LAST_LAYER)


def unet_stage(channels: int, width: int, layers: int) -> nn.Module:
    """The paper's U-Net without normalisation, which has a number of layers of its own."""
    unet = UNet(channels, width, "none")
    start_small(unet.last)
    return unet


#: Makes a stage from channels, width and layers, by the name that the setting calls it.
STAGES: Mapping[str, Callable[[int, int, int], nn.Module]] = {
    "convolutions": Stage,
    "unet": unet_stage,
}


# The fields of networks of several stages.
NStages: TypeAlias = Annotated[int, Setting("Networks in turn.", low=1, high=20)]
StageKind: TypeAlias = Annotated[
    str, Setting("Each a few convolutions, or a U-Net of that width.", choices=tuple(STAGES))
]
StageWidth: TypeAlias = Annotated[int, Setting("Channels of a stage.", low=8, multiple_of=8)]
StageLayers: TypeAlias = Annotated[int, Setting("Convolutions of a stage.", low=2, high=20)]


@network("unrolled", title="Unrolled")
@dataclass(frozen=True)
class UnrolledSpec:
    """Small networks in turns with steps towards the measurements: it is told what A has seen.

    x₁ = C₁(A†y), xₖ₊₁ = Cₖ₊₁(xₖ + λₖ (A†y − A†A(xₖ))).

    >>> net = UnrolledSpec(stages=2, width=8).build(channels=1)
    >>> sum(weights.numel() for weights in net.parameters())
    2643
    """

    stages: NStages = 3
    stage: StageKind = "convolutions"
    width: StageWidth = 32
    layers: StageLayers = 4
    consistency: Annotated[
        float,
        Setting(
            "How far the steps go before training; 1 is all the way.",
            positive=True,
            slider=(0.05, 1.5),
        ),
    ] = 0.7
    last: Annotated[
        str,
        Setting(
            "What ends it: convolutions, which may let go of noise in what was measured, or one "
            "more step towards the measurements.",
            choices=("convolutions", "consistency"),
        ),
    ] = "convolutions"

    def build(self, channels: int) -> nn.Module:
        make = STAGES[self.stage]
        stages = [make(channels, self.width, self.layers) for _ in range(self.stages)]
        return Unrolled(stages, self.consistency, self.last == "consistency")
