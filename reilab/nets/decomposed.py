"""A network that first denoises what was measured, and then fills in what was not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from reilab.nets.consistency import round_trip
from reilab.nets.registry import network
from reilab.nets.unrolled import STAGES, NStages, StageKind, StageLayers, StageWidth
from reilab.physics.base import Physics


class Decomposed(nn.Module):
    """r = A†A(C₁(A†y)), then xₖ = r + (I − A†A) Cₖ(xₖ₋₁) from x₁ = r.

    C₁ takes the noise out of what was measured, and the others cannot change what it made of it:
    they fill in the null space. So consistency and SURE, which see A x alone, teach C₁ and nothing
    else, and what the others know comes from equivariance, or from ground truth.

    The cascade of Chen & Davies, *Deep Decomposition Learning for Inverse Imaging Problems*, ECCV
    2020, with several small networks for the null space. The parts are exact where A†A is a
    projection; with filtered back-projection, in CT, they are approximate.

    Args:
        stages: the Cₖ, networks from (B, C, H, W) to the same shape.

    >>> import torch
    >>> from reilab.nets.unrolled import Stage
    >>> from reilab.physics import PixelMask
    >>> physics, y = PixelMask((1, 8, 8), torch.arange(32)), torch.ones(1, 1, 32)
    >>> Decomposed([Stage(1, width=8), Stage(1, width=8)])(y, physics, physics.pinv(y)).shape
    torch.Size([1, 1, 8, 8])
    """

    def __init__(self, stages: Sequence[nn.Module]) -> None:
        super().__init__()
        self.seen, *unseen = stages
        self.unseen = nn.ModuleList(unseen)

    def forward(self, y: Tensor, physics: Physics, start: Tensor) -> Tensor:
        """Images (B, C, H, W) from measurements y, given start = A†y."""
        x = seen = round_trip(self.seen(start), physics, start.dtype)
        for stage in self.unseen:
            z = stage(x).to(start.dtype)
            x = z + seen - round_trip(z, physics, start.dtype)
        return x


@network("decomposed", title="Seen, then unseen")
@dataclass(frozen=True)
class DecomposedSpec:
    """Small networks in turn: the first for what A sees, the others for what it does not.

    x₁ = A†A(C₁(A†y)), xₖ = x₁ + (I − A†A) Cₖ(xₖ₋₁).

    >>> net = DecomposedSpec(stages=2, width=8).build(channels=1)
    >>> sum(weights.numel() for weights in net.parameters())
    2642
    """

    stages: NStages = 4
    stage: StageKind = "convolutions"
    width: StageWidth = 32
    layers: StageLayers = 4

    def build(self, channels: int) -> nn.Module:
        make = STAGES[self.stage]
        return Decomposed([make(channels, self.width, self.layers) for _ in range(self.stages)])
