"""Files of measurements that were acquired, not simulated: arrays by name, nothing else.

=================  ================================================================
``.npz``           arrays of these names
``.h5`` ``.hdf5``  datasets of these names at the top of the file
``.pt`` ``.pth``   a dictionary of tensors with these names
``.npy``           the array ``y`` alone
=================  ================================================================

``acquired`` says what the arrays mean for each task.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from reilab.datasets.formats.contents import UnreadableError
from reilab.datasets.formats.hdf5 import own_dataset
from reilab.datasets.store import data_root
from reilab.torchfile import read_torch_file

Arrays = Mapping[str, NDArray[Any]]

#: What a file may hold; anything else in it is left alone.
NAMES = ("y", "sinogram", "mask")
TORCH = (".pt", ".pth")
HDF5 = (".h5", ".hdf5")
MEASURED_SUFFIXES = (".npz", ".npy", *HDF5, *TORCH)


def find_file(setting: str, name: str) -> Path:
    """A file or folder that a setting names, by its path or by its name below the data root.

    Raises:
        FileNotFoundError: there is none.
    """
    root = data_root()
    for path in (Path(name), root / name):
        if path.exists():
            return path
    raise FileNotFoundError(
        f"{setting} = {name!r}: there is no such file or folder, nor {root / name}"
    )


def measured_files(place: Path) -> list[Path]:
    """A file itself, or the files of measurements in a folder, in the order of their names.

    Raises:
        FileNotFoundError: a folder without any.
    """
    if place.is_file():
        return [place]
    files = sorted(file for file in place.iterdir() if file.suffix.lower() in MEASURED_SUFFIXES)
    if not files:
        raise FileNotFoundError(f"no measurements ({', '.join(MEASURED_SUFFIXES)}) in {place}")
    return files


def read_measured(file: Path) -> Arrays:
    """The arrays of a file that have a name in ``NAMES``.

    Raises:
        ValueError: the file is damaged, of another kind, or holds no such array.
    """
    suffix = file.suffix.lower()
    if suffix not in MEASURED_SUFFIXES:
        raise ValueError(f"{file} is no file of measurements ({', '.join(MEASURED_SUFFIXES)})")
    try:
        found = _read(file, suffix)
    except UnreadableError as error:
        raise ValueError(f"{file} {error}") from None
    except Exception as error:
        # Each library raises whatever the broken bytes lead to; some advise to run what is in them.
        raise ValueError(
            f"{file} cannot be read as a file of arrays ({suffix}): it is damaged, or holds more "
            "than numbers, and then nothing in it was run"
        ) from error
    for name, array in found.items():
        if array.dtype.kind not in "buifc" or array.size == 0:
            raise ValueError(f"{file}: {name} holds no numbers ({array.dtype}, {array.shape})")
    return found


def _read(file: Path, suffix: str) -> Arrays:
    if suffix in (".npy", ".npz"):
        # Opened here, because numpy leaves broken files open.
        with file.open("rb") as stream:
            stored = np.load(stream, allow_pickle=False)
            held = {"y": stored} if isinstance(stored, np.ndarray) else stored
            return {name: held[name] for name in NAMES if name in held}
    if suffix in TORCH:
        held = read_torch_file(file)
        if not isinstance(held, dict):
            raise ValueError(f"it holds no dictionary of tensors but {type(held).__name__}")
        return {name: np.asarray(held[name]) for name in NAMES if name in held}
    with h5py.File(file, "r") as tree:
        return {name: own_dataset(tree, name)[()] for name in NAMES if name in tree}
