"""Team: the processes that train together, each on its share of every batch.

Started by ``torchrun --nproc-per-node N -m reilab train …``. The gradient is averaged once per
step, after all terms have gone backward: the hooks of ``DistributedDataParallel`` fire at every
backward pass, of which a step has several.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor

T = TypeVar("T")


class Team(Protocol):
    """One process among those that train together."""

    @property
    def rank(self) -> int:
        """Number of this process, from 0; number 0 speaks for all."""
        ...

    @property
    def size(self) -> int:
        """How many there are."""
        ...

    def device(self, asked: str) -> str:
        """The device of this process when ``asked`` is the device of the run."""
        ...

    def average(self, own: Tensor) -> None:
        """Replace ``own`` by the mean of what all processes have here."""
        ...

    def told(self, own: T) -> T:
        """What process 0 has here."""
        ...

    def part(self) -> None:
        """Wait for the others, then end the connection: the last call of every process."""
        ...


@dataclass(frozen=True)
class Alone:
    """A process by itself."""

    rank: int = 0
    size: int = 1

    def device(self, asked: str) -> str:
        return asked

    def average(self, own: Tensor) -> None:
        pass

    def told(self, own: T) -> T:
        return own

    def part(self) -> None:
        pass


ALONE = Alone()


@dataclass(frozen=True)
class Fleet:
    """Processes joined by Lightning Fabric: gloo between CPUs, NCCL between GPUs."""

    fabric: Any

    @property
    def rank(self) -> int:
        return int(self.fabric.global_rank)

    @property
    def size(self) -> int:
        return int(self.fabric.world_size)

    def device(self, asked: str) -> str:
        return str(self.fabric.device)

    def average(self, own: Tensor) -> None:
        own.copy_(self.fabric.all_reduce(own, reduce_op="mean"))

    def told(self, own: T) -> T:
        heard: T = self.fabric.broadcast(own)
        return heard

    def part(self) -> None:
        self.fabric.barrier()
        torch.distributed.destroy_process_group()


def join(device: str) -> Team:
    """The team that ``torchrun`` started this process in, or a team of one.

    Args:
        device: ``cpu`` or ``cuda``; every process takes the GPU of its own local rank.

    Raises:
        ValueError: a numbered GPU, which all processes would share.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        return ALONE
    kind, _, number = device.partition(":")
    if number:
        raise ValueError(f"device = {device!r} names one GPU for several processes; use {kind!r}")
    # Takes a second to import and is needed by several processes only.
    from lightning_fabric import Fabric

    fabric = Fabric(
        accelerator=kind,
        devices=int(os.environ["LOCAL_WORLD_SIZE"]),
        num_nodes=int(os.environ["WORLD_SIZE"]) // int(os.environ["LOCAL_WORLD_SIZE"]),
        strategy="ddp",
    )
    fabric.launch()
    return Fleet(fabric)


def share(whole: Tensor, team: Team) -> tuple[int, Tensor]:
    """The place of the first entry of this process in ``whole`` (B,), and its entries.

    Raises:
        ValueError: the processes cannot have equal shares.
    """
    if len(whole) % team.size:
        raise ValueError(
            f"batch = {len(whole)} cannot be shared equally by {team.size} processes; "
            f"choose a multiple of {team.size}"
        )
    n_own = len(whole) // team.size
    first = team.rank * n_own
    return first, whole[first : first + n_own]
