"""Stored: the images of an event, on disk until somebody looks at them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]

#: Arrays, and single images, that are kept in memory for all readers of this process: some moments
#: of a comparison.
KEPT = 32


class LostError(ValueError):
    """Images of a run are gone, or damaged."""


@dataclass(frozen=True)
class Stored:
    """An array in a file; it looks like the array, and is read at each look unless it is kept.

    Each look raises ``LostError`` where the file is gone or damaged.
    """

    path: Path

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.array(self._read(), dtype=dtype) if copy else np.asarray(self._read(), dtype)

    def __getitem__(self, index: int) -> Array:
        return _image(self.path, self._written(), index)

    def __len__(self) -> int:
        return len(self._read())

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, H, W, C)."""
        return self._read().shape

    def _read(self) -> Array:
        return _load(self.path, self._written())

    def _written(self) -> int:
        # A run that goes on from a checkpoint writes the images after it anew.
        try:
            return self.path.stat().st_mtime_ns
        except OSError as error:
            raise LostError(f"images cannot be read: {error}") from error


@lru_cache(maxsize=KEPT)
def _load(path: Path, written: int) -> Array:
    try:
        array: Array = np.load(path, allow_pickle=False)
        if array.ndim != 4 or array.shape[-1] not in (1, 3) or array.dtype.kind != "f":
            raise ValueError(f"{array.dtype} {array.shape}")
    except Exception as error:
        # NumPy raises whatever a broken head leads to, and advises to load it unsafely.
        told = re.split(r"\.(?!\d)| when allow_pickle", str(error))[0]
        raise LostError(f"{path} does not hold the images of a run: {told}") from error
    array.flags.writeable = False
    return array


@lru_cache(maxsize=KEPT)
def _image(path: Path, written: int, index: int) -> Array:
    # Half the digits are enough to keep an image, but too few to reckon with.
    images = _load(path, written)
    if index >= len(images):
        raise LostError(f"{path} has {len(images)} images, and none of number {index}")
    image: Array = images[index].astype(np.float32)
    image.flags.writeable = False
    return image
