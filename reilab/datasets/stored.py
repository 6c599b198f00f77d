"""Samples of a prepared data set: read from disk batch by batch, or held on the device."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from reilab.datasets.arrayfile import ArrayFile
from reilab.datasets.bundled import shrink
from reilab.datasets.cache import Cache, decode
from reilab.datasets.channels import as_channels, check_channels
from reilab.datasets.samples import Batch

#: A data set is held on a GPU if it takes at most this share of the memory that is free there.
SHARE_OF_GPU = 0.25
#: Images that are moved to a GPU at a time: bounds the memory of the host.
MOVED_AT_ONCE = 16


class Shelf(Protocol):
    """Where the 16-bit numbers of images are kept."""

    def __len__(self) -> int: ...

    def take(self, index: Tensor) -> Tensor:
        """The images at ``index`` (B,), a CPU tensor: (B, C, S, S) int16."""
        ...


@dataclass(frozen=True, eq=False)
class OnDevice:
    """Images (N, C, S, S) int16 that wait on a device."""

    images: Tensor

    def __len__(self) -> int:
        return len(self.images)

    def take(self, index: Tensor) -> Tensor:
        return self.images[index.to(self.images.device, non_blocking=True)]


@dataclass(frozen=True, eq=False)
class StoredSamples:
    """Images kept as 16-bit numbers, which become images when a batch is asked for.

    Args:
        shelf: where they are kept.
        low: value that the smallest number stands for.
        high: value that the largest number stands for.
        size: side of the images that are given out, at most that of those that are kept.
        channels: 1 grey, 2 real and imaginary part, 3 colour.
        place: device of the batches.
    """

    shelf: Shelf
    low: float
    high: float
    size: int
    channels: int
    place: torch.device

    @property
    def has_truth(self) -> bool:
        return True

    @property
    def device(self) -> torch.device:
        return self.place

    def __len__(self) -> int:
        return len(self.shelf)

    def batch(self, index: Tensor) -> Batch:
        taken = self.shelf.take(index).to(self.device, non_blocking=True)
        unit = shrink(decode(taken), self.size)
        x = self.low + (self.high - self.low) * unit
        return Batch(as_channels(x, self.channels), None)


def stored_samples(
    cache: Cache, split: str, size: int, channels: int, device: str
) -> StoredSamples:
    """The samples of a prepared data set.

    Raises:
        ValueError: the images are smaller, have other channels, or are damaged.
    """
    index, place = cache.index, torch.device(device)
    if size > index.size:
        raise ValueError(
            f"size = {size} is larger than the images of data = {index.name!r}, which are "
            f"{index.size}²; choose at most that"
        )
    check_channels(index.name, index.channels, channels)
    array = cache.array(split, loader_threads())
    shelf = held(array, place) if fits(array, place) else array
    return StoredSamples(shelf, index.low, index.high, size, channels, place)


def fits(array: ArrayFile, device: torch.device) -> bool:
    """Whether a GPU has room for all images; a CPU reads them from disk, which is as fast."""
    if device.type != "cuda":
        return False
    free, _ = torch.cuda.mem_get_info(device)
    return array.n_bytes <= SHARE_OF_GPU * free


def held(array: ArrayFile, device: torch.device) -> OnDevice:
    """All images, moved to a device a few at a time."""
    images = torch.empty(array.shape, dtype=torch.int16, device=device)
    for index in torch.split(torch.arange(len(array)), MOVED_AT_ONCE):
        images[int(index[0]) : int(index[-1]) + 1] = array.take(index).to(device)
    return OnDevice(images)


def loader_threads() -> int:
    """The environment variable ``REILAB_LOADERS``: a matter of the machine, not of the run.

    Raises:
        ValueError: no whole number from 1 on.
    """
    text = os.environ.get("REILAB_LOADERS", "1")
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"REILAB_LOADERS = {text!r} must be a whole number, at least 1")
    return int(text)
