"""Samples of a prepared data set: read from disk batch by batch, or held on the device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from reilab.datasets.bundled import shrink
from reilab.datasets.channels import as_channels, check_channels
from reilab.datasets.samples import Batch
from reilab.datasets.store import OnDisk, Store, decode

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
        low: value that the smallest number stands for; the largest stands for 1.
        size: side of the images that are given out, at most that of those that are kept.
        channels: 1 grey, 2 real and imaginary part, 3 colour.
        place: device of the batches.
    """

    shelf: Shelf
    low: float
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
        x = self.low + (1 - self.low) * unit
        return Batch(as_channels(x, self.channels), None)


def stored_samples(
    store: Store, split: str, size: int, channels: int, device: str
) -> StoredSamples:
    """The samples of a prepared data set.

    Raises:
        ValueError: the images are smaller, have other channels, or are damaged.
    """
    if size > store.size:
        raise ValueError(
            f"size = {size} is larger than the images of data = {store.name!r}, which are "
            f"{store.size}²; choose at most that"
        )
    check_channels(store.name, store.channels, channels)
    images, place = store.split(split), torch.device(device)
    shelf = held(images, place) if fits(images, place) else images
    return StoredSamples(shelf, store.low, size, channels, place)


def fits(images: OnDisk, device: torch.device) -> bool:
    """Whether a GPU has room for all images; a CPU reads them from disk, which is as fast."""
    if device.type != "cuda":
        return False
    free, _ = torch.cuda.mem_get_info(device)
    return images.n_bytes <= SHARE_OF_GPU * free


def held(images: OnDisk, device: torch.device) -> OnDevice:
    """All images, moved to a device a few at a time."""
    there = torch.empty(images.images.shape, dtype=torch.int16, device=device)
    for index in torch.split(torch.arange(len(images)), MOVED_AT_ONCE):
        there[int(index[0]) : int(index[-1]) + 1] = images.take(index).to(device)
    return OnDevice(there)
