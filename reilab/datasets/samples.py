"""Samples: what a problem learns from, with ground truth, with measurements, or with both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Batch:
    """Some samples: images x, measurements y, A†y, each where it is known."""

    x: Tensor | None
    y: Tensor | None
    start: Tensor | None = None


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
    """

    x: Tensor | None
    y: Tensor | None = None
    start: Tensor | None = None

    def __post_init__(self) -> None:
        if self.x is None and self.y is None:
            raise ValueError("samples need images x, measurements y, or both")
        if self.x is not None and self.y is not None and len(self.x) != len(self.y):
            raise ValueError(f"{len(self.x)} images but {len(self.y)} measurements; give one each")

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
        known = (self.x, self.y, self.start)
        # From ordinary memory a copy that does not block is staged at once: the index may change.
        place = index.to(self.device, non_blocking=True)
        return Batch(*(None if t is None else t[place] for t in known))
