"""Key: random streams with an address.

A stream is named by a seed and a path, ``Key(7) / "noise" / 120``, and the same address gives the
same numbers wherever and whenever it is opened. Two methods that open the same address see the same
noise, and a run resumes from its step number alone, because no generator state has to be saved.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch

#: Generators that share out a batch: each draws for an equal number of consecutive samples.
Streams: TypeAlias = Sequence[torch.Generator]


@dataclass(frozen=True)
class Key:
    """An address of a random stream. ``key / part`` is the address one level below."""

    seed: int
    path: tuple[str | int, ...] = ()

    def __truediv__(self, part: str | int) -> Key:
        return Key(self.seed, (*self.path, part))

    def generator(self, device: torch.device | str = "cpu") -> torch.Generator:
        """A new generator at the start of this stream, on ``device``.

        The streams of a CPU and a CUDA generator differ: a run repeats on the same kind of device.
        """
        address = repr((self.seed, self.path)).encode()
        digest = hashlib.blake2b(address, digest_size=8).digest()
        # manual_seed takes 64-bit values, but the top bit is folded differently on some back-ends.
        return torch.Generator(device).manual_seed(int.from_bytes(digest, "little") >> 1)

    def streams(self, places: Iterable[int], device: torch.device | str = "cpu") -> Streams:
        """One generator for each place i, at ``key / i``."""
        return [(self / place).generator(device) for place in places]
