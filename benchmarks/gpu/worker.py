"""One of the processes of ``team``: ``-m benchmarks.gpu.worker DEVICE fabric|gloo FILE``."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, distributed

from reilab.runs.config import build, configure
from reilab.training.state import new_state
from reilab.training.step import take_step
from reilab.training.team import Fleet, Team

N_STEPS = 4
T = TypeVar("T")


@dataclass(frozen=True)
class Gloo:
    """Processes that share one device, joined by gloo."""

    rank: int
    size: int

    def device(self, asked: str) -> str:
        return asked

    def average(self, own: Tensor) -> None:
        distributed.all_reduce(own)
        own /= self.size

    def told(self, own: T) -> T:
        heard = [own]
        distributed.broadcast_object_list(heard)
        return heard[0]

    def part(self) -> None:
        distributed.barrier()
        distributed.destroy_process_group()


def main(device: str, backend: str, file: Path) -> None:
    """Join the others, train, and let process 0 write what it saw."""
    team = {"fabric": by_fabric, "gloo": by_gloo}[backend](device)
    found = losses(device, team)
    if team.rank == 0:
        file.write_text(json.dumps(found), encoding="utf-8")
    team.part()


def by_fabric(device: str) -> Team:
    """A team through Lightning Fabric, of one process too; by NCCL on a GPU."""
    from lightning_fabric import Fabric

    kind = device.partition(":")[0]
    count = int(os.environ["LOCAL_WORLD_SIZE"])
    fabric = Fabric(accelerator=kind, devices=count, strategy="ddp")
    fabric.launch()
    return Fleet(fabric)


def by_gloo(device: str) -> Team:
    """A team through gloo, which lets several processes have one device."""
    distributed.init_process_group("gloo")
    return Gloo(distributed.get_rank(), distributed.get_world_size())


def losses(device: str, team: Team) -> list[float]:
    """The objective of REI at each of a few steps."""
    # Before a normalisation a bias has rounding errors for a gradient, of which Adam makes steps.
    config = configure(
        "mri", "smoke", ["rei"], settings={"norm": "none"}, training={"batch": 2}, device=device
    )
    problem = build(config, team)
    state = new_state(config.objectives[0], problem, config.training)
    state.network.train()
    steps = [take_step(state, problem, config.training, team) for _ in range(N_STEPS)]
    return torch.stack([step.total for step in steps]).tolist()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
