"""A network of images and one step towards the measurements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from torch import Tensor, nn

from reilab.nets.consistency import ConsistencyStep
from reilab.nets.registry import network
from reilab.nets.unet import NORMS, UNet
from reilab.physics.base import Physics
from reilab.settings import Setting


class Consistent(nn.Module):
    """f(y) = x + λ (A†y − A†A(x)) with x = U(A†y).

    Args:
        images: the network U from (B, C, H, W) to the same shape, e.g. the U-Net of the paper.
        step: λ before training; with 1, all that was measured is kept.

    >>> import torch
    >>> from reilab.physics import PixelMask
    >>> physics, y = PixelMask((1, 8, 8), torch.arange(32)), torch.ones(1, 1, 32)
    >>> Consistent(UNet(1, width=8, norm="none"))(y, physics, physics.pinv(y)).shape
    torch.Size([1, 1, 8, 8])
    """

    def __init__(self, images: nn.Module, step: float = 1.0) -> None:
        super().__init__()
        self.images = images
        self.consistency = ConsistencyStep(step)

    def forward(self, y: Tensor, physics: Physics, start: Tensor) -> Tensor:
        """Images (B, C, H, W) from measurements y, given start = A†y."""
        result: Tensor = self.consistency(self.images(start), physics, start)
        return result


@network("consistent", title="Consistent U-Net")
@dataclass(frozen=True)
class ConsistentSpec:
    """The paper's U-Net on A†y, then one step towards the measurements.

    f(y) = x + λ (A†y − A†A(x)) with x = U(A†y).

    >>> net = ConsistentSpec(width=8).build(channels=1)
    >>> sum(weights.numel() for weights in net.parameters())
    134122
    """

    width: Annotated[int, Setting("Channels of the first U-Net scale.", low=8, multiple_of=8)] = 64
    norm: Annotated[str, Setting("Normalisation layer.", choices=tuple(NORMS))] = "none"
    consistency: Annotated[
        float,
        Setting(
            "How far the step goes before training; 1 is all the way.",
            positive=True,
            slider=(0.05, 1.5),
        ),
    ] = 1.0

    def build(self, channels: int) -> nn.Module:
        return Consistent(UNet(channels, self.width, self.norm), self.consistency)
