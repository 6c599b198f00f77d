"""fork: a new run that goes on from a moment in the past of another, with other settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import yaml

from reilab.events import Evaluated, Event, Posed, Started, Steered, Stepped
from reilab.runs.config import RunConfig, configure, from_yaml
from reilab.runs.folder import RunFolder, unused
from reilab.runs.kept import common_steps, states
from reilab.settings import choose
from reilab.tasks.registry import find_task
from reilab.training.checkpoint import copy_checkpoint, read_position
from reilab.training.config import TrainConfig

#: Both parts of a forked run show the same images.
SHARED = ("previews",)
CHANGEABLE = (*[f.name for f in fields(TrainConfig) if f.name not in SHARED], "assumed_noise")
#: The numbers of a state that can be steered have these names in a configuration.
WEIGHT = "alpha_{}"


@dataclass(frozen=True)
class Parent:
    """Where a forked run comes from: the name of a run, and the step."""

    run: str
    step: int


def fork(folder: RunFolder, step: int, changes: Mapping[str, Any], out: Path) -> RunFolder:
    """Make a run that starts from the states of another; it shows the other's events up to then.

    What was steered before that step stays as it was, unless it is changed here.

    Args:
        folder: of the run to fork; it may be going on.
        step: at which it kept the states of all its methods, see ``forkable_steps``.
        changes: of fields of ``TrainConfig``, and of ``assumed_noise``.
        out: the folder to make; see ``RunFolder.create``.

    Raises:
        ValueError: a step that was not kept, a change of what both must share, or a value out of
            bounds.
        FileExistsError: the folder exists and is not empty.
    """
    parent = from_yaml(folder.config)
    for name in changes:
        _check_change(name, parent)
    known = forkable_steps(folder)
    if step not in known:
        told = ", ".join(str(one) for one in known) or "none yet"
        raise ValueError(f"step {step} of {folder.name} is not kept; those that are: {told}")
    sources = {method: states(folder, method)[step] for method in parent.methods}
    config = _changed(parent, sources, changes)
    if config.training.steps <= step:
        raise ValueError(
            f"steps = {config.training.steps} must be more than {step}, where it forks"
        )
    lineage = {"forked": asdict(Parent(folder.name, step))}
    made = RunFolder.create(out, config.to_yaml() + yaml.safe_dump(lineage, sort_keys=False))
    numbers = _numbers(config)
    for method, source in sources.items():
        copy_checkpoint(
            source, made.checkpoint(method), lambda own: _steered(own, numbers, changes)
        )
    for event in _until(folder.events(), step):
        made.record(event)
    return made


def forked_name(folder: RunFolder, step: int) -> Path:
    """An unused folder beside a run, for a fork of it."""
    return unused(folder.path.with_name(f"{folder.name}-from-{step}"))


def forkable_steps(folder: RunFolder) -> tuple[int, ...]:
    """The steps at which the states of all methods of a run are on disk."""
    return common_steps(folder, yaml.safe_load(folder.config)["methods"])


def parent_of(folder: RunFolder) -> Parent | None:
    """Where a run was forked from, if it was."""
    lineage = yaml.safe_load(folder.config).get("forked")
    return Parent(**lineage) if lineage else None


def _check_change(name: str, parent: RunConfig) -> None:
    shared = (*find_task(parent.task).settings, "task", "preset", "methods", "device", *SHARED)
    if name in shared:
        raise ValueError(f"{name!r} is what a fork shares with its parent; start a new run for it")
    choose("change of a fork", name, CHANGEABLE)


def _changed(
    parent: RunConfig, sources: Mapping[str, Path], changes: Mapping[str, Any]
) -> RunConfig:
    """The parent's configuration as steered until then, with the changes."""
    steered: dict[str, float] = {}
    for path in sources.values():
        position = read_position(path)
        weights = {WEIGHT.format(term): value for term, value in position["weights"].items()}
        numbers = {name: position[name] for name in ("learning_rate", "assumed_noise")}
        steered = {**weights, **numbers, **steered}
    values = {**asdict(parent.training), **steered, **changes}
    return configure(
        parent.task,
        parent.preset,
        parent.methods,
        settings=asdict(parent.spec),  # type: ignore[call-overload]
        training={name: values[name] for name in asdict(parent.training)},
        assumed_noise=values["assumed_noise"],
        device=parent.device,
    )


def _numbers(config: RunConfig) -> dict[str, float]:
    return {**asdict(config.training), "assumed_noise": config.assumed_noise}


def _steered(
    position: Mapping[str, Any], numbers: Mapping[str, float], changes: Mapping[str, Any]
) -> dict[str, Any]:
    """The position of a state, with the changed numbers."""
    weights = {
        term: numbers[WEIGHT.format(term)] if WEIGHT.format(term) in changes else value
        for term, value in position["weights"].items()
    }
    own = {n: numbers[n] for n in ("learning_rate", "assumed_noise") if n in changes}
    return {**position, "weights": weights, **own}


def _until(events: Iterator[Event], step: int) -> Iterator[Event]:
    """What led to the state at ``step``."""
    for event in events:
        match event:
            case Posed():
                yield event
            case Started() | Stepped() | Evaluated() | Steered() if event.step <= step:
                yield event
