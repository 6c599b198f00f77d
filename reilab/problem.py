"""Problem and Measurement: an inverse problem, and all that a method may see of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from reilab.datasets.samples import Batch, Samples
from reilab.groups import Group
from reilab.key import Key
from reilab.noise import Noise
from reilab.physics.base import Physics


@dataclass(frozen=True, eq=False)
class Measurement:
    """Measurements y (B, *range), the operator, and the noise they are believed to have.

    It holds no ground truth: a loss that takes a ``Measurement`` is unsupervised by its type.
    """

    y: Tensor
    physics: Physics
    noise: Noise


@dataclass(frozen=True, eq=False)
class Oracle(Measurement):
    """A measurement with its ground truth x (B, C, H, W), for supervised training only."""

    x: Tensor


def same(x: Tensor) -> Tensor:
    """The image as it is."""
    return x


def magnitude(x: Tensor) -> Tensor:
    """|x| of a complex image in two channels: (B, 2, H, W) to (B, 1, H, W)."""
    return x.square().sum(1, keepdim=True).sqrt()


@dataclass(frozen=True)
class Picture:
    """How a person sees measurements: ``draw`` maps (B, *range) to (B, 1 or 3, H, W) in [0, 1]."""

    title: str
    draw: Callable[[Tensor], Tensor]


def draw_entries(y: Tensor) -> Tensor:
    """Measurements of any shape, each stretched to [0, 1].

    Channels that are no colours become their magnitude, a list of entries becomes a square.
    """
    image = y
    if y.ndim != 4:
        entries = y.flatten(1)
        side = math.ceil(math.sqrt(entries.shape[1]))
        padded = nn.functional.pad(entries, (0, side**2 - entries.shape[1]))
        image = padded.view(-1, 1, side, side)
    if image.shape[1] not in (1, 3):
        image = image.square().sum(1, keepdim=True).sqrt()
    low, high = image.amin((1, 2, 3), keepdim=True), image.amax((1, 2, 3), keepdim=True)
    return (image - low) / (high - low).clamp(min=torch.finfo(y.dtype).tiny)


@dataclass(frozen=True, eq=False)
class Problem:
    """An inverse problem, built and on its device.

    Args:
        physics: the forward operator.
        noise: the true noise.
        group: the transforms under which the images stay images.
        train: samples to learn from.
        test: samples to evaluate on.
        network: makes an untrained network, from images to images.
        image: what a person looks at and metrics are taken of, e.g. the magnitude in MRI.
        picture: how a person sees the measurements, e.g. as a sinogram in CT.
    """

    physics: Physics
    noise: Noise
    group: Group
    train: Samples
    test: Samples
    network: Callable[[], nn.Module]
    image: Callable[[Tensor], Tensor] = same
    picture: Picture = Picture("Measurement", draw_entries)

    @property
    def device(self) -> torch.device:
        """Where the samples, and so all computation, live."""
        return self.train.device

    def measure_online(self, batch: Batch, key: Key) -> Tensor:
        """New noise at each call: one stream for the whole batch, at ``key``."""
        if batch.y is not None:
            return batch.y
        assert batch.x is not None
        u = self.physics(batch.x)
        return self.noise.sample(u, key.generator(u.device))

    def measure_fixed(self, batch: Batch, key: Key) -> Tensor:
        """One measurement for each sample, for good: the stream is ``key / index``."""
        if batch.y is not None:
            return batch.y
        assert batch.x is not None
        u = self.physics(batch.x)
        streams = [(key / index).generator(u.device) for index in batch.index.tolist()]
        noisy = [
            self.noise.sample(one, rng) for one, rng in zip(torch.split(u, 1), streams, strict=True)
        ]
        return torch.cat(noisy)


#: How the measurement of a training image comes about: ``(problem, batch, key, step) -> y``.
MEASURE: Mapping[str, Callable[[Problem, Batch, Key, int], Tensor]] = {
    "online": lambda problem, batch, key, step: problem.measure_online(batch, key / step),
    "fixed": lambda problem, batch, key, step: problem.measure_fixed(batch, key / "fixed"),
}
