"""Places of a grid that are measured: the same of all images, or of each its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from reilab.key import Key
from reilab.settings import Setting

ONE, MANY = "one", "many"
#: The setting of a task that names one of them.
OPERATORS = Setting(
    "Masks of simulated measurements: one for all images, or many, one of its own for each, drawn "
    "alike and with as many entries.",
    choices=(ONE, MANY),
)


@dataclass(frozen=True, eq=False)
class Masks:
    """Where masks come from: as many as there are addresses, each of equally many places.

    Args:
        draw: the places (m,) of the mask at an address.
        key: address of the masks of a problem.
        picture: how a person sees measurements (B, *range) of an operator, (B, 1 or 3, H, W).

    >>> from functools import partial
    >>> from reilab.physics import random_pixels
    >>> masks = Masks(partial(random_pixels, 2, 0.5), Key(0), lambda physics, y: physics.pinv(y))
    >>> masks.at(Key(0), range(3)).shape
    torch.Size([3, 2])
    """

    draw: Callable[[Key], Tensor]
    key: Key
    picture: Callable[[Any, Tensor], Tensor]

    def at(self, key: Key, index: Iterable[int]) -> Tensor:
        """The masks at ``key / i``, one a row, on the CPU: (B, m)."""
        return torch.stack([self.draw(key / i) for i in index])


def taken(grid: Tensor, places: Tensor) -> Tensor:
    """Entries along the last axis, (n, …, N) to (n, …, m).

    Args:
        grid: B images, or the batch several times over, n = k B; or one, for each of B masks.
        places: (m,), those of all images; or (B, m), row b those of the images b, b + B, b + 2 B …
    """
    if places.ndim == 1:
        return grid.index_select(-1, places)
    n = max(len(grid), len(places))
    whole = grid.expand(n, *grid.shape[1:])
    return whole.gather(-1, _index(places, whole))


def placed(y: Tensor, places: Tensor, size: int) -> Tensor:
    """The transpose of ``taken``: entries (n, …, m) in their places (n, …, size), else zero."""
    blank = y.new_zeros(*y.shape[:-1], size)
    if places.ndim == 1:
        return blank.index_copy(-1, places, y)
    return blank.scatter(-1, _index(places, y), y)


def _index(places: Tensor, like: Tensor) -> Tensor:
    """Places (B, m) of each of the images of ``like`` (n, …, ·): (n, …, m)."""
    n, *between, _ = like.shape
    rows = places.repeat(n // len(places), 1)
    return rows.view(n, *[1] * len(between), places.shape[1]).expand(n, *between, -1)
