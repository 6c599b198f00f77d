"""An array on disk that is read image by image.

It is read rather than mapped into memory: the memory of the process stays flat whatever the size of
the file, and a file that is cut short under a run gives an error instead of ending the process.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.lib import format as npy
from numpy.typing import NDArray
from torch import Tensor

#: Bytes before the first image.
HEADER = 128


@dataclass(frozen=True, eq=False)
class ArrayFile:
    """An NPY file of images, (N, C, S, S) int16.

    The file stays open: who replaces it leaves this array as it was.

    Args:
        path: the file.
        shape: its shape.
        threads: how many images are read at the same time; what is read does not depend on it.
    """

    path: Path
    shape: tuple[int, int, int, int]
    threads: int = 1

    def __post_init__(self) -> None:
        with self.path.open("rb") as file:
            if file.read(HEADER) != header_of(self.shape):
                raise ValueError(f"{self.path.name} does not begin as an array of {self.shape}")
        size = self.path.stat().st_size
        if size != HEADER + self.n_bytes:
            raise ValueError(f"{self.path.name} is {size} bytes long")
        # Opened now, so that it is this file that all batches come from.
        weakref.finalize(self, os.close, self._descriptor)

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def n_bytes(self) -> int:
        """How much memory all images take."""
        return len(self) * self._image_bytes

    @property
    def _image_bytes(self) -> int:
        return int(np.prod(self.shape[1:])) * np.dtype("<i2").itemsize

    @cached_property
    def _descriptor(self) -> int:
        return os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.threads, "reilab-loader")

    def read(self, places: Sequence[int]) -> NDArray[np.int16]:
        """The images at some places, (B, C, S, S).

        Raises:
            OSError: the file cannot be read, or has become shorter.
        """
        images = np.empty((len(places), *self.shape[1:]), "<i2")

        def fill(slot: int) -> None:
            place = range(len(self))[places[slot]]
            start = HEADER + place * self._image_bytes
            if os.preadv(self._descriptor, [images[slot].data], start) != self._image_bytes:
                raise OSError(f"{self.path} ends before image {place}; prepare it again")

        if self.threads == 1:
            for slot in range(len(places)):
                fill(slot)
        else:
            list(self._pool.map(fill, range(len(places))))
        return images.astype(np.int16, copy=False)

    def take(self, index: Tensor) -> Tensor:
        """The images at ``index`` (B,), on the CPU."""
        return torch.from_numpy(self.read(index.tolist()))


def header_of(shape: tuple[int, ...]) -> bytes:
    """The beginning of an NPY file of version 1.0, filled up to ``HEADER`` bytes."""
    fields = repr({"descr": "<i2", "fortran_order": False, "shape": shape})
    start = npy.magic(1, 0)
    room = HEADER - len(start) - 2
    return start + room.to_bytes(2, "little") + fields.ljust(room - 1).encode("latin1") + b"\n"
