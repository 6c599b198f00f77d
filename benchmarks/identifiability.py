"""What groups can teach, at full size: ``python -m benchmarks.identifiability``

A row for each task and group, at 256×256 (``--size``): how long ``inspect`` takes by the clock and
by the processor, once the operator is there, and what it finds.
"""

from __future__ import annotations

import time

import tyro
from rich.console import Console
from rich.table import Table

from reilab.groups import GROUPS
from reilab.identifiability import inspect
from reilab.key import Key
from reilab.tasks.registry import tasks

HEADS = ("task", "group", "wall [s]", "processor [s]", "alone", "through", "commutator")


def main(size: int = 256, preset: str = "standard") -> None:
    """Print the table."""
    table = Table(*HEADS)
    for name, task in tasks().items():
        physics = task.configure(preset, {"size": size}).build().physics
        # What is made when it is first needed is no part of the second inspection.
        inspect(physics, GROUPS["flips"](size), Key(0))
        for group in GROUPS:
            clock, processor = time.perf_counter(), time.process_time()
            found = inspect(physics, GROUPS[group](size), Key(0))
            spent = time.perf_counter() - clock, time.process_time() - processor
            shares = (found.alone, found.through, found.commutator)
            numbers = [f"{one.value:.3f} ± {one.deviation:.3f}" for one in shares]
            table.add_row(name, group, *(f"{one:.1f}" for one in spent), *numbers)
    Console(width=100).print(table)


if __name__ == "__main__":
    tyro.cli(main)
