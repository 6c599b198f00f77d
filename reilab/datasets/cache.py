"""The cache of a prepared data set: one array of 16-bit numbers per split, and an index of it.

A folder ``ROOT/prepared/NAME`` holds ``train.npy``, ``test.npy`` and, where there are images to
validate with, ``validation.npy``, each (N, C, S, S) int16, and ``index.json``, which tells where
each image comes from, the checksums, and what could not be read.
Rounding to 16 bits costs at most 8e-6 of the range of the values.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from reilab.datasets.arrayfile import ArrayFile

#: Changes whenever older caches can no longer be read.
FORMAT = 1
#: Largest 16-bit number; a value in [low, high] is kept as 0 to ``LEVELS``, less ``HALF``.
LEVELS, HALF = 65535, 32768
SPLITS = ("train", "validation", "test")
#: Those that no data set can do without.
NEEDED = ("train", "test")


@dataclass(frozen=True)
class Note:
    """Something about one source file: its name below the source folder, and what is the matter."""

    source: str
    reason: str


@dataclass(frozen=True)
class IndexEntry:
    """An image: where it comes from, ``file`` or ``file[place]``, and sha256 of its numbers."""

    source: str
    sha256: str


@dataclass(frozen=True)
class Index:
    """All that is known of a prepared data set.

    Args:
        name: the name by which tasks ask for it.
        origin: the known data set it was made from, or ``folder``.
        recipe: the choices it was made with.
        channels: 1 grey, 2 real and imaginary part, 3 colour.
        size: side of the images in pixels.
        low: value that the smallest number stands for.
        high: value that the largest number stands for.
        images: for each split, what is known of each image.
        sources: size in bytes and time of change (ns) of every file that was read, by its name.
        failed: files that could not be read.
        left_out: files that are in order but hold no ground truth.
    """

    name: str
    origin: str
    recipe: Mapping[str, str | int | float]
    channels: int
    size: int
    low: float
    high: float
    images: Mapping[str, tuple[IndexEntry, ...]]
    sources: Mapping[str, tuple[int, int]]
    failed: tuple[Note, ...] = ()
    left_out: tuple[Note, ...] = ()

    def to_json(self) -> str:
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1)


def index_from_json(text: str) -> Index:
    """The index in a file.

    Raises:
        ValueError: no index of this format.
    """
    plain: dict[str, Any] = json.loads(text)
    if not isinstance(plain, dict) or plain.pop("format", None) != FORMAT:
        raise ValueError(f"not of format {FORMAT}")
    try:
        return Index(
            **{
                **plain,
                "images": {
                    split: tuple(IndexEntry(**entry) for entry in _entries(plain["images"], split))
                    for split in SPLITS
                },
                "sources": {name: (size, time) for name, (size, time) in plain["sources"].items()},
                "failed": tuple(Note(**note) for note in plain["failed"]),
                "left_out": tuple(Note(**note) for note in plain["left_out"]),
            }
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"incomplete: {error}") from None


def _entries(images: Mapping[str, Any], split: str) -> Any:
    """What is written of a split; older caches do not tell of one to validate with."""
    return images[split] if split in NEEDED else images.get(split, ())


@dataclass(frozen=True)
class Cache:
    """A prepared data set on disk."""

    folder: Path
    index: Index

    @property
    def is_in_place(self) -> bool:
        """Whether it is not one that is being made or replaced."""
        return self.folder.name == self.index.name

    def array(self, split: str, threads: int = 1) -> ArrayFile:
        """The images of a split, (N, C, S, S), to be read one by one.

        Raises:
            ValueError: there are none, or the file is not what the index says.
        """
        index, count = self.index, len(self.index.images[split])
        if not count:
            raise ValueError(f"data = {index.name!r} has no {split} images; see {self.folder}")
        shape = (count, index.channels, index.size, index.size)
        try:
            return ArrayFile(self.folder / f"{split}.npy", shape, threads)
        except (OSError, ValueError) as error:
            raise ValueError(damaged(self.folder, str(error))) from None

    def verify(self) -> None:
        """Compare every image with its checksum.

        Raises:
            ValueError: a file is missing or has changed.
        """
        for split, entries in self.index.images.items():
            if not entries:
                continue
            array = self.array(split)
            for place, entry in enumerate(entries):
                if sha256_of(array.read([place])[0]) != entry.sha256:
                    raise ValueError(damaged(self.folder, f"{entry.source} in {split}.npy changed"))


def damaged(folder: Path, reason: str) -> str:
    """One line that tells what to do about a cache that cannot be used."""
    return f"{folder} is damaged ({reason}); delete it and prepare the data set again"


def data_root() -> Path:
    """Where data sets are: ``REILAB_DATA``, or ``data`` in the working folder."""
    return Path(os.environ.get("REILAB_DATA", "data"))


def prepared_folder(root: Path) -> Path:
    """Where all prepared data sets are."""
    return root / "prepared"


def cache_folder(root: Path, name: str) -> Path:
    """Where a data set of that name is kept once it is prepared."""
    return prepared_folder(root) / name


def prepared_sets(root: Path) -> list[Cache]:
    """All prepared data sets that can be read, in order of name."""
    caches = []
    for index in sorted(prepared_folder(root).glob("*/index.json")):
        try:
            caches.append(open_cache(root, index.parent.name))
        except ValueError:
            # One that is damaged is told of by whoever asks for it.
            continue
    return [cache for cache in caches if cache is not None and cache.is_in_place]


def open_cache(root: Path, name: str) -> Cache | None:
    """The prepared data set of that name, or ``None`` where there is none.

    Raises:
        ValueError: there is one that cannot be read.
    """
    folder = cache_folder(root, name)
    try:
        text = (folder / "index.json").read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        return Cache(folder, index_from_json(text))
    except ValueError as error:
        raise ValueError(damaged(folder, f"index.json: {error}")) from None


def encode(image: Tensor, low: float, high: float) -> NDArray[np.int16]:
    """Values in [low, high] as 16-bit numbers; others are cut off."""
    unit = np.clip((image.numpy() - low) / (high - low), 0, 1)
    return (np.round(unit * LEVELS) - HALF).astype(np.int16)


def decode(stored: Tensor) -> Tensor:
    """16-bit numbers as float32 in [0, 1]; 0 and 1 come out exactly."""
    return (stored.float() + HALF) / LEVELS


def sha256_of(stored: NDArray[np.int16]) -> str:
    """Checksum of an image as it is kept, in hexadecimal digits."""
    return hashlib.sha256(raw_bytes(stored)).hexdigest()


def raw_bytes(stored: NDArray[np.int16]) -> bytes:
    """An image as it stands in a file, the same on every machine."""
    return stored.astype("<i2").tobytes()
