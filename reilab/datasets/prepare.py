"""Prepare: from the files of a data set to a store, once; and a contact sheet to look at."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock, Timeout
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch.nn import functional

from reilab.datasets.bundled import BUNDLED
from reilab.datasets.formats.reader import passed_over
from reilab.datasets.recipe import Recipe, Source, held_back
from reilab.datasets.store import (
    FILE,
    FORMAT,
    NAME,
    SPLITS,
    SourceFile,
    Store,
    StoredImage,
    decode,
    encode,
    prepared_folder,
    read_store,
    sha256_of,
    write_store,
)
from reilab.foreign import UnreadableError, WithoutTruthError

THUMB, GAP, CAPTION = 96, 4, 22
COLUMNS = 8
ROWS = {"train": 3, "validation": 1, "test": 1}
PAPER, INK = 0.98, (40, 40, 40)


def contact_sheet(store: Store) -> Image.Image:
    """Rows of training images, one of each other split, evenly spread; complex: magnitudes."""
    strips = [_strip(store, split, rows) for split, rows in ROWS.items() if store.images[split]]
    sheet = Image.new("RGB", (strips[0].width, sum(strip.height for strip in strips)))
    top = 0
    for strip in strips:
        sheet.paste(strip, (0, top))
        top += strip.height
    return sheet


def _strip(store: Store, split: str, rows: int) -> Image.Image:
    images = store.split(split)
    shown = min(len(images), rows * COLUMNS)
    stored = images.take(torch.arange(shown) * len(images) // shown)
    x = store.low + (1 - store.low) * decode(stored)
    if store.channels == 2:
        x = x.square().sum(1, keepdim=True).sqrt()
    small = functional.interpolate(x, (THUMB, THUMB), mode="bilinear", antialias=True).clamp(0, 1)
    blank = torch.full((-shown % COLUMNS, 3, THUMB, THUMB), PAPER)
    thumbs = torch.cat([small.expand(-1, 3, -1, -1), blank])
    padded = functional.pad(thumbs, (0, GAP, 0, GAP), value=PAPER)
    cells = padded.reshape(-1, COLUMNS, *padded.shape[1:])
    grid = cells.permute(0, 3, 1, 4, 2).flatten(0, 1).flatten(1, 2)
    paper = functional.pad(grid, (0, 0, GAP, 0, CAPTION, 0), value=PAPER)
    strip = Image.fromarray((paper * 255).round().to(torch.uint8).numpy())
    words = f"{store.name} · {split}: {len(images)} images, {store.size} by {store.size}"
    ImageDraw.Draw(strip).text((GAP, GAP), words, INK, ImageFont.load_default(13))
    return strip


#: The splits that no data set can do without.
NEEDED = ("train", "test")


@dataclass(frozen=True)
class Plan:
    """What is to be prepared.

    Args:
        name: by which tasks will ask for it.
        origin: the known data set it is, or ``folder``.
        recipe: how.
        folder: where its files are.
        root: the data root, below which the store is written.
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

    def sources(self, without: Collection[Path] = ()) -> Sequence[Source]:
        """The files and their splits, divided as if those in ``without`` were not there."""
        return held_back(self.recipe.sources(self.folder, without), self.recipe.validation)

    @property
    def place(self) -> Path:
        """The folder of the finished store."""
        return prepared_folder(self.root) / self.name

    @property
    def partial(self) -> Path:
        """The folder of the stores that it is put together from."""
        return self.place.with_name(f"{self.name}.partial")

    def store(
        self, path: Path, images: Mapping[str, Sequence[StoredImage]], sources: Sequence[SourceFile]
    ) -> Store:
        """A store by this plan."""
        known = {split: tuple(images.get(split, ())) for split in SPLITS}
        channels, size, low = self.recipe.channels, self.recipe.size, self.recipe.low
        return Store(path, self.origin, self.choices, channels, size, low, known, tuple(sources))


@dataclass(frozen=True)
class Progress:
    """Where a preparation stands: files done of all, the last of them, images so far, failures."""

    done: int
    total: int
    source: str
    n_images: int
    n_failed: int


def prepare(plan: Plan, watch: Callable[[Progress], None]) -> Store:
    """Convert all files, or those that an interrupted preparation has left; the finished store.

    A file that cannot be used is noted in the store and does not stop the others. The store is
    written beside its place and moved there when it is whole.

    Args:
        plan: what and how.
        watch: is told of every file that is read.

    Raises:
        FileNotFoundError: there are no files.
        ValueError: no image to train or none to test was found, the name cannot be used, another
            process prepares the same data set, or the disk is full.
    """
    check_name(plan.name)
    sources = plan.sources()
    if not sources:
        raise FileNotFoundError(f"no files of {plan.origin} in {plan.folder}{_told_over(plan)}")
    files = {source.path: _as_it_is(source.path, plan.folder) for source in sources}
    store = _current(plan, list(files.values()))
    if store is not None:
        return store
    plan.place.parent.mkdir(parents=True, exist_ok=True)
    with _alone(plan.place):
        parts = _convert(plan, sources, files, watch)
        if _missing(parts.values()):
            # The split goes by name, and all files of one may be of no use: the others share.
            useless = [path for path, part in parts.items() if not any(part.images.values())]
            parts |= _convert(plan, plan.sources(useless), files, watch)
        return _publish(plan, list(parts.values()))


def _told_over(plan: Plan) -> str:
    """What was passed over, and why."""
    counts = passed_over(plan.folder).items()
    return f"; passed over: {', '.join(f'{n} {why}' for why, n in counts)}" if counts else ""


def _missing(parts: Iterable[Store]) -> list[str]:
    """The splits that no data set can do without, and that these lack."""
    return [split for split in NEEDED if not any(part.images[split] for part in parts)]


def _as_it_is(path: Path, folder: Path) -> SourceFile:
    """A file with its size and time of change of now."""
    stat = path.stat()
    return SourceFile(path.relative_to(folder).as_posix(), stat.st_size, stat.st_mtime_ns)


def _whole(path: Path) -> Store | None:
    """The store at a path, if there is one that can be read."""
    try:
        return read_store(path)
    except (FileNotFoundError, UnreadableError):
        return None


def _current(plan: Plan, files: list[SourceFile]) -> Store | None:
    """The store that is in place, if it was made of the same files in the same way."""
    store = _whole(plan.place / FILE)
    read = (
        [replace(file, failed="", left_out="", mended="") for file in store.sources]
        if store
        else []
    )
    return store if store and store.recipe == plan.choices and read == files else None


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


def _convert(
    plan: Plan,
    sources: Sequence[Source],
    files: Mapping[Path, SourceFile],
    watch: Callable[[Progress], None],
) -> dict[Path, Store]:
    """A store of each file, made now or before."""
    plan.partial.mkdir(exist_ok=True)
    parts: dict[Path, Store] = {}
    n_images = n_failed = 0
    for source in sources:
        file = files[source.path]
        path = plan.partial / _key(plan, source, file)
        done = _whole(path)
        part = parts[source.path] = done or _part(plan, source, file, path)
        n_images += sum(map(len, part.images.values()))
        n_failed += len(part.failed)
        if done is None:
            watch(Progress(len(parts), len(sources), file.name, n_images, n_failed))
    return parts


def _key(plan: Plan, source: Source, file: SourceFile) -> str:
    """The name of the store of a file, another one for whatever would change what is in it."""
    how = [FORMAT, plan.origin, plan.choices, str(plan.folder.resolve()), source.split]
    text = json.dumps([*how, asdict(file)], sort_keys=True)
    return f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.h5"


def _part(plan: Plan, source: Source, file: SourceFile, path: Path) -> Store:
    """The store of a file: its images, or none of them if it fails half-way, and why."""
    images: dict[str, list[NDArray[np.int16]]] = {split: [] for split in SPLITS}
    known: dict[str, list[StoredImage]] = {split: [] for split in SPLITS}
    try:
        for found in plan.recipe.read(source):
            stored = encode(found.image, plan.recipe.low)
            full = file.name if found.place is None else f"{file.name}[{found.place}]"
            images[found.split].append(stored)
            known[found.split].append(StoredImage(full, sha256_of(stored)))
            file = replace(file, mended=found.note)
    except UnreadableError as error:
        file, known = replace(file, failed=str(error)), {}
    except WithoutTruthError as error:
        file, known = replace(file, left_out=str(error)), {}
    except OSError as error:
        file, known = replace(file, failed=f"cannot be opened: {error.strerror}"), {}
    return write_store(plan.store(path, known, [file]), images)


def _publish(plan: Plan, parts: Sequence[Store]) -> Store:
    """Put the stores of all files together, look at the whole, and move it to its place."""
    made = plan.partial / plan.name
    made.mkdir(exist_ok=True)
    images = {split: [known for part in parts for known in part.images[split]] for split in SPLITS}
    whole = plan.store(made / FILE, images, [file for part in parts for file in part.sources])
    if missing := _missing(parts):
        shutil.rmtree(plan.partial)
        notes = [f"{name} {reason}" for name, reason in (whole.failed | whole.left_out).items()]
        first = f"; the first that failed: {notes[0]}" if notes else ""
        raise ValueError(
            f"{plan.folder} has no {' and no '.join(missing)} images that can be used, "
            f"of {len(parts)} files{first}{_told_over(plan)}"
        )
    write_store(whole, {s: chain.from_iterable([part.each(s) for part in parts]) for s in SPLITS})
    whole.verify()
    contact_sheet(whole).save(made / "contact_sheet.png")
    _move(made, plan.place)
    shutil.rmtree(plan.partial)
    return replace(whole, path=plan.place / FILE)


def _move(made: Path, place: Path) -> None:
    """Put a finished folder in its place; runs that read the one before keep their file."""
    before = place.with_name(f"{place.name}.before")
    shutil.rmtree(before, ignore_errors=True)
    for path in made.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
    if place.exists():
        place.rename(before)
    made.rename(place)
    shutil.rmtree(before, ignore_errors=True)
