"""Inpainting: a fixed set of pixels is seen, all channels of each."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from reilab.key import Key


@dataclass(frozen=True, eq=False)
class PixelMask:
    """A x = x[pixels]: (B, C, H, W) to (B, C, m). ``pixels`` (m,) are flat indices into H·W.

    >>> physics = PixelMask((1, 2, 2), pixels=torch.tensor([0, 3]))
    >>> y = physics(torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]))
    >>> y
    tensor([[[1., 4.]]])
    >>> physics.pinv(y)
    tensor([[[[1., 0.],
              [0., 4.]]]])
    """

    domain: tuple[int, int, int]
    pixels: Tensor

    @property
    def range(self) -> tuple[int, int]:
        return self.domain[0], len(self.pixels)

    def __call__(self, x: Tensor) -> Tensor:
        return x.flatten(2).index_select(2, self.pixels)

    def adjoint(self, y: Tensor) -> Tensor:
        """The measured pixels in their places, zero elsewhere."""
        n_channels, height, width = self.domain
        blank = y.new_zeros(len(y), n_channels, height * width)
        return blank.index_copy(2, self.pixels, y).view(-1, *self.domain)

    def pinv(self, y: Tensor) -> Tensor:
        """Equal to the adjoint, because A Aᵀ = I."""
        return self.adjoint(y)


def random_pixels(size: int, keep: float, key: Key, device: torch.device | str = "cpu") -> Tensor:
    """A share ``keep`` of the size·size flat pixel indices, drawn without replacement, sorted."""
    n_kept = round(keep * size * size)
    drawn = torch.randperm(size * size, generator=key.generator())[:n_kept]
    return drawn.sort().values.to(device)
