"""Options against the default: engines, bfloat16. ``python -m benchmarks.options``"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import replace

from benchmarks.cases import Case
from benchmarks.measure import Action, Table, in_turns, ratio
from reilab.methods.base import MethodSpec
from reilab.methods.rei import REI
from reilab.problem import Problem
from reilab.runs.config import build
from reilab.training.config import TrainConfig
from reilab.training.state import new_state
from reilab.training.step import take_step

NOTE = """The CT step, batch 2, with one training option changed; by default Winograd's convolutions
where they serve. The first step of a compiled network waits for the compiler. In bfloat16 only the
network runs in half precision, by torch's layers. An option that takes more than twice the time of
the default at the small size is not tried at the large one."""

#: Engine and precision.
OPTIONS = {
    "default": ("auto", "float32"),
    "engine eager": ("eager", "float32"),
    "engine compiled": ("compiled", "float32"),
    "precision bfloat16": ("auto", "bfloat16"),
}


def measure() -> Table:
    """At the size of the ``quick`` presets and at the paper's."""
    small = at(80, 16, rounds=15, names=list(OPTIONS))
    large = at(256, 64, rounds=2, names=[row[2] for row in small if float(row[-1]) > 0.5])
    columns = ["side", "width", "option", "first step [s]", "step [s]", "default / option"]
    return Table("Options", NOTE, columns, [*small, *large])


def at(size: int, width: int, rounds: int, names: Sequence[str]) -> list[list[str]]:
    """Some of the options at one size."""
    case = Case("ct", size, width)
    problem, default = build(case.config), case.config.training
    actions, first = {}, {}
    for name in names:
        print("options", size, name, file=sys.stderr, flush=True)
        engine, precision = OPTIONS[name]
        actions[name] = action(problem, replace(default, engine=engine, precision=precision), REI())
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
        for name in names
    ]


def action(problem: Problem, config: TrainConfig, method: MethodSpec) -> Action:
    """A step with its own network."""
    state = new_state(method, problem, config)
    state.network.train()
    return lambda: take_step(state, problem, config)


if __name__ == "__main__":
    print(measure().markdown())
