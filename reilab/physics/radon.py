"""Tomography with a flat detector: projector, its exact adjoint, filtered back-projection.

The discretisation is scikit-image's, so its results can be compared number by number: the image is
sampled with bilinear interpolation along each ray, one pixel apart from where the ray is nearest to
the centre of rotation, pixel (n//2, n//2), and the samples are added up. A sinogram is
(B, 1, detectors, views).

A ray of a fan is one of a parallel beam at another angle, so there is one geometry, ``Beam``: the
source of a parallel beam is infinitely far away.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from torch import Tensor

from reilab.physics.sparse import SparseMap
from reilab.settings import choose

Floats = NDArray[np.float64]
Triplets = tuple[NDArray[np.int64], NDArray[np.int64], Floats]

#: A ray's hundreds of terms are added up in so many parts: float32 rounds a fifth as much so.
PARTS = 12
#: A gap between views so many times as wide as the next is a range that was not looked into.
WEDGE = 3
#: Rays that a limited range of views has twice come to count over so many degrees from its ends
#: (Noo et al. 2002).
FEATHER = 10.0
#: What the ramp is multiplied by, of the frequency in cycles per detector element, 0 to 1/2.
FILTERS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "ram-lak": torch.ones_like,
    "shepp-logan": torch.sinc,
    "cosine": lambda frequency: torch.cos(torch.pi * frequency),
    "hann": lambda frequency: torch.cos(torch.pi * frequency) ** 2,
}


@dataclass(frozen=True)
class Beam:
    """Rays from a source to a flat detector, in pixels of the image; by itself a parallel beam.

    At the angle β the detector lies along (cos β, sin β), and the source is ``source`` away from
    the centre of rotation, towards (sin β, −cos β), where the second axis goes up the image. Widths
    are those at the centre, as if the detector stood there: ``fan`` makes them of a real one.

    Args:
        source: distance of the source from the centre.
        pixel: width of a detector element.
        offset: of the detector, in elements: without it the line through the centre meets the
            middle of element n // 2.
        detectors: number of elements; 0: as many as see the whole image without an offset.
        filter: of filtered back-projection, a name in ``FILTERS``.

    >>> Beam.fan(source=500, detector=1000, pixel=2)
    Beam(source=500, pixel=1.0, offset=0.0, detectors=0, filter='ram-lak')
    >>> physics = radon_at(8, spread_angles(4, 360), Beam(source=12))
    >>> y = physics(torch.ones(1, 1, 8, 8))
    >>> y.shape, physics.pinv(y).shape
    (torch.Size([1, 1, 13, 4]), torch.Size([1, 1, 8, 8]))
    """

    source: float = math.inf
    pixel: float = 1.0
    offset: float = 0.0
    detectors: int = 0
    filter: str = "ram-lak"

    @classmethod
    def fan(cls, source: float, detector: float, pixel: float, offset: float = 0.0) -> Beam:
        """That of a detector as far from the source as that, with elements as wide as that."""
        return cls(source, pixel * source / detector, offset)

    def n_detectors(self, size: int) -> int:
        """Detector elements for size×size images.

        Raises:
            ValueError: the source is within the image.
        """
        half = size / math.sqrt(2)
        if self.source <= half:
            raise ValueError(
                f"source = {self.source:g} pixels from the centre, which is within an image of "
                f"{size}×{size}; give more than {half:.1f}, half of its diagonal"
            )
        # Where the ray that just touches the circle around the image crosses the detector.
        reach = half / math.sqrt(1 - (half / self.source) ** 2)
        return self.detectors or math.ceil(2 * reach / self.pixel)

    def places(self, size: int) -> Floats:
        """Where along the detector its elements are, in pixels from the centre: (detectors,)."""
        n = self.n_detectors(size)
        places: Floats = self.pixel * (np.arange(n, dtype=np.float64) - n // 2 + self.offset)
        return places

    def tilts(self, size: int) -> Floats:
        """The angle γ of each ray with the line from the source through the centre, in radians."""
        tilts: Floats = np.arctan(self.places(size) / self.source)
        return tilts


PARALLEL = Beam()


@dataclass(frozen=True, eq=False)
class Radon:
    """Line integrals in units of pixels: (B, 1, n, n) to (B, 1, detectors, views).

    ``angles`` are those of the views, in degrees; the projector's rows come in ``parts``; the rays
    are weighed by ``weights`` (detectors, views) before they are filtered.

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
    beam: Beam
    projector: SparseMap
    backprojector: SparseMap
    weights: Tensor
    parts: int = PARTS

    @property
    def views(self) -> int:
        return len(self.angles)

    @property
    def domain(self) -> tuple[int, int, int]:
        return 1, self.size, self.size

    @property
    def range(self) -> tuple[int, int, int]:
        return 1, self.beam.n_detectors(self.size), self.views

    @cached_property
    def double(self) -> Radon:
        """The same operator in float64, for what rounding spoils; made when it is first needed.

        It has no use for parts, and without them it takes a third of the time.
        """
        return replace(
            self,
            projector=self.projector.double(self.parts),
            backprojector=self.backprojector.double(),
            weights=self.weights.double(),
            parts=1,
        )

    def __call__(self, x: Tensor) -> Tensor:
        return self.projector(x.flatten(1)).reshape(-1, self.parts, *self.range).sum(1)

    def adjoint(self, y: Tensor) -> Tensor:
        parts = y[:, None].expand(-1, self.parts, -1, -1, -1)
        return self.projector.T(parts.flatten(1)).reshape(-1, *self.domain)

    def pinv(self, y: Tensor) -> Tensor:
        """Filtered back-projection (an approximate inverse).

        Kak & Slaney, Principles of Computerized Tomographic Imaging, section 3.3 for parallel beams
        and 3.4.2 for fans on a flat detector: rays are weighed by cos γ, filtered along the
        detector, and back-projected with 1/U², U the distance from the source along its line
        through the centre, as a share of the centre's. A ray that two views have counts once.
        """
        filtered = ramp_filter(y * self.weights, self.beam.filter)
        return self.backprojector(filtered.flatten(1)).reshape(-1, *self.domain)


def parallel_beam(
    size: int, views: int, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
) -> Radon:
    """The Radon transform of size×size images at angles kπ/views, k = 0 … views − 1."""
    return parallel_beam_at(size, spread_angles(views), device, dtype)


def parallel_beam_at(
    size: int,
    angles: tuple[float, ...],
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Radon:
    """The Radon transform of size×size images at any angles, in degrees."""
    return radon_at(size, angles, PARALLEL, device, dtype)


@lru_cache(maxsize=4)
def radon_at(
    size: int,
    angles: tuple[float, ...],
    beam: Beam,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Radon:
    """Line integrals of size×size images along a beam at any angles, in degrees.

    Memory: about 9 · size² · views entries of 8 bytes, both matrices and their transposes.

    Raises:
        ValueError: the source is within the image, or the filter is unknown.
    """
    choose("filter", beam.filter, FILTERS)
    n_pixels, n_rays = size * size, beam.n_detectors(size) * len(angles)
    views = [
        ProjectionView(size, beam, place, len(angles), angle) for place, angle in enumerate(angles)
    ]
    parallel = math.isinf(beam.source)
    shares = view_shares(angles, 180 if parallel else 360)
    weights = np.cos(beam.tilts(size))[:, None] * (
        np.ones(len(angles)) if parallel else ray_shares(angles, beam.tilts(size))
    )
    project = [_project(view) for view in views]
    spread = [_interpolate(view, share) for view, share in zip(views, shares, strict=True)]
    return Radon(
        size,
        angles,
        beam,
        SparseMap.of(_assemble(project, (PARTS * n_rays, n_pixels)), device, dtype),
        SparseMap.of(_assemble(spread, (n_pixels, n_rays)), device, dtype),
        torch.from_numpy(weights).to(device, dtype),
    )


def spread_angles(views: int, arc: float = 180.0) -> tuple[float, ...]:
    """Angles in degrees that are spread evenly over an arc that begins at 0, without its end."""
    return tuple(arc * view / views for view in range(views))


def view_shares(angles: tuple[float, ...], turn: float = 180.0) -> Floats:
    """The angle in radians that each view stands for in the integral of back-projection.

    Halfway to the neighbours on either side, where views a ``turn`` apart, in degrees, are
    neighbours: with evenly spread ones it is π/views for 180°. A gap more than ``WEDGE`` times as
    wide as any other is a limited range: nobody looked into it, so no view stands for it, and the
    two beside it stand for as much there as on their other side. Then A†y lacks what the missing
    views would have shown, as the pseudo-inverse does, and is dark by their share. Views at one
    angle share what it stands for.
    """
    turned = np.asarray(angles) % turn
    distinct, place, times = np.unique(turned, return_inverse=True, return_counts=True)
    gaps, wedge = _gaps(distinct, turn)
    behind, before = gaps.copy(), np.roll(gaps, 1)
    if wedge is not None:
        behind[wedge] = before[wedge]
        following = (wedge + 1) % len(gaps)
        before[following] = behind[following]
    shares: Floats = (behind + before) / 2 / times
    return shares[place]


def ray_shares(angles: tuple[float, ...], tilts: Floats) -> Floats:
    """What each ray of a fan counts, for ``tilts`` (detectors,) in radians: (detectors, views).

    The view at β has the ray at γ once more, from behind, in the view at β + π − 2γ. All around
    each counts half. Of a limited range, c(β) / (c(β) + c(β + π − 2γ)), where c rises from 0 to 1
    over ``FEATHER`` degrees from either end: a jump would be sharpened by the filter (Noo,
    Defrise, Clackdoyle & Kudo, Physics in Medicine and Biology 47, 2002; Parker 1982).
    """
    distinct, place = np.unique(np.asarray(angles) % 360, return_inverse=True)
    _, wedge = _gaps(distinct, 360)
    if wedge is None:
        return np.full((len(tilts), len(angles)), 0.5)
    shares, turns = view_shares(tuple(distinct), 360), np.deg2rad(distinct)
    first, last = (wedge + 1) % len(distinct), wedge
    start = turns[first] - shares[first] / 2
    seen = (turns[last] + shares[last] / 2 - start) % (2 * np.pi)

    def trust(turn: Floats) -> Floats:
        along = (turn - start) % (2 * np.pi)
        inside = np.minimum(along, seen - along).clip(0)
        rise: Floats = np.sin(np.pi / 2 * (inside / np.deg2rad(FEATHER)).clip(max=1)) ** 2
        return rise

    own, other = trust(turns), trust(turns + np.pi - 2 * tilts[:, None])
    counted: Floats = own / (own + other)
    return counted[:, place]


def _gaps(distinct: Floats, turn: float) -> tuple[Floats, int | None]:
    """The radians behind each of the angles, in order, and behind which nobody looked, if any."""
    turns = np.deg2rad(distinct)
    # Behind the last comes the first.
    gaps: Floats = np.diff(turns, append=turns[0] + np.deg2rad(turn))
    widest = int(gaps.argmax())
    others = np.delete(gaps, widest)
    unseen = len(others) and 0 < WEDGE * others.max() < gaps[widest]
    return gaps, widest if unseen else None


def n_detectors(size: int) -> int:
    """Detector elements that cover the diagonal of a size×size image, a pixel each."""
    return PARALLEL.n_detectors(size)


def ramp_filter(y: Tensor, window: str = "ram-lak") -> Tensor:
    """The ramp filter along the detectors of (B, 1, detectors, views), as by ``FILTERS``.

    Built from its spatial samples to keep the mean right (Kak & Slaney, Principles of Computerized
    Tomographic Imaging).
    """
    n_rays = y.shape[2]
    response = _ramp_response(n_rays, window, y.device, y.dtype)
    n_padded = 2 * (len(response) - 1)
    spectrum = torch.fft.rfft(y, n=n_padded, dim=2) * response
    filtered: Tensor = torch.fft.irfft(spectrum, n=n_padded, dim=2)[:, :, :n_rays]
    return filtered


@lru_cache(maxsize=16)
def _ramp_response(n_rays: int, window: str, device: torch.device, dtype: torch.dtype) -> Tensor:
    """The frequency response (n_padded // 2 + 1, 1) for rows of ``n_rays``."""
    n_padded = max(64, 2 ** math.ceil(math.log2(2 * n_rays)))
    offset = torch.arange(n_padded)
    offset = torch.minimum(offset, n_padded - offset).double()
    kernel = torch.where(offset % 2 == 1, -1 / (torch.pi * offset.clamp(min=1)) ** 2, 0.0)
    kernel[0] = 0.25
    passed = FILTERS[window](torch.fft.rfftfreq(n_padded, dtype=torch.float64))
    response: Tensor = 2 * (torch.fft.rfft(kernel).real * passed)[:, None]
    return response.to(device, dtype)


@dataclass(frozen=True)
class ProjectionView:
    """One of ``views`` views of a size×size image; ``angle`` is in degrees."""

    size: int
    beam: Beam
    place: int
    views: int
    angle: float


def _project(view: ProjectionView) -> Triplets:
    """One view of the projector: bilinear samples along each ray, one pixel apart.

    A row for each ray of the first part of the path, then of the second, and so on. The ray at γ of
    a view at β is that of a parallel beam at the angle β − γ, cos γ times as far from the centre as
    its place on the detector.
    """
    size, n_steps = view.size, n_detectors(view.size)
    places, tilts = view.beam.places(size), view.beam.tilts(size)
    ray, along = np.meshgrid(np.arange(len(places)), np.arange(n_steps))
    angles = math.radians(view.angle) - tilts
    cosine, sine = np.cos(angles), np.sin(angles)
    u, v = places * np.cos(tilts), along - n_steps // 2
    column = cosine * u + sine * v + size // 2
    row = -sine * u + cosine * v + size // 2
    left, top = np.floor(column).astype(np.int64), np.floor(row).astype(np.int64)
    row_of_part = (along * PARTS // n_steps * len(places) + ray) * view.views + view.place
    parts: list[Triplets] = []
    for right, below in ((0, 0), (1, 0), (0, 1), (1, 1)):
        i, j = top + below, left + right
        weight = (1 - abs(row - i)) * (1 - abs(column - j))
        inside = (i >= 0) & (i < size) & (j >= 0) & (j < size) & (weight > 0)
        parts.append((row_of_part[inside], (i * size + j)[inside], weight[inside]))
    return _concatenate(parts)


def _interpolate(view: ProjectionView, share: float) -> Triplets:
    """One view of the back-projector: each pixel reads between its two nearest detectors.

    The factor is that of the inversion formula: half the angle that the view stands for, by U² and
    by the width of an element.
    """
    size, beam = view.size, view.beam
    n_rays = beam.n_detectors(size)
    cosine, sine = math.cos(math.radians(view.angle)), math.sin(math.radians(view.angle))
    row, column = np.mgrid[:size, :size] - size // 2
    distance = 1 - (column * sine + row * cosine).ravel() / beam.source
    place = (column * cosine - row * sine).ravel() / distance
    position = place / beam.pixel - beam.offset + n_rays // 2
    pixel = np.arange(size * size)
    lower = np.floor(position).astype(np.int64)
    parts: list[Triplets] = []
    for ray in (lower, lower + 1):
        weight = 1 - abs(position - ray)
        inside = (position >= 0) & (position <= n_rays - 1) & (weight > 0)
        weight = weight * share / 2 / (distance**2 * beam.pixel)
        parts.append((pixel[inside], (ray * view.views + view.place)[inside], weight[inside]))
    return _concatenate(parts)


def _concatenate(parts: list[Triplets]) -> Triplets:
    rows, columns, weights = (np.concatenate(each) for each in zip(*parts, strict=True))
    return rows, columns, weights


def _assemble(views: list[Triplets], shape: tuple[int, int]) -> sparse.coo_array:
    rows, columns, weights = _concatenate(views)
    return sparse.coo_array((weights, (rows, columns)), shape=shape)
