"""Options that the commands for trained networks share: a task, its settings, a checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from inspect import Parameter
from typing import Any

from reilab.cli.networks import network_options, of_task
from reilab.cli.tree import Level, Node, option, settings_option, with_options, word_after
from reilab.nets.registry import NetworkSpec
from reilab.problem import Problem
from reilab.runs.config import RunConfig, check_device, config_of
from reilab.settings import validate
from reilab.tasks.registry import Spec, Task
from reilab.trained.checkpoints import Checkpoint, find_checkpoints
from reilab.training.checkpoint import OWN_SUFFIX, network_in

#: Its networks have the paper's width, as those of the authors have, and its images are at hand.
USUAL_PRESET = "standard"


@dataclass(frozen=True, eq=False)
class Asked:
    """A task, the seed of the run whose network is asked for, and the options as parsed."""

    task: Task
    seed: int
    options: Any

    def posed(self, spec: Spec) -> Problem:
        """The problem of a choice of the task's settings, with the network that is asked for."""
        return replace(spec.build(self.options.device), network=self.options.layers)


def of_trained(run: Callable[[Asked], None], own: Sequence[Parameter]) -> Level:
    """A command ``reilab COMMAND TASK --checkpoint FILE …``, with options of its own.

    A checkpoint of a run brings the settings of the run with it; options change them. It raises
    ``ValueError`` for anything unknown or out of bounds, or a checkpoint of another task, and
    ``FileNotFoundError`` where there is no such checkpoint.
    """

    def command(task: Task, words: Sequence[str]) -> Node:
        found = _named(word_after(words, "--checkpoint", ""))
        config = _config_of(found, task)
        usual = USUAL_PRESET if USUAL_PRESET in task.presets else "quick"
        preset = word_after(words, "--preset", config.preset if config else usual)
        same = config if config and config.preset == preset else None
        spec = same.spec if same else task.configure(preset, {})
        inside = _network_of(found) or (same or task.preset(preset)).network
        options = [
            *own,
            option("preset", str, preset, f"Settings to start from: {', '.join(task.presets)}."),
            option("device", str, "cpu", "cpu, cuda, or cuda:N."),
            settings_option("spec", spec),
            *network_options(words, inside),
        ]
        seed = config.training.seed if config else 0
        return with_options(
            lambda asked: run(_checked(Asked(task, seed, asked))), run.__doc__ or "", options
        )

    return of_task(command)


def _checked(asked: Asked) -> Asked:
    if not asked.options.checkpoint:
        raise ValueError("name a checkpoint, a run folder or a run with --checkpoint")
    check_device(asked.options.device)
    validate(asked.options.spec)
    validate(asked.options.layers)
    return asked


def _named(checkpoint: str) -> list[Checkpoint]:
    return find_checkpoints(checkpoint) if checkpoint else []


def _network_of(found: Sequence[Checkpoint]) -> NetworkSpec | None:
    """What the network of the first checkpoint that says it is."""
    own = [one.path for one in found if one.path.name.endswith(OWN_SUFFIX)]
    return network_in(own[0]) if own else None


def _config_of(found: Sequence[Checkpoint], task: Task) -> RunConfig | None:
    """The configuration of the run that checkpoints are of."""
    if not found or found[0].run is None:
        return None
    config = config_of(found[0].run)
    if config.task != task.name:
        raise ValueError(f"{found[0].path} is of the task {config.task!r}, not {task.name!r}")
    return config
