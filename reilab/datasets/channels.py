"""Channels of images: 1 is grey, 2 are real and imaginary part, 3 are colour."""

from __future__ import annotations

import torch
from torch import Tensor

KINDS = {1: "grey", 2: "complex", 3: "colour"}


def check_channels(data: str, has: int, wanted: int) -> None:
    """See whether images can be given the channels that a task takes.

    Raises:
        ValueError: complex images for a task that takes real ones, or colour for complex ones.
    """
    if has != wanted and (2 in (has, wanted)) and (has, wanted) != (1, 2):
        raise ValueError(
            f"data = {data!r} has {KINDS[has]} images ({has} channels) and this task takes "
            f"{KINDS[wanted]} ones ({wanted}); choose other data"
        )


def as_channels(images: Tensor, wanted: int) -> Tensor:
    """(N, C, H, W) with another number of channels.

    Grey is repeated to colour, or gets an imaginary part of zero; colour is averaged to grey.
    """
    has = images.shape[1]
    if has == wanted:
        return images
    if wanted == 1:
        return images.mean(1, keepdim=True)
    if wanted == 2:
        return torch.cat([images, torch.zeros_like(images)], dim=1)
    return images.expand(-1, wanted, -1, -1)
