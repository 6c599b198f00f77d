"""The REI step of the presets in bfloat16 against float32. ``python -m benchmarks.precision``"""

from __future__ import annotations

import statistics
import sys

from benchmarks.measure import Table, in_turns, ratio
from benchmarks.options import action
from reilab.runs.config import build, configure
from reilab.tasks.registry import tasks

NOTE = """One REI step of the preset, with its network and batch: in float32, by Winograd's
convolutions where they serve, and in bfloat16, by torch's layers."""
PRESETS = ("quick", "hour")


def measure() -> Table:
    """All tasks."""
    rows = [row(task, preset) for task in tasks() for preset in PRESETS]
    columns = ["task", "preset", "float32 [s]", "bfloat16 [s]", "float32 / bfloat16"]
    return Table("bfloat16", NOTE, columns, rows)


def row(task: str, preset: str) -> list[str]:
    """One preset."""
    print("precision", task, preset, file=sys.stderr, flush=True)
    actions = {}
    for precision in ("float32", "bfloat16"):
        config = configure(task, preset, ["rei"], training={"precision": precision})
        actions[precision] = action(build(config), config.training, config.objectives[0])
    seconds = in_turns(actions, 8)
    medians = [f"{statistics.median(found):.3f}" for found in seconds.values()]
    return [task, preset, *medians, f"{ratio(seconds['float32'], seconds['bfloat16']):.2f}"]


if __name__ == "__main__":
    print(measure().markdown())
