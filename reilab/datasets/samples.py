"""Samples: what a problem learns from, with ground truth, with measurements, or with both."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor

from reilab.datasets.bundled import shrink
from reilab.datasets.store import OnDisk, Store, decode
from reilab.key import Key
from reilab.physics.places import Masks

#: What images of so many channels are called: complex ones have a real and an imaginary part.
KINDS = {1: "grey", 2: "complex", 3: "colour"}
#: A data set is held on a GPU if it takes at most this share of the memory that is free there.
SHARE_OF_GPU = 0.25
#: Images that are moved to a GPU at a time: bounds the memory of the host.
MOVED_AT_ONCE = 16


@dataclass(frozen=True, eq=False)
class Batch:
    """Some samples: images x, measurements y, A†y, each where it is known.

    ``places`` (B, m) are those that the operator measures, where each sample has its own.
    """

    x: Tensor | None
    y: Tensor | None
    start: Tensor | None = None
    places: Tensor | None = None


class Samples(Protocol):
    """A finite, ordered set of samples."""

    @property
    def has_truth(self) -> bool:
        """Whether every sample has its image x."""
        ...

    @property
    def device(self) -> torch.device:
        """Where the batches are."""
        ...

    def __len__(self) -> int: ...

    def batch(self, index: Tensor) -> Batch:
        """The samples at ``index`` (B,), a CPU tensor."""
        ...


@dataclass(frozen=True, eq=False)
class InMemory:
    """Samples held as tensors on the device that trains.

    Args:
        x: images (N, C, H, W), or ``None`` where nobody has them.
        y: measurements (N, *range) acquired elsewhere, or ``None`` where they are simulated.
        start: A†y (N, C, H, W), where it has been computed.
        places: what was measured (N, m), where each sample has its own mask.

    Raises:
        ValueError: there are no samples, not as many x as y, or values that are not finite.
    """

    x: Tensor | None
    y: Tensor | None = None
    start: Tensor | None = None
    places: Tensor | None = None

    def __post_init__(self) -> None:
        if self.x is None and self.y is None:
            raise ValueError("samples need images x, measurements y, or both")
        if self.x is not None and self.y is not None and len(self.x) != len(self.y):
            raise ValueError(f"{len(self.x)} images but {len(self.y)} measurements; give one each")
        for what, values in (("image x", self.x), ("measurement y", self.y)):
            if values is not None:
                _check_finite(what, values)

    @property
    def has_truth(self) -> bool:
        return self.x is not None

    @property
    def device(self) -> torch.device:
        return self._known.device

    def __len__(self) -> int:
        return len(self._known)

    @property
    def _known(self) -> Tensor:
        known = self.x if self.x is not None else self.y
        assert known is not None
        return known

    def batch(self, index: Tensor) -> Batch:
        known = (self.x, self.y, self.start, self.places)
        # From ordinary memory a copy that does not block is staged at once: the index may change.
        place = index.to(self.device, non_blocking=True)
        return Batch(*(None if t is None else t[place] for t in known))


def _check_finite(what: str, values: Tensor) -> None:
    if not values.numel():
        raise ValueError(f"there is no {what}: the samples are {tuple(values.shape)}")
    bad = ~values.isfinite().flatten(1).all(1)
    if bad.any():
        raise ValueError(
            f"{what} of sample {int(bad.nonzero()[0])} ({int(bad.sum())} of {len(bad)} samples) "
            "has values that are not finite; leave it out, or, where it is simulated, choose a "
            "noise level nearer to what is measured"
        )


@dataclass(frozen=True, eq=False)
class OnDevice:
    """The images of a split, (N, C, S, S) int16, that wait on a device."""

    images: Tensor

    def __len__(self) -> int:
        return len(self.images)

    def take(self, index: Tensor) -> Tensor:
        """Those at ``index`` (B,), a CPU tensor: (B, C, S, S) int16."""
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

    shelf: OnDisk | OnDevice
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


@dataclass(frozen=True, eq=False)
class MaskedSamples:
    """Samples of which that at index i has the mask drawn at ``key / i``, in every batch."""

    samples: Samples
    masks: Masks
    key: Key

    @property
    def has_truth(self) -> bool:
        return self.samples.has_truth

    @property
    def device(self) -> torch.device:
        return self.samples.device

    def __len__(self) -> int:
        return len(self.samples)

    def batch(self, index: Tensor) -> Batch:
        places = self.masks.at(self.key, index.tolist()).to(self.device, non_blocking=True)
        return replace(self.samples.batch(index), places=places)


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
    return bool(images.dataset.nbytes <= SHARE_OF_GPU * free)


def held(images: OnDisk, device: torch.device) -> OnDevice:
    """All images, moved to a device a few at a time."""
    there = torch.empty(images.dataset.shape, dtype=torch.int16, device=device)
    for index in torch.split(torch.arange(len(images)), MOVED_AT_ONCE):
        there[int(index[0]) : int(index[-1]) + 1] = images.take(index).to(device)
    return OnDevice(there)


def check_channels(data: str, has: int, wanted: int) -> None:
    """See whether images can be given the channels that a task takes.

    Raises:
        ValueError: complex images for a task that takes real ones, or colour for complex ones.
    """
    if has != wanted and (2 in (has, wanted)) and (has, wanted) != (1, 2):
        raise ValueError(
            f"data = {data!r} has {KINDS[has]} images ({has} channels) and this task takes "
            f"{KINDS[wanted]} ones ({wanted}); choose other data"
        )


def as_channels(images: Tensor, wanted: int) -> Tensor:
    """(N, C, H, W) with another number of channels.

    Grey is repeated to colour, or gets an imaginary part of zero; colour is averaged to grey.
    """
    has = images.shape[1]
    if has == wanted:
        return images
    if wanted == 1:
        return images.mean(1, keepdim=True)
    if wanted == 2:
        return torch.cat([images, torch.zeros_like(images)], dim=1)
    return images.expand(-1, wanted, -1, -1)
