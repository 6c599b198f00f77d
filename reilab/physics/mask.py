"""Inpainting: some pixels are seen, all channels of each; the same in every image, or not."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from reilab.key import Key
from reilab.physics.places import placed, taken


@dataclass(frozen=True, eq=False)
class PixelMask:
    """A x = x[pixels]: (B, C, H, W) to (B, C, m).

    ``pixels`` are flat indices into H·W: (m,), or (B, m), of each image its own.

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
        return self.domain[0], self.pixels.shape[-1]

    def __call__(self, x: Tensor) -> Tensor:
        return taken(x.flatten(2), self.pixels)

    def masked(self, places: Tensor) -> PixelMask:
        """The same of other pixels."""
        return replace(self, pixels=places)

    def adjoint(self, y: Tensor) -> Tensor:
        """The measured pixels in their places, zero elsewhere."""
        _, height, width = self.domain
        return placed(y, self.pixels, height * width).view(-1, *self.domain)

    def pinv(self, y: Tensor) -> Tensor:
        """Equal to the adjoint, because A Aᵀ = I."""
        return self.adjoint(y)


def random_pixels(size: int, keep: float, key: Key, device: torch.device | str = "cpu") -> Tensor:
    """A share ``keep`` of the size·size flat pixel indices, drawn without replacement, sorted."""
    n_kept = round(keep * size * size)
    drawn = torch.randperm(size * size, generator=key.generator())[:n_kept]
    return drawn.sort().values.to(device)
