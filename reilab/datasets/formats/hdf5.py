"""HDF5: the array that looks most like images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from reilab.datasets.formats.contents import (
    Contents,
    UnreadableError,
    check_shape,
    contents_of,
    reading,
)

#: Names by which images go before any other array.
USUAL_NAMES = ("reconstruction_esc", "reconstruction_rss", "image", "images", "data")


def read_hdf5(path: Path) -> Contents:
    """The images of a file: the array with a usual name, otherwise its largest real one.

    Raises:
        UnreadableError: damaged, or no such array.
    """
    found: dict[str, Any] = {}

    def look(name: str, node: object) -> None:
        if isinstance(node, h5py.Dataset) and node.ndim >= 2 and node.dtype.kind in "uif":
            found[name] = node

    with reading("HDF5"), h5py.File(path, "r") as file:
        file.visititems(look)
        if not found:
            raise UnreadableError(f"has no array of images; it has: {', '.join(file) or 'nothing'}")
        usual = [name for name in USUAL_NAMES if name in found]
        name = usual[0] if usual else max(found, key=lambda name: found[name].size)
        chosen = own_dataset(file, name)
        check_shape(chosen.shape)
        array: NDArray[Any] = np.asarray(chosen[()])
        return contents_of(array)


def own_dataset(file: Any, name: str) -> Any:
    """A dataset of an open file that keeps its numbers in this file.

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
