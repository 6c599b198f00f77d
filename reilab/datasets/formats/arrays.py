"""Arrays by name: NPY, NPZ, tensors saved by torch, HDF5, MATLAB; numbers, never code."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path, PureWindowsPath
from typing import Any

import h5py
import numpy as np
import torch
from numpy.typing import NDArray

from reilab.datasets.formats.contents import (
    Contents,
    UnreadableError,
    check_shape,
    contents_of,
    file_format,
    reading,
)
from reilab.torchfile import read_torch_file

#: Names by which people keep the images of an archive.
USUAL_NAMES = ("image", "images", "x", "data", "DATA", "arr_0")
#: Names by which images of HDF5 go before any other array.
HDF5_NAMES = ("reconstruction_esc", "reconstruction_rss", "image", "images", "data")
TORCH, HDF5 = (".pt", ".pth"), (".h5", ".hdf5")
KINDS = {".npy": "NPY", ".npz": "NPZ", ".mat": "MATLAB"}
KINDS |= dict.fromkeys(TORCH, "a file of torch.save") | dict.fromkeys(HDF5, "HDF5")


@contextmanager
def opened(path: Path) -> Iterator[Mapping[str, Any]]:
    """What a file of a suffix in ``KINDS`` holds by name; an array without a name is called "".

    Raises:
        UnreadableError: it is damaged, or holds more than numbers, and then nothing in it was run.
    """
    suffix = path.suffix.lower()
    with reading(KINDS[suffix]), ExitStack() as stack:
        if suffix == ".npy":
            # Mapped: a header that claims more than the file holds is found before it is read.
            yield {"": np.lib.format.open_memmap(path, mode="r")}
        elif suffix == ".npz":
            _check_archive(path)
            yield stack.enter_context(np.load(path, allow_pickle=False))
        elif suffix in TORCH:
            yield _tensors(path)
        elif suffix in HDF5:
            yield stack.enter_context(h5py.File(path, "r"))
        else:
            yield _matlab(path)


def numbers(arrays: Mapping[str, Any], name: str) -> NDArray[Any]:
    """An array of an open file."""
    node = own_dataset(arrays, name) if isinstance(arrays, h5py.File) else arrays[name]
    check_shape(node.shape)
    return np.asarray(node[()])


def load_array(path: Path, names: tuple[str, ...]) -> NDArray[Any]:
    """The first array of a file that has one of ``names``, or its only array.

    Raises:
        UnreadableError: damaged, no such array, or more than numbers.
    """
    with opened(path) as arrays:
        return numbers(arrays, _pick(list(arrays), names))


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
        if isinstance(node, h5py.Dataset) and node.ndim >= 2 and node.dtype.kind in "uif":
            found[name] = node.size

    with opened(path) as file:
        file.visititems(look)  # type: ignore[attr-defined]
        if not found:
            raise UnreadableError(f"has no array of images; it has: {', '.join(file) or 'nothing'}")
        usual = [name for name in HDF5_NAMES if name in found]
        return contents_of(numbers(file, usual[0] if usual else max(found, key=found.__getitem__)))


def own_dataset(file: Any, name: str) -> Any:
    """A dataset of an open HDF5 file that keeps its numbers in this file.

    HDF5 would read the numbers of any other file that a dataset names.

    Raises:
        UnreadableError: there is none, or it leads out of the file.
    """
    node = file.get(name)
    if getattr(node, "shape", None) is None:
        raise UnreadableError(f"has no {name!r}; it has: {', '.join(file) or 'nothing'}")
    if node.external or node.is_virtual or node.file.filename != file.file.filename:
        raise UnreadableError(f"keeps {name!r} in other files, which are not read")
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


def _check_archive(path: Path) -> None:
    """Refuse an archive with an entry that is too large, or whose name leads out of a folder."""
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            entry = PureWindowsPath(info.filename)  # takes both kinds of slashes
            if entry.drive or entry.root or ".." in entry.parts:
                raise UnreadableError(
                    f"holds an entry named {info.filename!r}, which points out of the archive"
                )
            check_shape([info.file_size])


def _tensors(path: Path) -> Mapping[str, torch.Tensor]:
    try:
        held = read_torch_file(path)
    except ValueError as error:
        raise UnreadableError(str(error).removeprefix(f"{path} ")) from None
    held = held if isinstance(held, dict) else {"": held}
    tensors = {k: v.detach() for k, v in held.items() if isinstance(v, torch.Tensor)}
    if not tensors:
        kinds = ", ".join(type(value).__name__ for value in held.values()) or "nothing"
        raise UnreadableError(f"holds {kinds}, not a tensor")
    # Numpy has no such type.
    return {k: v.float() if v.dtype == torch.bfloat16 else v for k, v in tensors.items()}


def _matlab(path: Path) -> Mapping[str, NDArray[Any]]:
    """The arrays of a file of version 5, or 7.3, which is HDF5; with the axes of MATLAB."""
    if h5py.is_hdf5(path):
        with h5py.File(path, "r") as file:
            names = [name for name, node in file.items() if isinstance(node, h5py.Dataset)]
            # MATLAB counts along the first axis first, HDF5 along the last.
            return {name: numbers(file, name).T for name in names}
    # Takes a while to import, and most data sets have no MATLAB files.
    from scipy.io import loadmat, whosmat

    for _, shape, _ in whosmat(path):
        check_shape(shape)
    return {name: array for name, array in loadmat(path).items() if not name.startswith("__")}
