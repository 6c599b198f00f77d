"""The command line that makes a run."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from reilab.nets.registry import network_of
from reilab.record.folder import RunFolder
from reilab.runs.config import USUAL_METHODS, RunConfig, from_yaml, objectives, values_of
from reilab.runs.fork import changeable, parent_of
from reilab.tasks.registry import find_task


def as_command(config: RunConfig) -> str:
    """The shortest ``reilab compare`` line that asks for this configuration."""
    task = find_task(config.task)
    level = {task.level_name(vars(config.spec)): config.noise}
    preset = task.preset(config.preset, level)
    words = ["reilab", "compare", config.task]
    if config.preset != "quick":
        words += ["--preset", config.preset]
    if config.methods != USUAL_METHODS:
        words += ["--methods", *config.methods]
    kind, usual_kind = network_of(config.network), network_of(preset.network)
    if kind is not usual_kind:
        words += ["--network", kind.name]
    own_level = vars(task.configure(config.preset, {}))
    usual = vars(task.configure(config.preset, level)) | {n: own_level[n] for n in level}
    words += _changed(usual, vars(config.spec))
    start = preset.network if kind is usual_kind else kind.spec()
    words += _changed(vars(start), vars(config.network))
    usual_methods = objectives(config.methods, preset.methods)
    words += _changed(values_of(usual_methods), config.method_values)
    if config.assumed_noise != config.noise:
        words += _option("assumed_noise", config.assumed_noise)
    words += _changed(vars(preset.training), vars(config.training))
    if config.start_from:
        words += ["--from", config.start_from]
    if config.device != "cpu":
        words += ["--device", config.device]
    return shlex.join(words)


def command_of(folder: RunFolder) -> str:
    """The line that makes a run, which may be a fork of another.

    Raises:
        ValueError: its task is not known here.
    """
    config, parent = from_yaml(folder.config), parent_of(folder)
    if parent is None:
        return as_command(config)
    numbers = _numbers(config)
    original = folder.path.with_name(parent.run)
    usual: Mapping[str, Any] = {}
    if (original / "config.yaml").exists():
        usual = _numbers(from_yaml(RunFolder(original).config))
    words = ["reilab", "runs", "fork", parent.run, "--step", str(parent.step)]
    may_change = {name: numbers[name] for name in changeable() if name in numbers}
    return shlex.join([*words, *_changed(usual, may_change)])


def _numbers(config: RunConfig) -> dict[str, Any]:
    own = {**vars(config.training), "assumed_noise": config.assumed_noise}
    return {**config.method_values, **own}


def _changed(usual: Mapping[str, Any], values: Mapping[str, Any]) -> list[str]:
    changed = [name for name, value in values.items() if name not in usual or usual[name] != value]
    return [word for name in changed for word in _option(name, values[name])]


def _option(name: str, value: Any) -> list[str]:
    each = value if isinstance(value, tuple) else (value,)
    return [f"--{name.replace('_', '-')}", *map(str, each)]
