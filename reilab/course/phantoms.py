"""Phantoms: drawn images, which one trains on when one has nothing else."""

from __future__ import annotations

import torch
from torch import Tensor

from reilab.key import Key

N_ELLIPSES = 12


def coloured_ellipses(n: int, size: int, key: Key) -> Tensor:
    """Images (n, 3, size, size) in [0, 1]: ellipses of random colour, place and tilt, in layers."""
    rng = key.generator()
    images = torch.rand(n, 3, 1, 1, generator=rng).expand(n, 3, size, size)
    for _ in range(N_ELLIPSES):
        colour = torch.rand(n, 3, 1, 1, generator=rng)
        images = torch.where(_inside(n, size, rng), colour, images)
    return images.contiguous()


def _inside(n: int, size: int, rng: torch.Generator) -> Tensor:
    """Which pixels lie in one random ellipse for each image: (n, 1, size, size)."""
    place = torch.linspace(-1, 1, size)
    centre = 2 * torch.rand(2, n, 1, 1, 1, generator=rng) - 1
    radius = 0.08 + 0.5 * torch.rand(2, n, 1, 1, 1, generator=rng)
    tilt = torch.pi * torch.rand(n, 1, 1, 1, generator=rng)
    down, right = place[:, None] - centre[0], place[None, :] - centre[1]
    along = (right * tilt.cos() + down * tilt.sin()) / radius[0]
    across = (down * tilt.cos() - right * tilt.sin()) / radius[1]
    return along**2 + across**2 < 1
