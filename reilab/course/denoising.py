"""A denoiser with one knob: soft thresholding of block cosine coefficients."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

BLOCK = 8


@dataclass(frozen=True)
class CosineShrinkage:
    """Images (B, C, H, W) with every cosine coefficient but the block means moved towards zero.

    h(y) = Dᵀ soft(D y, threshold), D the orthonormal cosine transform of blocks of 8×8 pixels, H
    and W multiples of 8. Choosing the threshold by Stein's estimate is SureShrink (Donoho &
    Johnstone 1995), there with wavelets.
    """

    threshold: float

    def __call__(self, y: Tensor) -> Tensor:
        cosines = cosine_matrix(BLOCK).to(y)
        n, channels, height, width = y.shape
        blocks = y.reshape(n, channels, height // BLOCK, BLOCK, width // BLOCK, BLOCK)
        spectrum = torch.einsum("ia,jb,ncyaxb->ncyixj", cosines, cosines, blocks)
        small = spectrum.sign() * (spectrum.abs() - self.threshold).clamp(min=0)
        small[:, :, :, 0, :, 0] = spectrum[:, :, :, 0, :, 0]
        back = torch.einsum("ia,jb,ncyixj->ncyaxb", cosines, cosines, small)
        return back.reshape(y.shape)


def cosine_matrix(size: int) -> Tensor:
    """The orthonormal discrete cosine transform (type II), one frequency a row, float64."""
    place = torch.arange(size, dtype=torch.float64)
    matrix = torch.cos(math.pi / size * torch.outer(place, place + 0.5)) * math.sqrt(2 / size)
    matrix[0] /= math.sqrt(2)
    return matrix
