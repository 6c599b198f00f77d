"""Time and memory of the REI step against its sizes. ``python -m benchmarks.scaling``"""

from __future__ import annotations

import statistics
import sys

from benchmarks.cases import Case, ours
from benchmarks.measure import Action, Table, in_turns, peak_megabytes
from reilab.runs.config import build
from reilab.training.state import new_state

NOTE = """The CT step with the network of the `quick` presets (width 16), one quantity changed at a
time from 128², batch 2, 50 views, one method. Seconds are medians, memory the peak over an idle
process, both also relative to the first row of each quantity."""

BASE = {"side": 128, "batch": 2, "views": 50, "methods": 1}
VALUES = {
    "side": (64, 128, 256),
    "batch": (1, 2, 4, 8),
    "views": (25, 50, 100),
    "methods": (1, 2, 3),
}


def prepare(side: str, batch: str, views: str, methods: str) -> Action:
    """One step of each of ``methods`` networks; arguments are words of a command line."""
    case = Case("ct", int(side), 16, int(batch), int(views))
    problem = build(case.config)
    steps = [
        ours(
            problem,
            new_state(case.config.objectives[0], problem, case.config.training),
            case.config,
        )
        for _ in range(int(methods))
    ]

    def run() -> None:
        for step in steps:
            step()

    return run


def measure(rounds: int = 5) -> Table:
    """Every quantity by itself."""
    rows = []
    for quantity, values in VALUES.items():
        print("scaling", quantity, file=sys.stderr, flush=True)
        words = {value: [str(v) for v in (BASE | {quantity: value}).values()] for value in values}
        seconds = in_turns({str(v): prepare(*words[v]) for v in values}, rounds)
        times = [statistics.median(seconds[str(v)]) for v in values]
        memory = [peak_megabytes("benchmarks.scaling", *words[v]) for v in values]
        for value, time, space in zip(values, times, memory, strict=True):
            cells = [quantity, str(value), f"{time:.3f}", f"{time / times[0]:.2f}"]
            rows.append([*cells, f"{space:.0f}", f"{space / memory[0]:.2f}"])
    columns = ["quantity", "value", "step [s]", "relative", "memory [MB]", "relative"]
    return Table("Scaling", NOTE, columns, rows)


if __name__ == "__main__":
    print(measure().markdown())
