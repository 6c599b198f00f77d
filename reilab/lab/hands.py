"""Hands: what a page does to runs goes through them, so that who only watches changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Hands:
    """What somebody in front of a page may do.

    Args:
        tied: the page only watches.
        below: the folder below which files may be named; anywhere if there is none.
    """

    tied: bool = False
    below: Path | None = None

    def do(self, act: Callable[..., T], *values: Any) -> T:
        """Do something to a run.

        Raises:
            PermissionError: the page only watches; nothing is done.
        """
        if self.tied:
            raise PermissionError("This page only watches; the lab's own address opens one to act.")
        return act(*values)

    def check_places(self, settings: Mapping[str, Any]) -> None:
        """See that settings name no file or folder but those that may be named.

        Raises:
            PermissionError: one does, be it by a link or by ``..``.
        """
        if self.below is None:
            return
        root = self.below.resolve()
        for name, value in settings.items():
            places = [root / value, Path(value)] if isinstance(value, str) and value else []
            found = [place.resolve() for place in places if place.exists()]
            if not all(place.is_relative_to(root) for place in found):
                raise PermissionError(
                    f"{name} = {value!r} is not below the data root, and a lab that others reach "
                    "reads nothing else; have it put there"
                )


FREE = Hands()
