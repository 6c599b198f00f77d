"""Where the files of a known data set are, and what of it is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reilab.datasets.cache import Cache, open_cache
from reilab.datasets.known import KNOWN, KnownSet
from reilab.datasets.recipe import Source


@dataclass(frozen=True)
class SetStanding:
    """What there is of a known data set: its cache, and the folder and files it can be made of."""

    cache: Cache | None
    folder: Path | None
    sources: Sequence[Source]


def standing_of(name: str, root: Path, folder: Path | None) -> SetStanding:
    """Look for a known data set.

    Args:
        name: from ``KNOWN``.
        root: the data root.
        folder: where its files are, if the user said so.

    Raises:
        ValueError: its cache cannot be read.
    """
    known = KNOWN[name]
    place = find_folder(known, root) if folder is None else folder
    sources = known.recipe().sources(place) if place and place.is_dir() else ()
    return SetStanding(open_cache(root, name), place, sources)


def find_folder(known: KnownSet, root: Path) -> Path | None:
    """The folder with the files of a data set: one of its usual names, or the root itself."""
    if not root.is_dir():
        return None
    named = {path.name.lower(): path for path in sorted(root.iterdir()) if path.is_dir()}
    for name in known.folders:
        if name in named:
            return named[name]
    here = any(next(root.glob(mark), None) for mark in known.marks)
    return root if here else None
