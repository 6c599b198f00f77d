"""Options against the default: engines, bfloat16. ``python -m benchmarks.options``"""

from __future__ import annotations

import statistics
import sys
import time
from dataclasses import replace

from benchmarks.cases import Case
from benchmarks.measure import Action, Table, in_turns, ratio
from reilab.problem import Problem
from reilab.runs.config import build
from reilab.training.config import TrainConfig
from reilab.training.state import new_state
from reilab.training.step import take_step

NOTE = """The CT step, batch 2, with one training option changed; by default Winograd's convolutions
where they serve. The first step of a compiled network waits for the compiler. In bfloat16 only the
network runs in half precision, by torch's layers."""


def measure() -> Table:
    """At the size of the ``quick`` presets and at the paper's."""
    rows = [*at(80, 16, rounds=15), *at(256, 64, rounds=2)]
    columns = ["side", "width", "option", "first step [s]", "step [s]", "default / option"]
    return Table("Options", NOTE, columns, rows)


def at(size: int, width: int, rounds: int) -> list[list[str]]:
    """All options at one size."""
    case = Case("ct", size, width)
    problem, default = build(case.config), case.config.training
    options = {
        "default": default,
        "engine eager": replace(default, engine="eager"),
        "engine compiled": replace(default, engine="compiled"),
        "precision bfloat16": replace(default, precision="bfloat16"),
    }
    actions, first = {}, {}
    for name, config in options.items():
        print("options", size, name, file=sys.stderr, flush=True)
        actions[name] = action(problem, config)
        began = time.perf_counter()
        actions[name]()
        first[name] = time.perf_counter() - began
    seconds = in_turns(actions, rounds)
    return [
        [
            f"{size}²",
            str(width),
            name,
            f"{first[name]:.2f}",
            f"{statistics.median(seconds[name]):.3f}",
            f"{ratio(seconds['default'], seconds[name]):.2f}",
        ]
        for name in options
    ]


def action(problem: Problem, config: TrainConfig) -> Action:
    """A step with its own network."""
    state = new_state("rei", problem, config)
    state.network.train()
    return lambda: take_step(state, problem, config)


if __name__ == "__main__":
    print(measure().markdown())
