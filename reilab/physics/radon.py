"""Parallel-beam tomography: projector, its exact adjoint, filtered back-projection.

The discretisation is scikit-image's, so its results can be compared number by number: the image is
rotated with bilinear interpolation about pixel (n//2, n//2) and its rows are added up, on a grid
wide enough for the image's diagonal. A sinogram is (B, 1, detectors, views).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from reilab.physics.sparse import SparseMap

Floats = NDArray[np.float64]
Triplets = tuple[NDArray[np.int64], NDArray[np.int64], Floats]

#: A ray's hundreds of terms are added up in so many parts: float32 rounds a fifth as much so.
PARTS = 12
#: A gap between views so many times as wide as the next is a range that was not looked into.
WEDGE = 3


@dataclass(frozen=True, eq=False)
class Radon:
    """Line integrals in units of pixels: (B, 1, n, n) to (B, 1, detectors, views).

    ``angles`` are those of the views, in degrees; the projector's rows come in ``parts``.

    (R x)(s, θ) is the integral of x along the line at distance s from the centre, at the angle θ.

    >>> physics = parallel_beam(size=8, views=4)
    >>> y = physics(torch.ones(1, 1, 8, 8))
    >>> y.shape, physics.pinv(y).shape
    (torch.Size([1, 1, 12, 4]), torch.Size([1, 1, 8, 8]))
    >>> y[0, 0, 6, ::2]  # lines through the centre, along the columns and along the rows
    tensor([8., 8.])
    """

    size: int
    angles: tuple[float, ...]
    projector: SparseMap
    backprojector: SparseMap
    parts: int = PARTS

    @property
    def views(self) -> int:
        return len(self.angles)

    @property
    def domain(self) -> tuple[int, int, int]:
        return 1, self.size, self.size

    @property
    def range(self) -> tuple[int, int, int]:
        return 1, n_detectors(self.size), self.views

    @cached_property
    def double(self) -> Radon:
        """The same operator in float64, for what rounding spoils; made when it is first needed.

        It has no use for parts, and without them it takes a third of the time.
        """
        projector, backprojector = self.projector.double(self.parts), self.backprojector.double()
        return replace(self, projector=projector, backprojector=backprojector, parts=1)

    def __call__(self, x: Tensor) -> Tensor:
        return self.projector(x.flatten(1)).reshape(-1, self.parts, *self.range).sum(1)

    def adjoint(self, y: Tensor) -> Tensor:
        parts = y[:, None].expand(-1, self.parts, -1, -1, -1)
        return self.projector.T(parts.flatten(1)).reshape(-1, *self.domain)

    def pinv(self, y: Tensor) -> Tensor:
        """Filtered back-projection with the ramp filter (an approximate inverse)."""
        return self.backprojector(ramp_filter(y).flatten(1)).reshape(-1, *self.domain)


def parallel_beam(
    size: int, views: int, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
) -> Radon:
    """The Radon transform of size×size images at angles kπ/views, k = 0 … views − 1."""
    return parallel_beam_at(size, spread_angles(views), device, dtype)


@lru_cache(maxsize=4)
def parallel_beam_at(
    size: int,
    angles: tuple[float, ...],
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Radon:
    """The Radon transform of size×size images at any angles, in degrees.

    Memory: about 9 · size² · views entries of 8 bytes, both matrices and their transposes.
    """
    n_pixels, n_rays = size * size, n_detectors(size) * len(angles)
    views = [ProjectionView(size, place, len(angles), angle) for place, angle in enumerate(angles)]
    shares = view_shares(angles)
    project = [_project(view) for view in views]
    spread = [_interpolate(view, share) for view, share in zip(views, shares, strict=True)]
    return Radon(
        size,
        angles,
        SparseMap.of(_assemble(project, (PARTS * n_rays, n_pixels)), device, dtype),
        SparseMap.of(_assemble(spread, (n_pixels, n_rays)), device, dtype),
    )


def spread_angles(views: int, arc: float = 180.0) -> tuple[float, ...]:
    """Angles in degrees that are spread evenly over an arc that begins at 0, without its end."""
    return tuple(arc * view / views for view in range(views))


def view_shares(angles: tuple[float, ...]) -> Floats:
    """The angle in radians that each view stands for in the integral of back-projection.

    Halfway to the neighbours on either side, where views 180° apart are neighbours: with evenly
    spread ones it is π/views. A gap more than ``WEDGE`` times as wide as any other is a limited
    range: nobody looked into it, so no view stands for it, and the two beside it stand for as much
    there as on their other side. Then A†y lacks what the missing views would have shown, as the
    pseudo-inverse does, and is dark by their share.
    """
    turns = np.deg2rad(np.asarray(angles) % 180)
    order = np.argsort(turns, kind="stable")
    # The gap behind each view, in the order of the angles; behind the last comes the first.
    gaps = np.diff(turns[order], append=turns[order[0]] + np.pi)
    widest = int(gaps.argmax())
    others = np.delete(gaps, widest)
    behind, before = gaps.copy(), np.roll(gaps, 1)
    if len(others) and 0 < WEDGE * others.max() < gaps[widest]:
        behind[widest] = before[widest]
        following = (widest + 1) % len(gaps)
        before[following] = behind[following]
    shares: Floats = np.empty_like(gaps)
    shares[order] = (behind + before) / 2
    return shares


def n_detectors(size: int) -> int:
    """Detector elements that cover the diagonal of a size×size image."""
    return math.ceil(math.sqrt(2) * size)


def ramp_filter(y: Tensor) -> Tensor:
    """The ramp filter along the detectors of (B, 1, detectors, views).

    Built from its spatial samples to keep the mean right (Kak & Slaney, Principles of Computerized
    Tomographic Imaging).
    """
    n_rays = y.shape[2]
    response = _ramp_response(n_rays, y.device, y.dtype)
    n_padded = 2 * (len(response) - 1)
    spectrum = torch.fft.rfft(y, n=n_padded, dim=2) * response
    filtered: Tensor = torch.fft.irfft(spectrum, n=n_padded, dim=2)[:, :, :n_rays]
    return filtered


@lru_cache(maxsize=16)
def _ramp_response(n_rays: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """The frequency response (n_padded // 2 + 1, 1) for rows of ``n_rays``."""
    n_padded = max(64, 2 ** math.ceil(math.log2(2 * n_rays)))
    offset = torch.arange(n_padded)
    offset = torch.minimum(offset, n_padded - offset).double()
    kernel = torch.where(offset % 2 == 1, -1 / (torch.pi * offset.clamp(min=1)) ** 2, 0.0)
    kernel[0] = 0.25
    response: Tensor = 2 * torch.fft.rfft(kernel).real[:, None]
    return response.to(device, dtype)


@dataclass(frozen=True)
class ProjectionView:
    """One of ``views`` views of a size×size image; ``angle`` is in degrees."""

    size: int
    place: int
    views: int
    angle: float

    @property
    def direction(self) -> tuple[float, float]:
        """Cosine and sine of the angle."""
        angle = math.radians(self.angle)
        return math.cos(angle), math.sin(angle)


def _project(view: ProjectionView) -> Triplets:
    """One view of the projector: bilinear samples along each ray, one pixel apart.

    A row for each ray of the first part of the path, then of the second, and so on.
    """
    size, n_rays = view.size, n_detectors(view.size)
    cosine, sine = view.direction
    ray, along = np.meshgrid(np.arange(n_rays), np.arange(n_rays))
    u, v = ray - n_rays // 2, along - n_rays // 2
    column = cosine * u + sine * v + size // 2
    row = -sine * u + cosine * v + size // 2
    left, top = np.floor(column).astype(np.int64), np.floor(row).astype(np.int64)
    row_of_part = (along * PARTS // n_rays * n_rays + ray) * view.views + view.place
    parts: list[Triplets] = []
    for right, below in ((0, 0), (1, 0), (0, 1), (1, 1)):
        i, j = top + below, left + right
        weight = (1 - abs(row - i)) * (1 - abs(column - j))
        inside = (i >= 0) & (i < size) & (j >= 0) & (j < size) & (weight > 0)
        parts.append((row_of_part[inside], (i * size + j)[inside], weight[inside]))
    return _concatenate(parts)


def _interpolate(view: ProjectionView, share: float) -> Triplets:
    """One view of the back-projector: each pixel reads between its two nearest detectors.

    The factor is that of the inversion formula: half the angle that the view stands for.
    """
    size, n_rays = view.size, n_detectors(view.size)
    cosine, sine = view.direction
    row, column = np.mgrid[:size, :size] - size // 2
    position = (column * cosine - row * sine + n_rays // 2).ravel()
    pixel = np.arange(size * size)
    lower = np.floor(position).astype(np.int64)
    parts: list[Triplets] = []
    for ray in (lower, lower + 1):
        weight = 1 - abs(position - ray)
        inside = (position >= 0) & (position <= n_rays - 1) & (weight > 0)
        weight = weight * share / 2
        parts.append((pixel[inside], (ray * view.views + view.place)[inside], weight[inside]))
    return _concatenate(parts)


def _concatenate(parts: list[Triplets]) -> Triplets:
    rows, columns, weights = (np.concatenate(each) for each in zip(*parts, strict=True))
    return rows, columns, weights


def _assemble(views: list[Triplets], shape: tuple[int, int]) -> sparse.coo_array:
    rows, columns, weights = _concatenate(views)
    return sparse.coo_array((weights, (rows, columns)), shape=shape)
