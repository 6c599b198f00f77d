"""Problem and Measurement: an inverse problem, and all that a method may see of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial

import torch
from torch import Tensor, nn

from reilab.datasets.samples import Batch, InMemory, MaskedSamples, Samples
from reilab.groups import Group
from reilab.key import Key, Streams
from reilab.nets.registry import NetworkSpec
from reilab.nets.unet import UNetSpec
from reilab.noise.base import Noise
from reilab.nullspace import STEPS, Map, exact_projection, measured_part, same
from reilab.physics.base import LinearPhysics, MaskedPhysics, Physics
from reilab.physics.places import Masks


@dataclass(frozen=True, eq=False)
class Measurement:
    """Measurements y (B, *range), the operator, and the noise they are believed to have.

    It holds no ground truth: a loss that takes a ``Measurement`` is unsupervised by its type.

    Args:
        y: the measurements.
        start: A†y (B, C, H, W), what the network starts from.
        physics: the forward operator.
        noise: the noise as it is believed to be.
        first: place of the first sample in the batch, of which other processes may hold the rest.
    """

    y: Tensor
    start: Tensor
    physics: Physics
    noise: Noise
    first: int = 0

    def streams(self, key: Key) -> Streams:
        """One random stream for each sample, the same however the batch is shared out."""
        return key.streams(range(self.first, self.first + len(self.y)), self.y.device)


@dataclass(frozen=True, eq=False)
class Oracle(Measurement):
    """A measurement with its ground truth x (B, C, H, W), for supervised training only."""

    x: Tensor = field(kw_only=True)


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
        image: what a person looks at and metrics are taken of, e.g. the magnitude in MRI.
        picture: how a person sees the measurements, e.g. as a sinogram in CT.
        validation: samples to choose settings by, and when to stop; neither learned from nor
            tested on. ``None`` where there are none.
        network: what learns to invert the operator.
        seen: the orthogonal projection of images (B, C, H, W) on what A sees, ``nullspace``. It is
            left out where A† is the pseudo-inverse of a linear A, or where it is not known.
        masks: where each sample has a mask of its own, the source of these; ``physics`` is then one
            of such operators, and ``having`` has those of samples.
    """

    physics: Physics
    noise: Noise
    group: Group
    train: Samples
    test: Samples
    image: Callable[[Tensor], Tensor] = same
    picture: Picture = Picture("Measurement", draw_entries)
    validation: Samples | None = field(default=None, kw_only=True)
    network: NetworkSpec = field(default_factory=UNetSpec)
    seen: Map | None = field(default=None, kw_only=True)
    masks: Masks | None = field(default=None, kw_only=True)

    @property
    def device(self) -> torch.device:
        """Where the samples, and so all computation, live."""
        return self.train.device

    def new_network(self) -> nn.Module:
        """An untrained network for images of this problem, on the CPU."""
        return self.network.build(self.physics.domain[0])

    def having(self, places: Tensor | None) -> Problem:
        """The problem of samples whose masks are ``places`` (B, m); itself, if they have none."""
        if places is None:
            return self
        assert self.masks is not None
        assert isinstance(self.physics, MaskedPhysics)
        physics = self.physics.masked(places)
        picture = replace(self.picture, draw=partial(self.masks.picture, physics))
        # What the one operator saw another one does not.
        iterated = self.seen is not None and isinstance(physics, LinearPhysics)
        seen = partial(measured_part, physics, n_steps=STEPS) if iterated else None
        return replace(self, physics=physics, picture=picture, seen=seen)

    @torch.no_grad()
    def split(self, x: Tensor) -> tuple[Tensor, Tensor] | None:
        """What A sees of images (B, C, H, W), and what it loses: they add up to x, at right angles.

        ``None`` where the projection is not known.
        """
        if self._projection is None:
            return None
        part = self._projection(x)
        return part, x - part

    @cached_property
    def _projection(self) -> Map | None:
        if self.seen is not None:
            return self.seen
        sample = self.test.batch(torch.tensor([0]))
        like = sample.y if sample.x is None else sample.x
        assert like is not None
        return exact_projection(self.physics, like)

    def measure(self, batch: Batch, key: Key, first: int = 0) -> Measurement:
        """What was measured of a batch, or a simulation of it.

        Args:
            batch: samples with x, y, or both; y wins.
            key: the noise of the sample at place i of the batch is the stream ``key / i``.
            first: place of the first of these samples, see ``Measurement``.
        """
        physics = self.having(batch.places).physics
        if batch.y is not None:
            start = physics.pinv(batch.y) if batch.start is None else batch.start
            return Measurement(batch.y, start, physics, self.noise, first)
        assert batch.x is not None
        u = physics(batch.x)
        y = self.noise.sample(u, key.streams(range(first, first + len(u)), u.device))
        return Measurement(y, physics.pinv(y), physics, self.noise, first)

    @torch.no_grad()
    def measured_once(self, samples: Samples, key: Key) -> InMemory:
        """The samples with one measurement each, for good, and its A†y.

        The noise of the sample at index i is the stream ``key / i``.
        """
        parts = []
        for index in torch.split(torch.arange(len(samples)), MEASURED_AT_ONCE):
            batch = samples.batch(index)
            parts.append((batch, self.measure(batch, key, int(index[0]))))
        return InMemory(
            _joined(batch.x for batch, _ in parts),
            torch.cat([measured.y for _, measured in parts]),
            torch.cat([measured.start for _, measured in parts]),
            _joined(batch.places for batch, _ in parts),
        )


def _joined(parts: Iterable[Tensor | None]) -> Tensor | None:
    known = [part for part in parts if part is not None]
    return torch.cat(known) if known else None


def with_masks(problem: Problem, masks: Masks) -> Problem:
    """The problem with a mask of its own for each sample, at ``masks.key / "train" / index`` …"""

    def masked(samples: Samples, name: str) -> Samples:
        return MaskedSamples(samples, masks, masks.key / name)

    return replace(
        problem,
        train=masked(problem.train, "train"),
        test=masked(problem.test, "test"),
        validation=problem.validation and masked(problem.validation, "validation"),
        masks=masks,
    )


def check_samples(problem: Problem) -> None:
    """Check, by the first of each, that samples fit to the operator and to the group.

    Raises:
        ValueError: other shapes than the operator has, or numbers other than float32.
    """
    every = {"train": problem.train, "validation": problem.validation, "test": problem.test}
    for name, samples in every.items():
        if samples is None:
            continue
        batch = samples.batch(torch.tensor([0]))
        _check_first(f"{name} images", batch.x, problem.physics.domain)
        _check_first(f"{name} measurements", batch.y, problem.physics.range)
    image = torch.zeros(1, *problem.physics.domain)
    problem.group.act(problem.group.sample(1, Key(0).generator()), image)


def _check_first(what: str, first: Tensor | None, shape: tuple[int, ...]) -> None:
    if first is not None and (first.shape[1:] != shape or first.dtype != torch.float32):
        raise ValueError(
            f"{what} are {tuple(first.shape[1:])} of {first.dtype}, and the operator has {shape} "
            "of torch.float32; bring them to that, complex ones in two channels"
        )


#: Samples that ``measured_once`` works on at a time: bounds the memory of the operator.
MEASURED_AT_ONCE = 16

#: How the measurements of the training images come about: ``(problem, key) -> problem``.
MEASUREMENTS: Mapping[str, Callable[[Problem, Key], Problem]] = {
    "online": lambda problem, key: problem,
    "fixed": lambda problem, key: replace(
        problem, train=problem.measured_once(problem.train, key / "fixed")
    ),
}
