"""MRI: some columns, or any other entries, of the k-space of a complex image."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import fastmri
import torch
from torch import Tensor

from reilab.key import Key
from reilab.physics.places import placed, taken

#: Share of an axis of k-space that the images cannot be told without.
CORE = 0.06


@dataclass(frozen=True, eq=False)
class CartesianMRI:
    """A x = (F x)[:, columns], F the centred orthonormal 2-D Fourier transform.

    Images (B, 2, H, W) and k-space (B, 2, H, k) carry real and imaginary part as two channels.
    ``columns`` are (k,), or (B, k), of each image its own.

    >>> physics = CartesianMRI((2, 8, 8), columns=torch.tensor([0, 3, 4, 5]))
    >>> y = physics(torch.ones(1, 2, 8, 8))
    >>> y.shape, physics.pinv(y).shape
    (torch.Size([1, 2, 8, 4]), torch.Size([1, 2, 8, 8]))
    """

    domain: tuple[int, int, int]
    columns: Tensor

    @property
    def range(self) -> tuple[int, int, int]:
        return 2, self.domain[1], self.columns.shape[-1]

    @cached_property
    def core(self) -> Tensor:
        """Places of the columns nearest to the origin, which hold most of the energy.

        Where each image has its own columns, those that are near it in all of them.
        """
        near = _near(self.columns, self.domain[2])
        return near.view(-1, near.shape[-1]).all(0).cpu().nonzero()[:, 0]

    def __call__(self, x: Tensor) -> Tensor:
        return taken(to_kspace(x), self.columns)

    def masked(self, places: Tensor) -> CartesianMRI:
        """The same of other columns."""
        return replace(self, columns=places)

    def kspace(self, y: Tensor) -> Tensor:
        """The whole k-space (B, 2, H, W), zero where nothing was measured."""
        return placed(y, self.columns, self.domain[2])

    def adjoint(self, y: Tensor) -> Tensor:
        """The zero-filled reconstruction."""
        return from_kspace(self.kspace(y))

    def pinv(self, y: Tensor) -> Tensor:
        """Equal to the adjoint, because A Aᵀ = I."""
        return self.adjoint(y)


@dataclass(frozen=True, eq=False)
class PatternMRI:
    """A x = (F x)[entries]: any set of entries of k-space, (B, 2, H, W) to (B, 2, m).

    ``entries`` (m,) are flat indices into H·W.

    >>> physics = PatternMRI((2, 8, 8), entries=torch.tensor([0, 9, 18, 36]))
    >>> y = physics(torch.ones(1, 2, 8, 8))
    >>> y.shape, physics.pinv(y).shape
    (torch.Size([1, 2, 4]), torch.Size([1, 2, 8, 8]))
    """

    domain: tuple[int, int, int]
    entries: Tensor

    @property
    def range(self) -> tuple[int, int]:
        return 2, len(self.entries)

    @cached_property
    def core(self) -> Tensor:
        """Places of the entries nearest to the origin, which hold most of the energy."""
        _, height, width = self.domain
        row, column = self.entries // width, self.entries % width
        return (_near(row, height) & _near(column, width)).cpu().nonzero()[:, 0]

    def __call__(self, x: Tensor) -> Tensor:
        return taken(to_kspace(x).flatten(2), self.entries)

    def kspace(self, y: Tensor) -> Tensor:
        """The whole k-space (B, 2, H, W), zero where nothing was measured."""
        _, height, width = self.domain
        return placed(y, self.entries, height * width).view(-1, *self.domain)

    def adjoint(self, y: Tensor) -> Tensor:
        """The zero-filled reconstruction."""
        return from_kspace(self.kspace(y))

    def pinv(self, y: Tensor) -> Tensor:
        """Equal to the adjoint, because A Aᵀ = I."""
        return self.adjoint(y)


def _near(frequency: Tensor, length: int) -> Tensor:
    """Which of the places of an axis of k-space are within a share ``CORE`` around its origin."""
    return 2 * (frequency - length // 2).abs() <= CORE * length


def masked_mri(mask: Tensor) -> CartesianMRI | PatternMRI:
    """The operator of a mask (H, W), True where k-space is measured: by columns where it can be."""
    domain = (2, *mask.shape)
    if (mask == mask[0]).all():
        return CartesianMRI(domain, mask[0].nonzero()[:, 0])
    return PatternMRI(domain, mask.flatten().nonzero()[:, 0])


def to_kspace(x: Tensor) -> Tensor:
    """F x of images (B, 2, H, W)."""
    kspace: Tensor = fastmri.fft2c(x.permute(0, 2, 3, 1).contiguous()).permute(0, 3, 1, 2)
    return kspace


def from_kspace(kspace: Tensor) -> Tensor:
    """F⁻¹ of k-space (B, 2, H, W)."""
    image: Tensor = fastmri.ifft2c(kspace.permute(0, 2, 3, 1).contiguous()).permute(0, 3, 1, 2)
    return image


#: Pictures of k-space go this far down from its brightest entry.
DECIBELS = 60


def decibels(size: Tensor, brightest: Tensor) -> Tensor:
    """Magnitudes on a logarithmic scale, from 0, ``DECIBELS`` below the brightest, to 1."""
    share = size / brightest.clamp(min=torch.finfo(size.dtype).tiny)
    return (1 + 20 / DECIBELS * share.log10()).clamp(0, 1)


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


def equally_many_columns(n_columns: int, width: int, center: float, key: Key) -> Tensor:
    """Columns as ``random_columns`` has them, among its masks with so many: (n_columns,).

    There each column beside the centre is measured or not by a throw of its own, so that of equally
    many all choices are alike. Those of the centre come first.

    Args:
        n_columns: how many are measured.
        width: number of columns of k-space.
        center: share of fully sampled columns around the origin.
        key: names the mask.
    """
    n_center = round(width * center)
    begin = (width - n_center + 1) // 2
    middle = torch.arange(begin, begin + n_center)
    order = torch.randperm(width, generator=key.generator())
    rest = order[~torch.isin(order, middle)][: n_columns - n_center]
    return torch.cat([middle, rest.sort().values])
