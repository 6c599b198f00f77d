"""Where images come from, by name: bundled samples, prepared data sets, any folder."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from reilab.datasets.bundled import BUNDLED, load_bundled
from reilab.datasets.folder import Folder, load_folder
from reilab.datasets.known import KNOWN
from reilab.datasets.pose import AS_ACQUIRED, posed
from reilab.datasets.samples import InMemory, Samples, as_channels, stored_samples
from reilab.datasets.store import data_root, open_store
from reilab.key import Key


def image_samples(data: str, split: str, size: int, channels: int, device: str = "cpu") -> Samples:
    """Samples with ground truth: images (N, channels, size, size).

    Those of a prepared data set are read from disk batch by batch, or wait on a GPU that has room.

    Args:
        data: a bundled set, a prepared one, the name of a folder below the data root
            ``REILAB_DATA``, or a path.
        split: ``train``, ``validation`` or ``test``.
        size: side in pixels.
        channels: 1 grey, 2 real and imaginary part, 3 colour.
        device: where the batches are to be.

    Raises:
        FileNotFoundError: a folder without images.
        ValueError: the name means nothing; says what would. Or the images do not fit.
    """
    root = data_root()
    real = 1 if channels == 2 else channels
    if data in BUNDLED:
        images = _bundled(data, split, size, real)
    elif (store := open_store(root, data)) is not None:
        return stored_samples(store, split, size, channels, device)
    elif data in KNOWN:
        raise ValueError(
            f"data = {data!r} is not prepared below {root}; `reilab data check {data}` tells what "
            "is there and where to get the rest (REILAB_DATA names the data root)"
        )
    elif (folder := _folder(root, data)) is not None:
        images = load_folder(folder, split, size, real)
    else:
        raise ValueError(
            f"data = {data!r} is neither bundled ({', '.join(BUNDLED)}), nor prepared, nor a "
            f"folder of images at {root / data} or {data}; the environment variable REILAB_DATA "
            "names the data root, and `reilab data list` shows what there is"
        )
    return InMemory(as_channels(images, channels).to(device))


def image_splits(
    data: str, size: int, channels: int, device: str = "cpu", pose: str = AS_ACQUIRED
) -> tuple[Samples, Samples | None, Samples]:
    """Those to train on, to choose settings by, and to test on; the second where there are any.

    Args:
        data: as for ``image_samples``.
        size: side in pixels.
        channels: 1 grey, 2 real and imaginary part, 3 colour.
        device: where the batches are to be.
        pose: how the images of all splits stand, one of ``POSES``.
    """

    def split(name: str) -> Samples:
        samples = image_samples(data, name, size, channels, device)
        return posed(samples, pose, Key(0) / "pose" / name)

    train, test = split("train"), split("test")
    return train, split("validation") if has_validation(data) else None, test


def has_validation(data: str) -> bool:
    """Whether there are images to choose settings by, neither to train nor to test on."""
    if data in BUNDLED:
        return "validation" in BUNDLED[data].splits
    root = data_root()
    if (store := open_store(root, data)) is not None:
        return bool(store.images["validation"])
    folder = _folder(root, data)
    return folder is not None and "validation" in {s.split for s in Folder().sources(folder)}


def load_images(data: str, split: str, size: int, channels: int) -> Tensor:
    """All images of a split at once, (N, channels, size, size) in [0, 1].

    Args:
        data: as for ``image_samples``.
        split: ``train``, ``validation`` or ``test``.
        size: side in pixels.
        channels: 1 or 3.

    Raises:
        ValueError: the name means nothing; says what would.
    """
    samples = image_samples(data, split, size, channels)
    x = samples.batch(torch.arange(len(samples))).x
    assert x is not None
    return x


def _folder(root: Path, data: str) -> Path | None:
    """The folder of that name below the data root, or anywhere."""
    return next((folder for folder in (root / data, Path(data)) if folder.is_dir()), None)


def _bundled(data: str, split: str, size: int, channels: int) -> Tensor:
    if BUNDLED[data].channels != channels:
        fitting = [name for name, known in BUNDLED.items() if known.channels == channels]
        raise ValueError(
            f"data = {data!r} has {BUNDLED[data].channels} channels and this task takes "
            f"{channels}; use {' or '.join(fitting)}, or a folder of images"
        )
    return load_bundled(data, split, size)
