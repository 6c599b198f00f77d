"""MATLAB: files of version 5 by scipy, of version 7.3 by h5py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from reilab.datasets.formats.arrays import USUAL_NAMES, pick
from reilab.datasets.formats.contents import (
    Contents,
    UnreadableError,
    check_shape,
    contents_of,
    reading,
)
from reilab.datasets.formats.hdf5 import own_dataset

#: What a file of version 7.3 begins with; inside it is HDF5.
NEW = b"MATLAB 7.3"


def read_matlab(path: Path) -> Contents:
    """The images of a file; stacks have the images along their last axis, as MATLAB has them."""
    array = load_matlab(path, USUAL_NAMES)
    if array.ndim == 3 and array.shape[2] not in (3, 4):
        array = np.moveaxis(array, 2, 0)
    return contents_of(array)


def load_matlab(path: Path, names: tuple[str, ...]) -> NDArray[Any]:
    """The first array that has one of ``names``, or the only one, with the axes of MATLAB.

    Raises:
        UnreadableError: damaged, or no such array.
    """
    with reading("MATLAB"):
        with path.open("rb") as file:
            new = file.read(len(NEW)) == NEW
        array = _version_73(path, names) if new else _version_5(path, names)
        if array.dtype.kind not in "uifc":
            raise UnreadableError(f"holds {array.dtype}, not numbers")
        return array


def _version_5(path: Path, names: tuple[str, ...]) -> NDArray[Any]:
    # Takes a while to import, and most data sets have no MATLAB files.
    from scipy.io import loadmat, whosmat

    shapes = {name: shape for name, shape, _ in whosmat(path)}
    name = pick(list(shapes), names)
    check_shape(shapes[name])
    return np.asarray(loadmat(path, variable_names=[name])[name])


def _version_73(path: Path, names: tuple[str, ...]) -> NDArray[Any]:
    with h5py.File(path, "r") as file:
        arrays = [name for name, node in file.items() if isinstance(node, h5py.Dataset)]
        node = own_dataset(file, pick(arrays, names))
        check_shape(node.shape)
        # MATLAB counts along the first axis first, HDF5 along the last.
        return np.asarray(node[()]).T
