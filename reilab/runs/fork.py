"""fork: a new run that goes on from a moment in the past of another, with other settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import yaml

from reilab.events import Evaluated, Event, Posed, Started, Steered, Stepped
from reilab.methods.base import LearnsNoise, MethodSpec, weight_fields, weights_of
from reilab.methods.registry import method_of, method_settings
from reilab.plain import from_plain, parsed_yaml, to_plain
from reilab.record.folder import RunFolder, made_whole, unused
from reilab.runs.config import RunConfig, checked, config_of
from reilab.runs.kept import common_steps, states
from reilab.runs.steering import Numbers, commands, numbers_at_start
from reilab.settings import choose, override
from reilab.tasks.registry import find_task
from reilab.training.checkpoint import Position, copy_checkpoint, read_position
from reilab.training.config import TrainConfig

#: Both parts of a forked run show the same images.
SHARED = ("previews",)
TRAINING = tuple(one.name for one in fields(TrainConfig) if one.name not in SHARED)
#: What a state has of its own beside the weights of its terms.
STEERED = ("learning_rate", "assumed_noise")


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
        changes: of fields of ``TrainConfig`` and of its methods, and of ``assumed_noise``.
        out: the folder to make; see ``RunFolder.create``.

    Raises:
        ValueError: a step that was not kept, a change of what both must share, or a value out of
            bounds.
        FileExistsError: the folder exists and is not empty.
    """
    parent = config_of(folder)
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
    lineage = {"forked": to_plain(Parent(folder.name, step))}
    told = config.to_yaml() + yaml.safe_dump(lineage, sort_keys=False)
    with made_whole(out, told) as made:
        for method, source in sources.items():
            target = made.checkpoint(method)
            copy_checkpoint(source, target, lambda own: _steered(own, parent, config, changes))
        led = list(_until(folder.events(), step))
        for event in (*led, *_changes_since(led, step, config)):
            made.record(event)
    return made


def forked_name(folder: RunFolder, step: int) -> Path:
    """An unused folder beside a run, for a fork of it."""
    return unused(folder.path.with_name(f"{folder.name}-from-{step}"))


def forkable_steps(folder: RunFolder) -> tuple[int, ...]:
    """The steps at which the states of all methods of a run are on disk."""
    return common_steps(folder, config_of(folder).methods)


def parent_of(folder: RunFolder) -> Parent | None:
    """Where a run was forked from, if it was."""
    file = folder.path / "config.yaml"
    plain = parsed_yaml(folder.config, file)
    lineage = plain.get("forked") if isinstance(plain, dict) else None
    return from_plain(Parent, lineage, file) if lineage else None


def changeable() -> tuple[str, ...]:
    """What forks may change; of methods' settings, those of its own methods."""
    return (*method_settings(), *TRAINING, "assumed_noise")


def _check_change(name: str, parent: RunConfig) -> None:
    own = (*find_task(parent.task).settings, *vars(parent.network))
    shared = (*own, "task", "preset", "network", "methods", "device", *SHARED)
    if name in shared:
        raise ValueError(f"{name!r} is what a fork shares with its parent; start a new run for it")
    choose("change of a fork", name, (*parent.method_values, *TRAINING, "assumed_noise"))


def _changed(
    parent: RunConfig, sources: Mapping[str, Path], changes: Mapping[str, Any]
) -> RunConfig:
    """The parent's configuration as steered until then, with the changes."""
    positions = {method: read_position(path) for method, path in sources.items()}
    first = positions[parent.methods[0]]
    numbers = {name: getattr(first, name) for name in STEERED} | dict(changes)
    pairs = zip(parent.methods, parent.objectives, strict=True)
    return checked(
        replace(
            parent,
            objectives=tuple(
                _steered_method(one, positions[name].weights, changes) for name, one in pairs
            ),
            training=override(parent.training, {n: numbers[n] for n in TRAINING if n in numbers}),
            assumed_noise=float(numbers["assumed_noise"]),
        )
    )


def _steered_method(
    method: MethodSpec, weights: Mapping[str, float], changes: Mapping[str, Any]
) -> MethodSpec:
    """A method with the weights of its state, and the changes to its own fields."""
    fields = weight_fields(type(method))
    if unknown := sorted({one.term for one in fields.values()} - weights.keys()):
        raise ValueError(f"the state to fork from has no weight of {', '.join(unknown)}")
    steered = {name: weights[one.term] for name, one in fields.items()}
    own = {name: value for name, value in changes.items() if name in vars(method)}
    return override(method, {**steered, **own})


def _steered(
    position: Position, parent: RunConfig, config: RunConfig, changes: Mapping[str, Any]
) -> Position:
    """The position of a state, with the changed numbers."""
    method = config.objectives[config.methods.index(position.method)]
    weights = dict(position.weights)
    for name, one in weight_fields(type(method)).items():
        if name in changes:
            weights[one.term] = getattr(method, name)
    numbers = zip(STEERED, (config.training.learning_rate, config.assumed_noise), strict=True)
    own: dict[str, Any] = {n: value for n, value in numbers if n in changes}
    if isinstance(method, LearnsNoise) and config.assumed_noise == parent.assumed_noise:
        # It began with that level, and goes on from what it has learned since.
        own.pop("assumed_noise", None)
    return replace(position, weights=weights, **own)


def _changes_since(led: Sequence[Event], step: int, config: RunConfig) -> Iterator[Steered]:
    """Steering to what the fork has where the events before it tell what its parent had."""
    begun = numbers_at_start(config)
    told = Numbers(dict(begun))
    told.read(led)
    for name, value in begun.items():
        for method in config.objectives if told.known[name] != value else ():
            for command in commands(name, value, weights_of(method)):
                yield Steered(method_of(method).name, step, command)


def _until(events: Iterator[Event], step: int) -> Iterator[Event]:
    """What led to the state at ``step``."""
    for event in events:
        match event:
            case Posed():
                yield event
            case Started() | Stepped() | Evaluated() | Steered() if event.step <= step:
                yield event
