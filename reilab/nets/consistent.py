"""A network of images and one step towards the measurements."""

from __future__ import annotations

from torch import Tensor, nn

from reilab.nets.consistency import ConsistencyStep
from reilab.physics.base import Physics


class Consistent(nn.Module):
    """f(y) = x + λ (A†y − A†A(x)) with x = U(A†y).

    Args:
        images: the network U from (B, C, H, W) to the same shape, e.g. the U-Net of the paper.
        step: λ before training; with 1, all that was measured is kept.
    """

    def __init__(self, images: nn.Module, step: float = 1.0) -> None:
        super().__init__()
        self.images = images
        self.consistency = ConsistencyStep(step)

    def forward(self, y: Tensor, physics: Physics, start: Tensor) -> Tensor:
        """Images (B, C, H, W) from measurements y, given start = A†y."""
        result: Tensor = self.consistency(self.images(start), physics, start)
        return result
