"""The command line that makes a run."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from reilab.runs.config import USUAL_METHODS, RunConfig, from_yaml
from reilab.runs.folder import RunFolder
from reilab.runs.fork import CHANGEABLE, parent_of
from reilab.tasks.registry import find_task


def as_command(config: RunConfig) -> str:
    """The shortest ``reilab compare`` line that asks for this configuration."""
    task = find_task(config.task)
    words = ["reilab", "compare", config.task]
    if config.preset != "quick":
        words += ["--preset", config.preset]
    if config.methods != USUAL_METHODS:
        words += ["--methods", *config.methods]
    usual = asdict(task.configure(config.preset, {}))  # type: ignore[call-overload]
    words += _changed(usual, asdict(config.spec))  # type: ignore[call-overload]
    if config.assumed_noise != config.noise:
        words += _option("assumed_noise", config.assumed_noise)
    words += _changed(asdict(task.presets[config.preset].training), asdict(config.training))
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
    numbers = {**asdict(config.training), "assumed_noise": config.assumed_noise}
    original = folder.path.with_name(parent.run)
    usual: Mapping[str, Any] = {}
    if (original / "config.yaml").exists():
        begun = from_yaml(RunFolder(original).config)
        usual = {**asdict(begun.training), "assumed_noise": begun.assumed_noise}
    words = ["reilab", "runs", "fork", parent.run, "--step", str(parent.step)]
    return shlex.join([*words, *_changed(usual, {name: numbers[name] for name in CHANGEABLE})])


def _changed(usual: Mapping[str, Any], values: Mapping[str, Any]) -> list[str]:
    changed = [name for name, value in values.items() if name not in usual or usual[name] != value]
    return [word for name in changed for word in _option(name, values[name])]


def _option(name: str, value: Any) -> list[str]:
    each = value if isinstance(value, tuple) else (value,)
    return [f"--{name.replace('_', '-')}", *map(str, each)]
