"""Prepare: convert the files of a data set once into a compact cache."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from reilab.datasets.bundled import BUNDLED
from reilab.datasets.cache import (
    FORMAT,
    NEEDED,
    SPLITS,
    Cache,
    Index,
    IndexEntry,
    Note,
    cache_folder,
    encode,
    open_cache,
    sha256_of,
)
from reilab.datasets.contact import contact_sheet
from reilab.datasets.formats.contents import UnreadableError, WithoutTruthError
from reilab.datasets.partial import JournalLine, Partial
from reilab.datasets.recipe import Recipe, Source, held_back

#: Largest value of every image.
HIGH = 1.0
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


@dataclass(frozen=True)
class Plan:
    """What is to be prepared.

    Args:
        name: by which tasks will ask for it.
        origin: the known data set it is, or ``folder``.
        recipe: how.
        folder: where its files are.
        root: the data root, below which the cache is written.
    """

    name: str
    origin: str
    recipe: Recipe
    folder: Path
    root: Path

    @property
    def choices(self) -> dict[str, str | int | float]:
        """The fields of the recipe."""
        return asdict(self.recipe)  # type: ignore[call-overload,no-any-return]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of an image, (C, S, S)."""
        return self.recipe.channels, self.recipe.size, self.recipe.size


@dataclass(frozen=True)
class Progress:
    """Where a preparation stands: files done of all, the last of them, images so far, failures."""

    done: int
    total: int
    source: str
    n_images: int
    n_failed: int


def prepare(plan: Plan, watch: Callable[[Progress], None]) -> Cache:
    """Convert all files, or those that an interrupted preparation has left; the finished cache.

    A file that cannot be used is noted in the index and does not stop the others. The cache is
    written beside its place and moved there when it is whole.

    Args:
        plan: what and how.
        watch: is told of every file.

    Raises:
        FileNotFoundError: there are no files.
        ValueError: no image to train or none to test was found, the name cannot be used, or another
            process prepares the same data set.
    """
    check_name(plan.name)
    sources = held_back(plan.recipe.sources(plan.folder), plan.recipe.validation)
    if not sources:
        raise FileNotFoundError(f"no files of {plan.origin} in {plan.folder}")
    stamps = stamps_of(plan.folder, sources)
    place = cache_folder(plan.root, plan.name)
    cache = open_cache(plan.root, plan.name) if (place / "index.json").is_file() else None
    if cache is not None and is_current(cache, plan, stamps):
        return cache
    place.parent.mkdir(parents=True, exist_ok=True)
    with _alone(place):
        return _publish(plan, _convert(plan, sources, stamps, watch))


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """Keep other processes from preparing the same data set."""
    lock = FileLock(place.with_name(f".{place.name}.lock"), timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise ValueError(f"another process is preparing {place.name!r}; wait for it") from None
    try:
        yield
    finally:
        Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()


def check_name(name: str) -> None:
    """See that a data set can be called so.

    Raises:
        ValueError: the name is taken, or would not make a folder.
    """
    if name in BUNDLED:
        raise ValueError(f"name = {name!r} is a bundled set; choose another name")
    if not NAME.fullmatch(name):
        raise ValueError(f"name = {name!r} may have letters, digits, - and _ only")


def stamps_of(folder: Path, sources: Sequence[Source]) -> dict[str, tuple[int, int]]:
    """Size and time of change of each file, by its name below ``folder``."""
    stats = {_name(s.path, folder): s.path.stat() for s in sources}
    return {name: (stat.st_size, stat.st_mtime_ns) for name, stat in stats.items()}


def is_current(cache: Cache, plan: Plan, stamps: Mapping[str, tuple[int, int]]) -> bool:
    """Whether a cache was made of the same files in the same way."""
    index = cache.index
    # Before they could be held back, none were.
    return {"validation": 0.0, **index.recipe} == plan.choices and dict(index.sources) == dict(
        stamps
    )


def _name(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()


def _partial(plan: Plan) -> Partial:
    return Partial(cache_folder(plan.root, plan.name + ".partial"), plan.shape)


def _convert(
    plan: Plan,
    sources: Sequence[Source],
    stamps: Mapping[str, tuple[int, int]],
    watch: Callable[[Progress], None],
) -> list[JournalLine]:
    partial = _partial(plan)
    identity = {"format": FORMAT, "origin": plan.origin, **plan.choices}
    lines = partial.begin({**identity, "folder": str(plan.folder.resolve())}, stamps)
    for source in sources[len(lines) :]:
        name = _name(source.path, plan.folder)
        line, images = _read(plan, source, name, stamps[name])
        partial.add(line, images)
        lines.append(line)
        n_images = sum(len(entries) for one in lines for entries in one.images.values())
        n_failed = sum(bool(one.failed) for one in lines)
        watch(Progress(len(lines), len(sources), name, n_images, n_failed))
    return lines


def _read(
    plan: Plan, source: Source, name: str, stamp: tuple[int, int]
) -> tuple[JournalLine, dict[str, list[NDArray[np.int16]]]]:
    """The journal line of a file and its images; none of them if the file fails half-way."""
    images: dict[str, list[NDArray[np.int16]]] = {split: [] for split in SPLITS}
    entries: dict[str, list[IndexEntry]] = {split: [] for split in SPLITS}
    nothing: dict[str, tuple[IndexEntry, ...]] = dict.fromkeys(SPLITS, ())
    try:
        for found in plan.recipe.read(source):
            stored = encode(found.image, plan.recipe.low, HIGH)
            full = name if found.place is None else f"{name}[{found.place}]"
            images[found.split].append(stored)
            entries[found.split].append(IndexEntry(full, sha256_of(stored)))
    except UnreadableError as error:
        return JournalLine(name, stamp, nothing, failed=str(error)), {}
    except WithoutTruthError as error:
        return JournalLine(name, stamp, nothing, left_out=str(error)), {}
    except OSError as error:
        return JournalLine(name, stamp, nothing, failed=f"cannot be opened: {error.strerror}"), {}
    return JournalLine(name, stamp, {s: tuple(e) for s, e in entries.items()}), images


def _publish(plan: Plan, lines: Sequence[JournalLine]) -> Cache:
    partial = _partial(plan)
    index = _index(plan, lines)
    if missing := [split for split in NEEDED if not index.images[split]]:
        partial.discard()
        notes = (*index.failed, *index.left_out)
        first = f"; the first that failed: {notes[0].source} {notes[0].reason}" if notes else ""
        raise ValueError(
            f"{plan.folder} has no {' and no '.join(missing)} images that can be used, "
            f"of {len(lines)} files{first}"
        )
    partial.finish({split: len(entries) for split, entries in index.images.items()})
    (partial.folder / "index.json").write_text(index.to_json(), encoding="utf-8")
    made = Cache(partial.folder, index)
    made.verify()
    contact_sheet(made).save(partial.folder / "contact_sheet.png")
    return Cache(_move(partial.folder, cache_folder(plan.root, plan.name)), index)


def _index(plan: Plan, lines: Sequence[JournalLine]) -> Index:
    return Index(
        name=plan.name,
        origin=plan.origin,
        recipe=plan.choices,
        channels=plan.recipe.channels,
        size=plan.recipe.size,
        low=plan.recipe.low,
        high=HIGH,
        images={s: tuple(e for line in lines for e in line.images[s]) for s in SPLITS},
        sources={line.source: line.stamp for line in lines},
        failed=tuple(Note(line.source, line.failed) for line in lines if line.failed),
        left_out=tuple(Note(line.source, line.left_out) for line in lines if line.left_out),
    )


def _move(made: Path, place: Path) -> Path:
    """Put a finished folder in its place; runs that read the one before keep their files."""
    before = place.with_name(f"{place.name}.before")
    shutil.rmtree(before, ignore_errors=True)
    for path in made.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
    if place.exists():
        place.rename(before)
    made.rename(place)
    shutil.rmtree(before, ignore_errors=True)
    return place
