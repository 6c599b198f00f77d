"""Pose: images as they were acquired, or each turned by a random angle of its own, for good.

All upright knees stand alike. A supervised network profits from that, and no transform tells an
equivariant one of it; among images turned at random every rotation of an image is as likely as the
image itself, which is what the rotations assume.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from reilab.datasets.samples import Batch, InMemory, Samples
from reilab.groups import turned
from reilab.key import Key
from reilab.settings import Setting

AS_ACQUIRED, RANDOM = POSES = ("as acquired", "random")
#: The setting of a task that names one of them.
POSE = Setting(
    "Images as acquired, or each turned by a fixed random angle and black outside a circle.",
    choices=POSES,
)


@dataclass(frozen=True, eq=False)
class Turned:
    """Samples with ground truth whose image at index i is turned by an angle drawn at ``key / i``.

    What lies outside the largest circle is black: the edges of a frame would tell the angle.
    That angle belongs to the image: it is the same in every batch, at every step and in every run.
    """

    samples: Samples
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
        x = self.samples.batch(index).x
        assert x is not None
        return Batch(turned(x, self._degrees(index)) * disc(x.shape[2]).to(x.device), None)

    def _degrees(self, index: Tensor) -> Tensor:
        """(B,), from 0 to 360."""
        streams = self.key.streams(index.tolist())
        return torch.cat([360 * torch.rand(1, generator=stream) for stream in streams])


def disc(size: int) -> Tensor:
    """1 where the middle of a pixel lies in the largest circle, else 0: (size, size)."""
    place = torch.arange(size) - (size - 1) / 2
    return (place[:, None] ** 2 + place**2 <= (size / 2) ** 2).float()


def posed(samples: Samples, pose: str, key: Key) -> Samples:
    """The samples in a pose: one of ``POSES``. Those in memory are turned at once.

    Args:
        samples: with ground truth, and without measurements, which nobody can turn.
        pose: how they are to stand.
        key: of the angles.
    """
    if pose == AS_ACQUIRED:
        return samples
    found = Turned(samples, key)
    if isinstance(samples, InMemory):
        return InMemory(found.batch(torch.arange(len(found))).x)
    return found
