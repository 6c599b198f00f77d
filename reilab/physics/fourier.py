"""Cartesian MRI: some columns of the k-space of a complex image."""

from __future__ import annotations

from dataclasses import dataclass

import fastmri
import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class CartesianMRI:
    """A x = (F x)[:, columns], F the centred orthonormal 2-D Fourier transform.

    Images (B, 2, H, W) and k-space (B, 2, H, k) carry real and imaginary part as two channels.
    """

    domain: tuple[int, int, int]
    columns: Tensor

    @property
    def range(self) -> tuple[int, int, int]:
        return 2, self.domain[1], len(self.columns)

    def __call__(self, x: Tensor) -> Tensor:
        kspace = fastmri.fft2c(x.permute(0, 2, 3, 1).contiguous())
        measured: Tensor = kspace.permute(0, 3, 1, 2).index_select(3, self.columns)
        return measured

    def adjoint(self, y: Tensor) -> Tensor:
        """The zero-filled reconstruction."""
        blank = y.new_zeros(len(y), *self.domain)
        kspace = blank.index_copy(3, self.columns, y).permute(0, 2, 3, 1).contiguous()
        image: Tensor = fastmri.ifft2c(kspace).permute(0, 3, 1, 2)
        return image

    def pinv(self, y: Tensor) -> Tensor:
        """Equal to the adjoint, because A Aᵀ = I."""
        return self.adjoint(y)


def random_columns(
    width: int, acceleration: int, center: float, seed: int, device: torch.device | str = "cpu"
) -> Tensor:
    """Columns of the random Cartesian mask of fastMRI: the centre and a random rest.

    Args:
        width: number of columns of k-space.
        acceleration: nominal ratio of all columns to the measured ones.
        center: share of fully sampled columns around the origin.
        seed: names the mask.
    """
    # fastMRI's mask divides by the number of columns that are left to chance.
    if round(width * center) >= width:
        return torch.arange(width, device=device)
    # Loads pandas and h5py, which nobody needs who does not build an MRI mask.
    from fastmri.data.subsample import RandomMaskFunc

    mask, _ = RandomMaskFunc([center], [acceleration])((1, 1, width, 1), seed=seed)
    columns: Tensor = mask.flatten().nonzero().flatten()
    return columns.to(device)
