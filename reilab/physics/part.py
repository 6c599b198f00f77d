"""Operators made of another one: a part of its measurements, and the operator behind a turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from torch import Tensor

from reilab.physics.base import LinearPhysics, Physics
from reilab.physics.radon import Radon
from reilab.physics.transmission import Transmission

Turn: TypeAlias = Callable[[Tensor], Tensor]


@dataclass(frozen=True, eq=False)
class PhysicsPart:
    """A₁ x = A(x)[…, places]: columns or entries of k-space, pixels, or views.

    A₁† takes what is missing for what A makes of an image of zeros: the pseudo-inverse where
    A Aᵀ = I, as for masks.

    Args:
        whole: A, whose measurements come one by one along the last axis.
        places: of those of the part, on the device of the measurements.
        gain: what A₁† is multiplied by: in filtered back-projection each of the views that are left
            stands for several.

    >>> import torch
    >>> from reilab.physics import PixelMask
    >>> part = part_of(PixelMask((1, 2, 2), torch.tensor([0, 1, 3])), torch.tensor([0, 2]))
    >>> y = part(torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]))
    >>> y
    tensor([[[1., 4.]]])
    >>> part.pinv(y)
    tensor([[[[1., 0.],
              [0., 4.]]]])
    """

    whole: Physics
    places: Tensor
    gain: float = 1.0

    @property
    def domain(self) -> tuple[int, ...]:
        return self.whole.domain

    @property
    def range(self) -> tuple[int, ...]:
        return *self.whole.range[:-1], len(self.places)

    def __call__(self, x: Tensor) -> Tensor:
        return self.whole(x).index_select(-1, self.places)

    def pinv(self, y: Tensor) -> Tensor:
        return self.gain * self.whole.pinv(self.filled(y))

    def filled(self, y: Tensor) -> Tensor:
        """A measurement by A that is y in its places, and as of an image of zeros elsewhere."""
        blank = self.whole(y.new_zeros(1, *self.domain))
        times = [len(y) // len(blank), *[1] * (y.ndim - 1)]
        return blank.repeat(times).index_copy(-1, self.places, y)


@dataclass(frozen=True, eq=False)
class LinearPhysicsPart(PhysicsPart):
    """A part of a linear operator."""

    whole: LinearPhysics

    def adjoint(self, y: Tensor) -> Tensor:
        """A₁ᵀ y."""
        return self.whole.adjoint(self.filled(y))


def part_of(physics: Physics, places: Tensor) -> PhysicsPart:
    """The operator that makes those of the measurements alone."""
    views = isinstance(whole_of(physics), Radon | Transmission)
    gain = physics.range[-1] / len(places) if views else 1.0
    if isinstance(physics, LinearPhysics):
        return LinearPhysicsPart(physics, places, gain)
    return PhysicsPart(physics, places, gain)


@dataclass(frozen=True, eq=False)
class TurnedPhysics:
    """A T: what A measures of images after they are turned; A† ends with the turn back.

    Args:
        whole: A.
        turn: T, from (B, C, H, W) to the same shape.
        back: its inverse, and its transpose where it is orthogonal.

    >>> import torch
    >>> from reilab.physics import PixelMask
    >>> left, flip = PixelMask((1, 1, 2), torch.tensor([0])), lambda x: x.flip(3)
    >>> TurnedPhysics(left, flip, flip)(torch.tensor([[[[1.0, 2.0]]]]))
    tensor([[[2.]]])
    """

    whole: Physics
    turn: Turn
    back: Turn

    @property
    def domain(self) -> tuple[int, ...]:
        return self.whole.domain

    @property
    def range(self) -> tuple[int, ...]:
        return self.whole.range

    def __call__(self, x: Tensor) -> Tensor:
        return self.whole(self.turn(x))

    def pinv(self, y: Tensor) -> Tensor:
        return self.back(self.whole.pinv(y))


@dataclass(frozen=True, eq=False)
class LinearTurnedPhysics(TurnedPhysics):
    """A linear operator behind a turn."""

    whole: LinearPhysics

    def adjoint(self, y: Tensor) -> Tensor:
        """Tᵀ Aᵀ y where T is orthogonal; of a turn by any angle up to its interpolation."""
        return self.back(self.whole.adjoint(y))


def turned_by(physics: Physics, turn: Turn, back: Turn) -> TurnedPhysics:
    """The operator A T."""
    if isinstance(physics, LinearPhysics):
        return LinearTurnedPhysics(physics, turn, back)
    return TurnedPhysics(physics, turn, back)


def whole_of(physics: Physics) -> Physics:
    """The operator that all others are made of."""
    return whole_of(physics.whole) if isinstance(physics, PhysicsPart | TurnedPhysics) else physics
