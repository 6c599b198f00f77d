"""Three methods at once against one after the other. ``python -m benchmarks.lanes``"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator, Sequence

import torch

from benchmarks.measure import Action, Table, in_turns, ratio
from reilab.events import Event, Ticked
from reilab.methods.base import MethodSpec
from reilab.problem import Problem
from reilab.runs.config import build, configure
from reilab.tasks.registry import tasks
from reilab.training.compare import Lanes
from reilab.training.config import TrainConfig
from reilab.training.state import TrainState, new_state
from reilab.training.step import take_step

NOTE = """One step each of supervised training, EI and REI, `quick` presets: one after the other,
every one with all threads, and at once, each with its share of them."""


def measure() -> Table:
    """All tasks, with as many threads as torch takes here."""
    columns = ["task", "threads", "one after the other [s]", "at once [s]", "ratio"]
    return Table("Methods at once", NOTE, columns, [row(task) for task in tasks()])


def row(task: str) -> list[str]:
    """One task."""
    print("lanes", task, file=sys.stderr, flush=True)
    config = configure(task, "quick")
    problem, threads = build(config), torch.get_num_threads()
    with Lanes(1) as turns, Lanes(min(3, threads)) as lanes:
        actions = {
            name: action(problem, config.training, config.objectives, each)
            for name, each in {"turns": turns, "lanes": lanes}.items()
        }
        seconds = in_turns(actions, 12)
    medians = [f"{statistics.median(found):.3f}" for found in seconds.values()]
    return [task, str(threads), *medians, f"{ratio(seconds['turns'], seconds['lanes']):.2f}"]


def action(
    problem: Problem, config: TrainConfig, objectives: Sequence[MethodSpec], lanes: Lanes
) -> Action:
    """A step of every method, each with its own network."""
    states = [new_state(one, problem, config) for one in objectives]
    runs = {state.method: steps(state, problem, config) for state in states}
    return lambda: list(lanes.rounds(runs))


def steps(state: TrainState, problem: Problem, config: TrainConfig) -> Iterator[Event]:
    """One step after the other."""
    state.network.train()
    while True:
        take_step(state, problem, config)
        yield Ticked(state.method, state.step)


if __name__ == "__main__":
    print(measure().markdown())
