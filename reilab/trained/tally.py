"""Tally: how far trained networks have come with what they were asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

#: Is told how many reconstructions of how many are made; what it raises ends the work.
Watch: TypeAlias = Callable[[int, int], None]


def unwatched(done: int, of: int) -> None:
    """Nobody wants to know."""


@dataclass
class Tally:
    """Counts reconstructions, and tells of them.

    Args:
        of: how many there will be.
        watch: is told.
    """

    of: int
    watch: Watch = unwatched
    done: int = 0

    def count(self, more: int) -> None:
        """So many more are made."""
        self.done += more
        self.watch(self.done, self.of)
