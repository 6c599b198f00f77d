"""The store of prepared images: one HDF5 file, ``ROOT/prepared/NAME/images.h5``.

=====================  =============================================================================
``SPLIT/images``       (N, C, S, S) 16-bit numbers of train, test and, if there are any, validation
``SPLIT/index``        where each image comes from, ``file`` or ``file[place]``, and its checksum
``sources``            every file that was read: name, size, time of change, what was the matter
``recipe``             the choices it was made with, as attributes
=====================  =============================================================================

Rounding to 16 bits costs at most 8e-6 of the range of the values. HDF5 takes what a file lacks for
zeros, so every image that is read is compared with its checksum.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

import h5py
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from reilab.datasets.formats.arrays import own_dataset
from reilab.foreign import UnreadableError, reading

#: Changes whenever older stores can no longer be read; version 0.1 had 1.
FORMAT = 2
FILE = "images.h5"
#: What version 0.1 had instead.
OLDER = "index.json"
#: The largest 16-bit number; a value in [low, 1] is kept as 0 to ``LEVELS``, less ``HALF``.
LEVELS, HALF = 65535, 32768
SPLITS = ("train", "validation", "test")
#: What a store says of itself, as attributes.
ABOUT = ("origin", "channels", "size", "low")
#: Bytes that a store leaves free on a disk, or needs for its tables.
SPARE = 2**25
#: What data sets may be called.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
#: How names of files that are not UTF-8 are kept.
ODD = "surrogateescape"


@dataclass(frozen=True)
class SourceFile:
    """A file that images were made of, by its name below the source folder.

    Args:
        name: its name.
        size: in bytes, when it was read.
        changed: its time of change in ns, when it was read.
        failed: why it could not be read, else empty.
        left_out: why nothing in it is of use although it is in order, else empty.
        mended: what was changed in reading it, else empty.
    """

    name: str
    size: int
    changed: int
    failed: str = ""
    left_out: str = ""
    mended: str = ""


@dataclass(frozen=True)
class StoredImage:
    """What is known of an image: where it comes from, and sha256 of its numbers."""

    source: str
    sha256: str


Row = TypeVar("Row", SourceFile, StoredImage)


@dataclass(frozen=True, eq=False)
class OnDisk:
    """The images of a split (N, C, S, S), read one by one from a file that stays open.

    The memory of the process stays flat whatever the size of the file, and who replaces the file
    leaves these images as they were.
    """

    dataset: Any
    known: Sequence[StoredImage]

    def __len__(self) -> int:
        return len(self.known)

    def take(self, index: Tensor) -> Tensor:
        """The images at ``index`` (B,), on the CPU: (B, C, S, S) int16.

        Raises:
            ValueError: the file cannot be read, or an image is not what it was.
        """
        images = [self.read(place) for place in index.tolist()]
        return torch.from_numpy(np.stack(images, dtype=np.int16))

    def read(self, place: int) -> NDArray[np.int16]:
        """One image (C, S, S); errors are those of ``take``."""
        try:
            image: NDArray[np.int16] = self.dataset[place]
            reason = "" if sha256_of(image) == self.known[place].sha256 else "changed"
        except OSError as error:
            reason = "cannot be read: " + " ".join(str(error).split())
        if reason:
            folder, name = Path(self.dataset.file.filename).parent, self.dataset.name[1:]
            raise ValueError(damaged(folder, f"{self.known[place].source} in {name} {reason}"))
        return image


@dataclass(frozen=True)
class Store:
    """Prepared images in a file, and all that is known of them.

    Args:
        path: the file.
        origin: the known data set it was made from, or ``folder``.
        recipe: the choices it was made with.
        channels: 1 grey, 2 real and imaginary part, 3 colour.
        size: side of the images in pixels.
        low: value that the smallest number stands for; the largest stands for 1.
        images: for each split, what is known of each image.
        sources: the files that were read.
    """

    path: Path
    origin: str
    recipe: Mapping[str, str | int | float]
    channels: int
    size: int
    low: float
    images: Mapping[str, tuple[StoredImage, ...]]
    sources: tuple[SourceFile, ...]

    @property
    def folder(self) -> Path:
        return self.path.parent

    @property
    def name(self) -> str:
        """The name by which tasks ask for it."""
        return self.folder.name

    @property
    def failed(self) -> dict[str, str]:
        """Files that could not be read, and why."""
        return {file.name: file.failed for file in self.sources if file.failed}

    @property
    def left_out(self) -> dict[str, str]:
        """Files that are in order but hold no ground truth, and what they hold."""
        return {file.name: file.left_out for file in self.sources if file.left_out}

    @property
    def mended(self) -> dict[str, str]:
        """Files of which something was changed in reading, and what."""
        return {file.name: file.mended for file in self.sources if file.mended}

    def split(self, name: str) -> OnDisk:
        """The images of a split, to be read one by one.

        Raises:
            ValueError: there are none, or the file is not what it was.
        """
        known = self.images[name]
        if not known:
            raise ValueError(f"data = {self.name!r} has no {name} images; see {self.folder}")
        try:
            # Nothing is written to a finished file, and some network disks cannot lock.
            with reading(self.path, "HDF5"):
                images = own_dataset(h5py.File(self.path, locking=False), f"{name}/images")
        except UnreadableError as error:
            raise ValueError(damaged(self.folder, f"{FILE} {error}")) from None
        expected = (len(known), self.channels, self.size, self.size)
        if images.shape != expected or images.dtype != np.int16:
            told = f"{name}/images are {images.dtype} of shape {images.shape}"
            raise ValueError(damaged(self.folder, told))
        return OnDisk(images, known)

    def each(self, name: str) -> Iterator[NDArray[np.int16]]:
        """All images of a split, one after the other, if there are any."""
        if self.images[name]:
            images = self.split(name)
            yield from map(images.read, range(len(images)))

    def verify(self) -> None:
        """Compare every image with its checksum.

        Raises:
            ValueError: something is missing or has changed.
        """
        for name in self.images:
            for _ in self.each(name):
                pass


def write_store(store: Store, images: Mapping[str, Iterable[NDArray[np.int16]]]) -> Store:
    """Write a store with the images of each split, in the order in which it knows them.

    The file is whole or not there, whatever ends the process.

    Raises:
        ValueError: the disk has no room for it, or fails.
    """
    half = store.path.with_suffix(".half")
    _check_room(store)
    try:
        with h5py.File(half, "w") as file:
            file.attrs.update(format=FORMAT, **{key: getattr(store, key) for key in ABOUT})
            file.create_group("recipe").attrs.update(store.recipe)
            file["sources"] = _table(store.sources)
            for split, known in store.images.items():
                if known:
                    file[f"{split}/index"] = _table(known)
                    shape = (len(known), store.channels, store.size, store.size)
                    kept = file.create_dataset(f"{split}/images", shape, "<i2")
                    for place, image in enumerate(images[split]):
                        kept[place] = image
        half.replace(store.path)
    except OSError as error:
        raise ValueError(
            f"{store.path} cannot be written ({' '.join(str(error).split())}): make room, and the "
            "same command goes on where it was"
        ) from error
    finally:
        half.unlink(missing_ok=True)
    return store


def _check_room(store: Store) -> None:
    """HDF5 must not find the disk full: it may end the process."""
    n_images = sum(len(known) for known in store.images.values())
    needed = n_images * store.channels * store.size**2 * np.dtype("<i2").itemsize + SPARE
    free = shutil.disk_usage(store.folder).free
    if free < needed:
        raise ValueError(
            f"{store.folder} needs {needed / 1e6:.1f} MB, and the disk has {free / 1e6:.1f}: make "
            "room, and the same command goes on where it was"
        )


def read_store(path: Path) -> Store:
    """What a store says of itself and its images.

    Raises:
        FileNotFoundError: there is none.
        UnreadableError: it is damaged, or of another format.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no prepared images at {path}")
    with reading(path, "HDF5"), h5py.File(path, locking=False) as file:
        about, recipe = _attributes(file), _attributes(file["recipe"])
        if about.pop("format", None) != FORMAT:
            raise UnreadableError(f"is not of format {FORMAT}")
        known = {s: _rows(file, f"{s}/index", StoredImage) for s in SPLITS if s in file}
        images = {split: known.get(split, ()) for split in SPLITS}
        sources = _rows(file, "sources", SourceFile)
        return Store(path, recipe=recipe, images=images, sources=sources, **about)


def _table(rows: Sequence[SourceFile] | Sequence[StoredImage]) -> NDArray[np.void]:
    """One row for each; names of files need not be UTF-8, and texts in HDF5 end at a zero."""
    kinds = [(f.name, "i8" if f.type == "int" else h5py.string_dtype()) for f in fields(rows[0])]
    return np.array([tuple(map(_cell, astuple(row))) for row in rows], kinds)


def _cell(value: str | int) -> bytes | int:
    return value.replace("\0", "").encode("utf-8", ODD) if isinstance(value, str) else value


def _rows(file: Any, name: str, kind: type[Row]) -> tuple[Row, ...]:
    def value(cell: Any) -> Any:
        return cell.decode("utf-8", ODD) if isinstance(cell, bytes) else cell

    return tuple(kind(*map(value, row)) for row in own_dataset(file, name)[()].tolist())


def _attributes(node: Any) -> dict[str, Any]:
    """Numbers and texts without numpy's types."""
    return {key: np.asarray(value).item() for key, value in node.attrs.items()}


def damaged(folder: Path, reason: str) -> str:
    """One line that tells what to do about prepared images that cannot be used."""
    return f"{folder} is damaged ({reason}); delete it and prepare the data set again"


def data_root() -> Path:
    """Where data sets are: ``REILAB_DATA``, or ``data`` in the working folder."""
    return Path(os.environ.get("REILAB_DATA", "data"))


def find_file(setting: str, name: str) -> Path:
    """A file or folder that a setting names, by its path or by its name below the data root.

    Raises:
        FileNotFoundError: there is none.
    """
    root = data_root()
    for path in (Path(name), root / name):
        # Takes whatever a text may be for the name of nothing.
        if os.path.exists(path):
            return path
    raise FileNotFoundError(
        f"{setting} = {name!r}: there is no such file or folder, nor {root / name}"
    )


def prepared_folder(root: Path) -> Path:
    """Where all prepared data sets are, each in a folder of its name."""
    return root / "prepared"


def prepared_names(root: Path) -> list[str]:
    """The names of all prepared data sets, whether they can be read or not."""
    folders = (path for path in prepared_folder(root).glob("*") if NAME.fullmatch(path.name))
    return sorted(
        path.name for path in folders if any((path / file).exists() for file in (FILE, OLDER))
    )


def prepared_sets(root: Path) -> list[Store]:
    """All prepared data sets that can be read, in order of name."""
    found = []
    for name in prepared_names(root):
        # One that cannot be read is told of by whoever asks for it.
        with suppress(ValueError):
            found.append(open_store(root, name))
    return [store for store in found if store is not None]


def open_store(root: Path, name: str) -> Store | None:
    """The prepared data set of that name, or ``None`` where there is none.

    Raises:
        ValueError: there is one that cannot be read.
    """
    folder = prepared_folder(root) / name
    if not NAME.fullmatch(name):
        # A path, which may have a file of that name in it.
        return None
    try:
        return read_store(folder / FILE)
    except UnreadableError as error:
        raise ValueError(damaged(folder, f"{FILE} {error}")) from None
    except FileNotFoundError:
        if (folder / OLDER).is_file():
            raise ValueError(_how_again(folder)) from None
        return None


def _how_again(folder: Path) -> str:
    """What to do about a data set that version 0.1 prepared."""
    try:
        recipe = json.loads((folder / OLDER).read_text(encoding="utf-8"))["recipe"]
        choices = "".join(f" --{key} {value}" for key, value in recipe.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        choices = ""
    return (
        f"{folder} was prepared by version 0.1 in a form that is no longer read; prepare it again: "
        f"`reilab data prepare {folder.name} --root {folder.parents[1]}{choices}`, with --source "
        "FOLDER if its files are elsewhere"
    )


def encode(image: Tensor, low: float) -> NDArray[np.int16]:
    """Values in [low, 1] as 16-bit numbers; others are cut off."""
    unit = np.clip((image.numpy() - low) / (1 - low), 0, 1)
    return (np.round(unit * LEVELS) - HALF).astype("<i2")


def decode(stored: Tensor) -> Tensor:
    """16-bit numbers as float32 in [0, 1]; 0 and 1 come out exactly."""
    return (stored.float() + HALF) / LEVELS


def sha256_of(stored: NDArray[np.int16]) -> str:
    """Checksum of an image as it is kept, in hexadecimal digits."""
    return hashlib.sha256(np.ascontiguousarray(stored, "<i2").data).hexdigest()
