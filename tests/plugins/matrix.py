"""A format of images in one file outside the package, as an inventor would write it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from reilab.datasets.formats.contents import Contents, contents_of, file_format
from reilab.foreign import reading


@file_format("matrix", ".matrix")
def read_matrix(path: Path) -> Contents:
    """A picture as rows of numbers between blanks."""
    with reading(path, "matrix"):
        return contents_of(np.loadtxt(path, dtype=np.float32, ndmin=2))
