"""Where images come from, by name: bundled samples, sets under the data root, any folder."""

from __future__ import annotations

import os
from pathlib import Path

from torch import Tensor

from reilab.datasets.bundled import BUNDLED, load_bundled
from reilab.datasets.folder import load_folder


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
        return _bundled(data, split, size, channels)
    root = Path(os.environ.get("REILAB_DATA", "data"))
    for folder in (root / data, Path(data)):
        if folder.is_dir():
            return load_folder(folder, split, size, channels)
    raise ValueError(
        f"data = {data!r} is neither bundled ({', '.join(BUNDLED)}) nor a folder of images at "
        f"{root / data} or {data}; the environment variable REILAB_DATA names the data root"
    )


def _bundled(data: str, split: str, size: int, channels: int) -> Tensor:
    if BUNDLED[data].channels != channels:
        fitting = [name for name, known in BUNDLED.items() if known.channels == channels]
        raise ValueError(
            f"data = {data!r} has {BUNDLED[data].channels} channels and this task takes "
            f"{channels}; use {' or '.join(fitting)}, or a folder of images"
        )
    return load_bundled(data, split, size)
