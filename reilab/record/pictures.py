"""Stored: the images of an event, on disk until somebody looks at them."""

from __future__ import annotations

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


@dataclass(frozen=True)
class Stored:
    """An array in a file; it looks like the array, and is read at each look unless it is kept."""

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
        return self.path.stat().st_mtime_ns


@lru_cache(maxsize=KEPT)
def _load(path: Path, written: int) -> Array:
    array: Array = np.load(path, allow_pickle=False)
    array.flags.writeable = False
    return array


@lru_cache(maxsize=KEPT)
def _image(path: Path, written: int, index: int) -> Array:
    # Half the digits are enough to keep an image, but too few to reckon with.
    image: Array = _load(path, written)[index].astype(np.float32)
    image.flags.writeable = False
    return image
