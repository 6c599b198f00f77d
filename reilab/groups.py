"""Groups of transforms under which images stay images. Sampling is random, acting is not.

``act(g, x)`` applies n transforms to B images and returns (n·B, C, H, W), transform by transform.
Elements g live on the CPU: they are few numbers, and to read them there no device has to wait.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from reilab.registry import Registry


class Group(Protocol):
    """A family of invertible image transforms."""

    def sample(self, n: int, rng: torch.Generator) -> Tensor:
        """N random elements, one a row; ``rng`` lives on the CPU."""
        ...

    def act(self, g: Tensor, x: Tensor) -> Tensor:
        """The transforms g of the images x (B, C, H, W): (n·B, C, H, W)."""
        ...

    def inverse(self, g: Tensor) -> Tensor:
        """The elements that undo g."""
        ...


@dataclass(frozen=True)
class Shifts:
    """Circular shifts by whole pixels, at least 2 a side; g (n, 2) are offsets down and right.

    T_g x(i, j) = x(i − g₁, j − g₂), indices modulo the sides.

    >>> Shifts(size=2).act(torch.tensor([[1, 0]]), torch.arange(4.0).view(1, 1, 2, 2))
    tensor([[[[2., 3.],
              [0., 1.]]]])
    """

    size: int

    def sample(self, n: int, rng: torch.Generator) -> Tensor:
        return torch.randint(1, self.size, (n, 2), generator=rng)

    def act(self, g: Tensor, x: Tensor) -> Tensor:
        return torch.cat([x.roll(offset, dims=(2, 3)) for offset in g.tolist()])

    def inverse(self, g: Tensor) -> Tensor:
        return -g


@dataclass(frozen=True)
class Rotations:
    """Rotations about the image centre, bilinear, zero outside; g (n, 1) in whole degrees.

    Exact inverses need the continuum: a rotation and its inverse blur the image a little, and the
    corners are lost.

    T_g x(p) = x(R₋g p), p from the centre, R₋g a turn by −g.

    >>> group, rng = Rotations(), torch.Generator().manual_seed(0)
    >>> group.act(group.sample(2, rng), torch.ones(3, 1, 8, 8)).shape
    torch.Size([6, 1, 8, 8])
    """

    def sample(self, n: int, rng: torch.Generator) -> Tensor:
        return torch.randint(1, 360, (n, 1), generator=rng)

    def act(self, g: Tensor, x: Tensor) -> Tensor:
        grid = _turning_grid(g[:, 0], x)
        return F.grid_sample(
            x.repeat(len(g), 1, 1, 1), grid.repeat_interleave(len(x), 0), align_corners=False
        )

    def inverse(self, g: Tensor) -> Tensor:
        return -g


def turned(x: Tensor, degrees: Tensor) -> Tensor:
    """The images x (B, C, H, W), each turned by its own angle (B,): bicubic, zero outside.

    Counter-clockwise, as ``Rotations``, but with less blur; what overshoots the values of its image
    is cut off.
    """
    grid = _turning_grid(degrees, x)
    found = F.grid_sample(x, grid, mode="bicubic", align_corners=False)
    low, high = x.amin((1, 2, 3), keepdim=True), x.amax((1, 2, 3), keepdim=True)
    return found.clamp(low.clamp(max=0), high)


def _turning_grid(degrees: Tensor, x: Tensor) -> Tensor:
    """Where images like x (·, C, H, W) are read from when they are turned: (n, H, W, 2)."""
    angle = torch.deg2rad(degrees.to(x.dtype))
    cos, sin, zero = angle.cos(), angle.sin(), torch.zeros_like(angle)
    # Rows of the map from output to input coordinates, counter-clockwise as seen on a screen;
    # coordinates run from −1 to 1 along either side, however long it is.
    ratio = x.shape[2] / x.shape[3]
    rows = [cos, -sin * ratio, zero, sin / ratio, cos, zero]
    matrix = torch.stack(rows, 1).view(-1, 2, 3).to(x.device, non_blocking=True)
    return F.affine_grid(matrix, [len(degrees), *x.shape[1:]], align_corners=False)


@dataclass(frozen=True)
class QuarterTurns:
    """Rotations by 90°, 180° and 270°, exact, of square images; g (n, 1) counts quarter turns.

    Counter-clockwise as seen on a screen: for n×n images, T_1 x(i, j) = x(j, n − 1 − i).

    >>> QuarterTurns().act(torch.tensor([[1]]), torch.arange(4.0).view(1, 1, 2, 2))
    tensor([[[[1., 3.],
              [0., 2.]]]])
    """

    def sample(self, n: int, rng: torch.Generator) -> Tensor:
        return torch.randint(1, 4, (n, 1), generator=rng)

    def act(self, g: Tensor, x: Tensor) -> Tensor:
        if x.shape[2] != x.shape[3]:
            raise ValueError(
                f"a quarter turn makes images of {x.shape[3]} × {x.shape[2]} out of "
                f"{x.shape[2]} × {x.shape[3]}; crop them to squares, or choose rotations or flips"
            )
        return torch.cat([torch.rot90(x, turns, dims=(2, 3)) for turns in g[:, 0].tolist()])

    def inverse(self, g: Tensor) -> Tensor:
        return -g


@dataclass(frozen=True)
class Flips:
    """Mirror images: down, right or both, exact; g (n, 1) in 1, 2, 3 has one bit per axis.

    For n×n images, T_1 x(i, j) = x(n − 1 − i, j), T_2 x(i, j) = x(i, n − 1 − j), and T_3 = T_1 T_2.

    >>> Flips().act(torch.tensor([[2]]), torch.arange(4.0).view(1, 1, 2, 2))
    tensor([[[[1., 0.],
              [3., 2.]]]])
    """

    def sample(self, n: int, rng: torch.Generator) -> Tensor:
        return torch.randint(1, 4, (n, 1), generator=rng)

    def act(self, g: Tensor, x: Tensor) -> Tensor:
        mirrors = {1: [2], 2: [3], 3: [2, 3]}
        return torch.cat([x.flip(mirrors[bits]) for bits in g[:, 0].tolist()])

    def inverse(self, g: Tensor) -> Tensor:
        return g


@dataclass(frozen=True)
class GroupKind:
    """A registered group; ``spec`` makes it for square images of a side in pixels.

    >>> GROUPS["shifts"](64)
    Shifts(size=64)
    """

    name: str
    spec: Callable[[int], Group]

    def __call__(self, size: int) -> Group:
        return self.spec(size)


#: Every group by the name that settings call it.
GROUPS: Registry[GroupKind] = Registry("group", "reilab.groups", "reilab.groups")
Maker = TypeVar("Maker", bound=Callable[[int], Group])


def group(name: str) -> Callable[[Maker], Maker]:
    """Decorator: register a function that makes a group for square images of a side.

    Raises:
        ValueError: the name is taken.
    """

    def register(make: Maker) -> Maker:
        GROUPS.add(GroupKind(name, make))
        return make

    return register


group("shifts")(Shifts)


@group("rotations")
def rotations(size: int) -> Group:
    """By any whole number of degrees, whatever the side."""
    return Rotations()


@group("quarter-turns")
def quarter_turns(size: int) -> Group:
    """By 90°, 180° and 270°, whatever the side."""
    return QuarterTurns()


@group("flips")
def flips(size: int) -> Group:
    """Down, right or both, whatever the side."""
    return Flips()
