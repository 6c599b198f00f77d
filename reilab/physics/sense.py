"""SENSE: MRI with several coils, each of which sees the image through its own sensitivity."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from reilab.physics.fourier import CartesianMRI, PatternMRI

#: Radius of the ring of ``ring_maps`` in half sides of an image: beyond its corners, at √2.
RING = 1.5


@dataclass(frozen=True, eq=False)
class SENSE:
    """A x = (A₁(S_c x))_c: what one coil after the other measures of the image that it sees.

    Pruessmann, Weiger, Scheidegger & Boesiger, Magnetic Resonance in Medicine 42, 1999. Channels of
    a measurement (B, 2·coils, …) are real and imaginary part of each coil in turn; its noise is
    that of whitened coils: equal and independent, see ``noise.coils``.

    Args:
        one: A₁, the operator of a single coil.
        maps: the sensitivities S_c (coils, H, W), complex, Σ|S_c|² = 1 in each pixel.

    >>> from reilab.physics.fourier import CartesianMRI
    >>> physics = SENSE(CartesianMRI((2, 8, 8), torch.tensor([0, 3, 4])), ring_maps(5, 8, 8))
    >>> y = physics(torch.ones(1, 2, 8, 8))
    >>> y.shape, physics.pinv(y).shape
    (torch.Size([1, 10, 8, 3]), torch.Size([1, 2, 8, 8]))
    """

    one: CartesianMRI | PatternMRI
    maps: Tensor

    @property
    def domain(self) -> tuple[int, int, int]:
        return self.one.domain

    @property
    def range(self) -> tuple[int, ...]:
        return 2 * len(self.maps), *self.one.range[1:]

    @property
    def core(self) -> Tensor:
        """Places nearest to the origin, the same for each coil."""
        return self.one.core

    def __call__(self, x: Tensor) -> Tensor:
        if isinstance(self.one, CartesianMRI) and self.one.columns.ndim == 2 and len(x) == 1:
            # One image, measured through each mask.
            x = x.expand(len(self.one.columns), *x.shape[1:])
        seen = as_channels(self.maps[:, None] * as_complex(x))
        return self._in_turn(self.one(seen.flatten(0, 1)))

    def masked(self, places: Tensor) -> SENSE:
        """The same of other columns."""
        assert isinstance(self.one, CartesianMRI)
        return replace(self, one=self.one.masked(places))

    def kspace(self, y: Tensor) -> Tensor:
        """The whole k-space (B, 2·coils, H, W), zero where nothing was measured."""
        return self._in_turn(self.one.kspace(self._by_coil(y)))

    def adjoint(self, y: Tensor) -> Tensor:
        """Aᵀ y = Σ_c S̄_c A₁ᵀ y_c, the zero-filled images of the coils combined.

        With the weights of Roemer et al., Magnetic Resonance in Medicine 16, 1990.
        """
        seen = as_complex(self.one.adjoint(self._by_coil(y)))
        coils = seen.view(len(self.maps), -1, *seen.shape[1:])
        return as_channels((self.maps.conj()[:, None] * coils).sum(0))

    def pinv(self, y: Tensor) -> Tensor:
        """Equal to the adjoint: Aᵀ A = I where all of k-space is measured, and below it elsewhere.

        What the coils know of each other's gaps is left to a network that solves for it, such as
        ``proximal``.
        """
        return self.adjoint(y)

    def _by_coil(self, y: Tensor) -> Tensor:
        """Of measurements (B, 2·coils, …) those of the first coil, the second … (coils·B, 2, …)."""
        pairs = y.reshape(len(y), len(self.maps), 2, *y.shape[2:])
        return pairs.transpose(0, 1).flatten(0, 1)

    def _in_turn(self, by_coil: Tensor) -> Tensor:
        """The inverse of ``_by_coil``."""
        coils = by_coil.reshape(len(self.maps), -1, *by_coil.shape[1:])
        return coils.transpose(0, 1).flatten(1, 2)


def as_complex(x: Tensor) -> Tensor:
    """Complex images (…, H, W) of their real and imaginary parts (…, 2, H, W)."""
    return torch.view_as_complex(x.movedim(-3, -1).contiguous())


def as_channels(z: Tensor) -> Tensor:
    """The inverse of ``as_complex``."""
    return torch.view_as_real(z).movedim(-1, -3)


def ring_maps(coils: int, height: int, width: int) -> Tensor:
    """Sensitivities (coils, height, width), complex, of straight wires around an image.

    The field of a wire along the axis goes around it and falls with the distance (Biot & Savart):
    of one at z_c in the complex plane it is proportional to 1/(z − z_c). Here the wires are on a
    ring, their signals in phase at its centre, and Σ|S_c|² = 1 in each pixel.

    >>> ring_maps(3, 4, 4).abs().square().sum(0).round(decimals=3).unique()
    tensor([1.])
    """
    down, right = (torch.linspace(-1, 1, side) for side in (height, width))
    z = torch.complex(right.expand(height, -1), down[:, None].expand(-1, width))
    angles = 2 * math.pi * torch.arange(coils) / coils
    wires = torch.polar(torch.tensor(RING), angles)[:, None, None]
    maps = 1 / (1 - z / wires)
    return maps / maps.abs().square().sum(0).sqrt()
