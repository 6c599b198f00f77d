"""Where images come from, by name: bundled samples, sets under the data root, any folder."""

from __future__ import annotations

import os
from pathlib import Path

from torch import Tensor

from reilab.datasets.bundled import BUNDLED, load_bundled
from reilab.datasets.folder import load_folder
from reilab.settings import choose


def load_images(data: str, split: str, size: int, channels: int) -> Tensor:
    """Images (N, channels, size, size) in [0, 1].

    Args:
        data: a bundled set, the name of a folder under the data root ``REILAB_DATA``, or a path.
        split: ``train`` or ``test``.
        size: side in pixels.
        channels: 1 or 3.

    Raises:
        ValueError: the name means nothing; says what would.
    """
    if data in BUNDLED:
        return load_bundled(data, split, size)
    root = Path(os.environ.get("REILAB_DATA", "data"))
    for folder in (root / data, Path(data)):
        if folder.is_dir():
            return load_folder(folder, split, size, channels)
    try:
        choose("data set", data, BUNDLED)
    except ValueError as error:
        raise ValueError(
            f"{error} Or a folder of images: {root / data} and {data} do not exist; set the "
            "data root with REILAB_DATA."
        ) from None
    raise AssertionError("unreachable")
