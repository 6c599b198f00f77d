"""Samples of a prepared data set: read from disk batch by batch, or held on the device."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from reilab.datasets.bundled import shrink
from reilab.datasets.cache import Cache, decode
from reilab.datasets.channels import as_channels, check_channels
from reilab.datasets.samples import Batch

#: A data set is held on a GPU if it takes at most this share of the memory that is free there.
SHARE_OF_GPU = 0.25


@dataclass(frozen=True, eq=False)
class Stored:
    """Images kept as 16-bit numbers, which become images when a batch is asked for.

    Args:
        images: (N, C, S, S) int16, memory-mapped or on the device.
        low: value that the smallest number stands for.
        high: value that the largest number stands for.
        size: side of the images that are given out, at most S.
        channels: 1 grey, 2 real and imaginary part, 3 colour.
        place: device of the batches.
        threads: how many images are read at the same time; the batches do not depend on it.
    """

    images: Tensor
    low: float
    high: float
    size: int
    channels: int
    place: torch.device
    threads: int = 1

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self.threads, "reilab-loader")

    @property
    def has_truth(self) -> bool:
        return True

    @property
    def device(self) -> torch.device:
        return self.place

    def __len__(self) -> int:
        return len(self.images)

    def batch(self, index: Tensor) -> Batch:
        held = self.images.device == self.device
        if self.threads > 1 and self.images.device.type == "cpu":
            taken = torch.stack(list(self._pool.map(self.images.__getitem__, index.tolist())))
        else:
            taken = self.images[index.to(self.images.device, non_blocking=held)]
        unit = shrink(decode(taken.to(self.device)), self.size)
        x = self.low + (self.high - self.low) * unit
        return Batch(index, as_channels(x, self.channels), None)


def stored_samples(cache: Cache, split: str, size: int, channels: int, device: str) -> Stored:
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
    images = torch.from_numpy(cache.array(split))
    if fits(images, place):
        images = images.to(place)
    return Stored(images, index.low, index.high, size, channels, place, loader_threads())


def fits(images: Tensor, device: torch.device) -> bool:
    """Whether a GPU has room for all of them; a CPU reads them from disk, which is as fast."""
    if device.type != "cuda":
        return False
    free, _ = torch.cuda.mem_get_info(device)
    return images.numel() * images.element_size() <= SHARE_OF_GPU * free


def loader_threads() -> int:
    """The environment variable ``REILAB_LOADERS``: a matter of the machine, not of the run.

    Raises:
        ValueError: no whole number from 1 on.
    """
    text = os.environ.get("REILAB_LOADERS", "1")
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"REILAB_LOADERS = {text!r} must be a whole number, at least 1")
    return int(text)
