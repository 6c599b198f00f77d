"""Arrays: NPY, NPZ, and tensors saved by torch."""

from __future__ import annotations

import zipfile
from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from reilab.datasets.formats.contents import (
    Contents,
    UnreadableError,
    check_shape,
    contents_of,
    reading,
)
from reilab.torchfile import read_torch_file

#: Names by which people keep the images of an archive.
USUAL_NAMES = ("image", "images", "x", "data", "DATA", "arr_0")


def read_npy(path: Path) -> Contents:
    """The images of an NPY file. Objects, which may hold code, are refused."""
    with reading("NPY"):
        # Mapped first: a header that claims more than the file holds is found before it is read.
        array = np.load(path, mmap_mode="r", allow_pickle=False)
        return contents_of(array)


def read_npz(path: Path) -> Contents:
    """The images of an NPZ archive: the array with a usual name, or the only one with axes."""
    return contents_of(load_npz(path, USUAL_NAMES))


def load_npz(path: Path, names: tuple[str, ...]) -> NDArray[Any]:
    """The first array of an NPZ archive that has one of ``names``, or its only array.

    Raises:
        UnreadableError: damaged, no such array, objects, or entries that point out of the archive.
    """
    with reading("NPZ"):
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                check_entry(info.filename)
                check_shape([info.file_size])
        with np.load(path, allow_pickle=False) as arrays:
            array: NDArray[Any] = arrays[pick(arrays.files, names)]
        return array


def check_entry(name: str) -> None:
    """Refuse an entry of an archive whose name would lead out of a folder.

    Raises:
        UnreadableError: it would.
    """
    path = PureWindowsPath(name)  # takes both kinds of slashes
    if path.is_absolute() or path.drive or path.root or ".." in path.parts:
        raise UnreadableError(f"holds an entry named {name!r}, which points out of the archive")


def pick(found: list[str], names: tuple[str, ...]) -> str:
    """The first of ``names`` that is among ``found``, or the only one there is.

    Raises:
        UnreadableError: neither.
    """
    for name in names:
        if name in found:
            return name
    if len(found) == 1:
        return found[0]
    raise UnreadableError(
        f"has no array named {' or '.join(names[:3])}; it has: {', '.join(found[:8]) or 'none'}"
    )


def read_pt(path: Path) -> Contents:
    """The images of a tensor saved by torch."""
    return contents_of(load_pt(path).numpy())


def load_pt(path: Path, names: tuple[str, ...] = USUAL_NAMES) -> torch.Tensor:
    """The tensor in a file, or in a mapping one of ``names`` or the only one; nothing else is ever
    unpacked.

    Raises:
        UnreadableError: damaged, or anything but tensors, which may be code.
    """
    try:
        loaded = read_torch_file(path)
    except ValueError as error:
        raise UnreadableError(str(error).removeprefix(f"{path} ")) from None
    if isinstance(loaded, dict):
        tensors = {k: v for k, v in loaded.items() if isinstance(v, torch.Tensor)}
        loaded = tensors[pick(list(tensors), names)]
    if not isinstance(loaded, torch.Tensor):
        raise UnreadableError(f"holds {type(loaded).__name__}, not a tensor")
    check_shape(loaded.shape)
    return loaded.detach().float() if loaded.dtype == torch.bfloat16 else loaded.detach()
