"""Differences: the settings in which runs differ, and those that are always told of a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reilab.lab.explain import label, unit
from reilab.nets.registry import network_of
from reilab.runs.config import RunConfig, every_setting
from reilab.show.table import NOTHING
from reilab.show.words import method_title, number_text
from reilab.tasks.registry import find_task

Configs = Mapping[str, RunConfig]
#: What is told of every run, whether others have the same or not.
ALWAYS = ("task", "noise", "seed")
#: What losses believe the noise to be, where they are right.
SAME = "the true one"


def differing(configs: Configs) -> list[str]:
    """Names of the settings that not all of these runs have the same, the noise first."""
    every = [_values(config) for config in configs.values()]
    names = dict.fromkeys(name for values in every for name in values)
    return [name for name in names if len({values.get(name) for values in every}) > 1]


def facts(configs: Configs) -> dict[str, dict[str, str]]:
    """What is always told, and what differs: by run, and by the name of the setting, as texts."""
    names = list(dict.fromkeys([*ALWAYS, *differing(configs)]))
    every = {run: _values(config) for run, config in configs.items()}
    return {run: {n: _text(values.get(n)) for n in names} for run, values in every.items()}


def heads(configs: Configs, names: list[str]) -> dict[str, tuple[str, str]]:
    """Label and unit of settings, by name."""
    settings = {}
    for config in configs.values():
        task = find_task(config.task)
        own = every_setting(task, network_of(config.network))
        level = own[task.level_name(vars(config.spec))]
        settings.update({**own, "noise": level, "assumed_noise": level})
    return {n: (label(n), unit(n, settings[n]) if n in settings else "") for n in names}


def _values(config: RunConfig) -> dict[str, Any]:
    level = find_task(config.task).level_name(vars(config.spec))
    told = {
        "task": config.task,
        "noise": config.noise,
        "assumed_noise": SAME if config.assumed_noise == config.noise else config.assumed_noise,
        "preset": config.preset,
        "methods": tuple(map(method_title, config.methods)),
        **config.values,
        "device": config.device,
        "start_from": config.start_from,
    }
    return {name: value for name, value in told.items() if name != level}


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(number_text, value))
    return NOTHING if value in (None, "") else number_text(value)
