"""Grid: the cells of an experiment, and the folder in which their runs lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from reilab.batch.cell import NETWORK, STOP, Cell
from reilab.nets.registry import NetworkKind, find_network, network_of
from reilab.record.folder import RunFolder, list_runs
from reilab.runs.config import USUAL_METHODS, every_type
from reilab.settings import choose
from reilab.tasks.registry import find_task, tasks


@dataclass(frozen=True)
class GridFolder:
    """Paths of a grid."""

    path: Path

    @property
    def runs(self) -> Path:
        return self.path / "runs"

    @property
    def stop(self) -> Path:
        return self.runs / STOP

    def make(self) -> None:
        """Make the folders that are missing."""
        for place in (self.runs, self.path / "notebooks"):
            place.mkdir(parents=True, exist_ok=True)

    def run(self, name: str) -> RunFolder:
        """The run folder of a cell, which need not exist."""
        return RunFolder(self.runs / name)

    def notebook(self, name: str) -> Path:
        """The executed notebook of a cell."""
        return self.path / "notebooks" / f"{name}.ipynb"

    def log(self, name: str) -> Path:
        """What the process of a cell said."""
        return self.path / "notebooks" / f"{name}.log"

    def all_runs(self) -> list[RunFolder]:
        """All runs that have been begun, by name."""
        return sorted(list_runs(self.runs), key=lambda folder: folder.name)


def default_device() -> str:
    """A GPU where there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"


def paper_tasks() -> tuple[str, ...]:
    """The tasks of the paper, in its order."""
    return tuple(name for name in ("mri", "inpainting", "ct") if name in tasks())


@dataclass(frozen=True)
class Grid:
    """Tasks × noise levels × methods × seeds of a preset, in words of the command line.

    Args:
        preset: smoke, quick, hour, standard or paper.
        tasks: names of tasks.
        noise: levels: 0.1 for every task, mri=0.1 for one; those of the preset otherwise.
        methods: names of methods.
        seeds: of the runs.
        set: other settings: steps=100 for every task, ct.views=20 for one.
        device: cpu or cuda.
    """

    preset: str = "quick"
    tasks: tuple[str, ...] = field(default_factory=paper_tasks)
    noise: tuple[str, ...] = ()
    methods: tuple[str, ...] = USUAL_METHODS
    seeds: tuple[int, ...] = (0,)
    set: tuple[str, ...] = ()
    device: str = field(default_factory=default_device)


def cells_of(grid: Grid) -> list[Cell]:
    """All cells, in the order in which they are run.

    Raises:
        ValueError: anything unknown (with the nearest match), repeated or out of bounds.
    """
    for name in ("tasks", "methods", "seeds"):
        values = getattr(grid, name)
        if not values or len(set(values)) < len(values):
            raise ValueError(
                f"{name} = {' '.join(map(str, values))!r} must name at least one, once"
            )
    cells = [
        Cell(task, grid.preset, noise, method, seed, own, grid.device)
        for task in grid.tasks
        for own in [_settings(grid, task)]
        for noise in _levels(grid, task)
        for seed in grid.seeds
        for method in grid.methods
    ]
    for cell in cells:
        cell.config()
    return cells


def _levels(grid: Grid, task: str) -> Sequence[float]:
    """The noise levels of a task."""
    asked: list[float] = []
    for word in grid.noise:
        head, sign, level = word.rpartition("=")
        if sign:
            choose(f"task in --noise {word}; of this grid:", head, grid.tasks)
        if not sign or head == task:
            asked.append(_number(level, word))
    if len(set(asked)) < len(asked):
        raise ValueError(f"noise = {' '.join(grid.noise)!r} has a level twice for task {task!r}")
    return asked or find_task(task).levels(grid.preset)


def _number(text: str, word: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"noise = {word!r} is not a number; give 0.1, or mri=0.1") from None


def _settings(grid: Grid, task: str) -> dict[str, Any]:
    """The changes that are meant for a task; those for all go before those for one."""
    found = find_task(task)
    types = {**every_type(found, _network(grid, task)), NETWORK: str}
    # They have options of their own.
    known = [name for name in types if name not in ("seed", found.noise)]
    own: dict[str, Any] = {}
    shared: dict[str, Any] = {}
    for word in grid.set:
        name, sign, text = word.partition("=")
        if not sign:
            raise ValueError(f"set = {word!r} has no value; give NAME=VALUE or TASK.NAME=VALUE")
        head, dot, name = name.rpartition(".")
        if dot:
            choose(f"task in --set {word}; of this grid:", head, grid.tasks)
        if not dot or head == task:
            choose(f"setting of {task}", name, known)
            (own if dot else shared)[name] = _value(text, types[name], word)
    return shared | own


def _network(grid: Grid, task: str) -> NetworkKind:
    """The network that is asked for, whose settings can be set."""
    for word in reversed(grid.set):
        if word.startswith((f"{NETWORK}=", f"{task}.{NETWORK}=")):
            return find_network(word.partition("=")[2])
    return network_of(find_task(task).preset(grid.preset).network)


def _value(text: str, kind: Any, word: str) -> Any:
    """A value of the type of its field; lists are separated by commas."""
    try:
        if kind in (int, float, str):
            return kind(text)
        return tuple(int(part) for part in text.split(",") if part)
    except ValueError:
        named = getattr(kind, "__name__", str(kind))
        raise ValueError(f"set = {word!r}: {text!r} is not of the type {named}") from None
