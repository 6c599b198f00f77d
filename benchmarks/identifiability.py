"""What groups can teach, at full size: ``python -m benchmarks.identifiability``

A row for each task and group, at 256×256 (``--size``): how long ``inspect`` takes by the clock and
by the processor, once the operator is there, and what it finds.
"""

from __future__ import annotations

import time

import torch
import tyro

from reilab.groups import GROUPS
from reilab.identifiability import commutator, inspect
from reilab.key import Key
from reilab.tasks.registry import tasks

HEADS = ("task", "group", "wall [s]", "processor [s]", "alone", "through", "commutator")


def main(
    size: int = 256, preset: str = "standard", groups: tuple[str, ...] = tuple(GROUPS)
) -> None:
    """Print the table, each row as soon as it is there."""
    print(*HEADS, sep=" | ")
    for name, task in tasks().items():
        physics = task.configure(preset, {"size": size}).build().physics
        # What is made when it is first needed is no part of any row.
        commutator(physics, GROUPS["flips"](size), torch.tensor([[1]]), Key(0))
        for group in groups:
            clock, processor = time.perf_counter(), time.process_time()
            found = inspect(physics, GROUPS[group](size), Key(0))
            spent = time.perf_counter() - clock, time.process_time() - processor
            shares = (found.alone, found.through, found.commutator)
            numbers = [f"{one.value:.3f} ± {one.deviation:.3f}" for one in shares]
            print(name, group, *(f"{one:.1f}" for one in spent), *numbers, sep=" | ", flush=True)


if __name__ == "__main__":
    tyro.cli(main)
