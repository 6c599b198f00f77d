"""Options that the commands for trained networks share: a task, its settings, a checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, make_dataclass, replace
from typing import Any

import tyro

from reilab.cli.options import asked_network, network_option, option, options_of, word_after
from reilab.nets.registry import NetworkSpec, network_of
from reilab.problem import Problem
from reilab.runs.config import RunConfig, check_device, from_yaml
from reilab.settings import override
from reilab.tasks.registry import Spec, Task, find_task, tasks
from reilab.trained.checkpoints import Checkpoint, find_checkpoints
from reilab.training.checkpoint import OWN_SUFFIX, network_in

#: Its networks have the paper's width, as those of the authors have, and its images are at hand.
USUAL_PRESET = "standard"


@dataclass(frozen=True, eq=False)
class Asked:
    """A task as it is asked for, and the options of the command as parsed."""

    task: Task
    preset: str
    spec: Spec
    network: NetworkSpec
    seed: int
    options: Any

    def build(self) -> Problem:
        """The problem that is asked for, with its images loaded."""
        return self.posed(self.spec)

    def posed(self, spec: Spec) -> Problem:
        """The problem of another choice of the task's settings, with the same network."""
        return replace(spec.build(self.options.device), network=self.network)


def is_help(argv: Sequence[str]) -> bool:
    """Whether no task is named."""
    return not argv or argv[0] in ("-h", "--help")


def task_names() -> str:
    """The tasks there are, for the line of usage."""
    return ", ".join(tasks())


def parse_trained(command: str, about: str, own: Sequence[Any], argv: Sequence[str]) -> Asked:
    """The command line ``reilab COMMAND TASK --checkpoint FILE …``.

    A checkpoint of a run brings the settings of the run with it; options change them.

    Args:
        command: its name.
        about: what it does.
        own: fields of options of this command alone.
        argv: the words after the command.

    Raises:
        ValueError: anything unknown or out of bounds, or a checkpoint of another task.
        FileNotFoundError: there is no such checkpoint.
        SystemExit: a malformed option (status 2), or ``--help``.
    """
    task = find_task(argv[0])
    run = _run_of(word_after(argv, "--checkpoint", ""), task)
    usual = USUAL_PRESET if USUAL_PRESET in task.presets else "quick"
    preset = word_after(argv, "--preset", run.preset if run else usual)
    same = run if run and run.preset == preset else None
    spec = same.spec if same else task.configure(preset, {})
    inside = network_of_first(word_after(argv, "--checkpoint", ""))
    network = asked_network(argv, inside or (same or task.preset(preset)).network)
    shared = [
        option("preset", str, preset, f"Settings to start from: {', '.join(task.presets)}."),
        option("device", str, "cpu", "cpu, cuda, or cuda:N."),
        network_option(network_of(network)),
        *options_of(type(spec), spec),
        *options_of(type(network), network),
    ]
    kind = make_dataclass("Options", [*own, *shared])
    words = list(argv[1:])
    options: Any = tyro.cli(
        kind, prog=f"reilab {command} {task.name}", description=about, args=words
    )
    if not options.checkpoint:
        raise ValueError("name a checkpoint, a run folder or a run with --checkpoint")
    check_device(options.device)
    chosen = override(spec, {name: getattr(options, name) for name in asdict(spec)})  # type: ignore[call-overload]
    layers = override(network, {name: getattr(options, name) for name in vars(network)})
    return Asked(task, preset, chosen, layers, run.training.seed if run else 0, options)


def network_of_first(checkpoint: str) -> NetworkSpec | None:
    """What the network of the first checkpoint that is named is, if it says so."""
    own = [one.path for one in _named(checkpoint) if one.path.name.endswith(OWN_SUFFIX)]
    return network_in(own[0]) if own else None


def _named(checkpoint: str) -> list[Checkpoint]:
    return find_checkpoints(checkpoint) if checkpoint else []


def _run_of(checkpoint: str, task: Task) -> RunConfig | None:
    """The configuration of the run that a checkpoint is of."""
    found = _named(checkpoint)
    if not found or found[0].run is None:
        return None
    config = from_yaml(found[0].run.config)
    if config.task != task.name:
        raise ValueError(f"{checkpoint} is of the task {config.task!r}, not {task.name!r}")
    return config
