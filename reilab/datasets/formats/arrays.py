"""Arrays by name: NPY, NPZ, tensors saved by torch, HDF5, MATLAB; numbers, never code."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch
from numpy.typing import NDArray

from reilab.datasets.formats.contents import Contents, contents_of, file_format
from reilab.datasets.formats.matlab import variables
from reilab.foreign import UnreadableError, check_archive, check_shape, reading
from reilab.torchfile import read_torch_file

#: Names by which people keep the images of an archive.
USUAL_NAMES = ("image", "images", "x", "data", "DATA", "arr_0")
#: Names by which images of HDF5 go before any other array.
HDF5_NAMES = ("reconstruction_esc", "reconstruction_rss", "image", "images", "data")
TORCH, HDF5 = (".pt", ".pth"), (".h5", ".hdf5")
KINDS = {".npy": "NPY", ".npz": "NPZ", ".mat": "MATLAB"}
KINDS |= dict.fromkeys(TORCH, "a file of torch.save") | dict.fromkeys(HDF5, "HDF5")


@dataclass(frozen=True, eq=False)
class HeldArrays(Mapping[str, NDArray[Any]]):
    """Arrays of an open file by name, each checked and read when it is asked for.

    Args:
        names: of those there are; an array without a name is called "".
        find: the array of a name, or something with a shape and a type that reads it.
    """

    names: Collection[str]
    find: Callable[[str], Any]

    def __getitem__(self, name: str) -> NDArray[Any]:
        if name not in self.names:
            raise KeyError(name)
        node = self.find(name)
        if node.dtype.kind not in "buifc":
            raise UnreadableError(f"holds no numbers: {name or 'it'} has the type {node.dtype}")
        return np.asarray(whole(node))

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)


@contextmanager
def opened(path: Path) -> Iterator[HeldArrays]:
    """What a file of a suffix in ``KINDS`` holds by name.

    Raises:
        UnreadableError: it is damaged, or holds more than numbers, and then nothing in it was run.
    """
    suffix = path.suffix.lower()
    with reading(path, KINDS[suffix]), ExitStack() as stack:
        if suffix == ".npy":
            # Mapped: a header that claims more than the file holds is found before it is read.
            yield _named({"": np.lib.format.open_memmap(path, mode="r")})
        elif suffix == ".npz":
            check_archive(path)
            yield _archived(stack.enter_context(zipfile.ZipFile(path)))
        elif suffix in TORCH:
            yield _tensors(path)
        elif suffix in HDF5 or h5py.is_hdf5(path):
            file = stack.enter_context(h5py.File(path, "r"))
            yield HeldArrays(list(file), partial(own_dataset, file))
        else:
            yield _named(variables(path))


def whole(node: Any) -> Any:
    """All of an array, or of something with a shape and a type that reads it.

    Raises:
        UnreadableError: it would take too much.
    """
    check_shape(node.shape, node.dtype.itemsize)
    return node[()]


def _named(arrays: Mapping[str, Any]) -> HeldArrays:
    return HeldArrays(arrays.keys(), arrays.__getitem__)


def load_array(path: Path, names: tuple[str, ...]) -> NDArray[Any]:
    """The first array of a file that has one of ``names``, or its only array.

    Raises:
        UnreadableError: damaged, no such array, or more than numbers.
    """
    with opened(path) as arrays:
        array = arrays[_pick(list(arrays), names)]
        # MATLAB counts along the first axis first, HDF5 along the last.
        return array.T if path.suffix.lower() == ".mat" and h5py.is_hdf5(path) else array


@file_format("arrays", ".npy", ".npz", ".pt")
def read_array(path: Path) -> Contents:
    """The images of a file: the array with a usual name, or the only one."""
    return contents_of(load_array(path, USUAL_NAMES))


@file_format("MATLAB", ".mat")
def read_matlab(path: Path) -> Contents:
    """The images of a file; stacks have the images along their last axis, as MATLAB has them."""
    array = load_array(path, USUAL_NAMES)
    if array.ndim == 3 and array.shape[2] not in (3, 4):
        array = np.moveaxis(array, 2, 0)
    return contents_of(array)


@file_format("HDF5", *HDF5)
def read_hdf5(path: Path) -> Contents:
    """The images of a file: the array with a usual name, otherwise its largest real one."""
    found: dict[str, int] = {}

    def look(name: str, node: object) -> None:
        if (
            isinstance(node, h5py.Dataset)
            and len(node.shape or ()) >= 2
            and node.dtype.kind in "uif"
        ):
            found[name] = node.size

    with reading(path, "HDF5"), h5py.File(path, "r") as file:
        # Follows no links.
        file.visititems(look)
        if not found:
            raise UnreadableError(f"has no array of images; it has: {', '.join(file) or 'nothing'}")
        usual = [name for name in HDF5_NAMES if name in found]
        name = usual[0] if usual else max(found, key=found.__getitem__)
        return contents_of(HeldArrays(found, partial(own_dataset, file))[name])


def own_dataset(file: Any, name: str) -> Any:
    """A dataset of an open HDF5 file that keeps its numbers in this file.

    HDF5 would read the numbers of any other file that a dataset or a link names, and wait for a
    pipe; therefore links are looked at before anything is opened.

    Raises:
        UnreadableError: there is none, it leads out of the file, or unpacks to too much.
    """
    node = file
    for part in name.split("/"):
        link = node.get(part, getlink=True) if isinstance(node, h5py.Group) else None
        if isinstance(link, h5py.ExternalLink):
            raise UnreadableError(f"keeps {name!r} in other files, which are not read")
        if isinstance(link, h5py.SoftLink):
            raise UnreadableError(f"has a link for {name!r}, which is not followed; copy the array")
        node = node[part] if link else None
    if getattr(node, "shape", None) is None:
        raise UnreadableError(f"has no {name!r}; it has: {', '.join(file) or 'nothing'}")
    if node.external or node.is_virtual:
        raise UnreadableError(f"keeps {name!r} in other files, which are not read")
    if node.chunks:
        check_shape(node.chunks, node.dtype.itemsize)
    return node


def _pick(found: list[str], names: tuple[str, ...]) -> str:
    """The first of ``names`` that is among ``found``, or the only one there is."""
    for name in names:
        if name in found:
            return name
    if len(found) == 1:
        return found[0]
    raise UnreadableError(
        f"has no array named {' or '.join(names[:3])}; it has: {', '.join(found[:8]) or 'none'}"
    )


@dataclass(frozen=True)
class _Member:
    """An array in an archive: what its header says, and how it is read."""

    archive: zipfile.ZipFile
    entry: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def __getitem__(self, everything: tuple[()]) -> NDArray[Any]:
        with self.archive.open(self.entry) as stream:
            return np.asarray(np.lib.format.read_array(stream, allow_pickle=False))


def _archived(archive: zipfile.ZipFile) -> HeldArrays:
    """The arrays of an open NPZ file; numpy would make room for whatever their headers claim."""
    entries = {entry.removesuffix(".npy"): entry for entry in archive.namelist()}

    def find(name: str) -> _Member:
        with archive.open(entries[name]) as stream:
            version = np.lib.format.read_magic(stream)
            # Version 3 is version 2 with other letters in the names of fields.
            old = version == (1, 0)
            read = (
                np.lib.format.read_array_header_1_0 if old else np.lib.format.read_array_header_2_0
            )
            shape, _, dtype = read(stream)
        return _Member(archive, entries[name], shape, dtype)

    return HeldArrays(entries, find)


def _tensors(path: Path) -> HeldArrays:
    try:
        held = read_torch_file(path)
    except ValueError as error:
        raise UnreadableError(str(error).removeprefix(f"{path} ")) from None
    held = held if isinstance(held, dict) else {"": held}
    tensors = {str(k): v.detach() for k, v in held.items() if isinstance(v, torch.Tensor)}
    if not tensors:
        kinds = ", ".join(type(value).__name__ for value in held.values()) or "nothing"
        raise UnreadableError(f"holds {kinds}, not a tensor")

    def find(name: str) -> NDArray[Any]:
        tensor = tensors[name]
        # A tensor may claim more than its file holds: the same numbers again and again.
        check_shape(tensor.shape, tensor.itemsize)
        # Numpy has no bfloat16.
        return (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy()

    return HeldArrays(tensors, find)
