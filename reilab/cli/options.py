"""Options of ``train`` and ``compare``, made from a task's settings and its preset's values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field, fields, make_dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from reilab.methods.registry import method_settings
from reilab.methods.registry import methods as known_methods
from reilab.nets.registry import NetworkKind, NetworkSpec, find_network, network_of, networks
from reilab.noise import NOISES
from reilab.runs.config import (
    USUAL_METHODS,
    RunConfig,
    configure,
    every_setting,
    every_type,
    objectives,
    values_of,
)
from reilab.runs.initial import find_initial, initial_files, network_of_initial
from reilab.settings import Setting, field_types, settings_of
from reilab.tasks.registry import Task, find_task
from reilab.training.config import TrainConfig

START_FROM = (
    "Train networks further: of a run (each method goes on from its own), or of a checkpoint file "
    "(all from the same)."
)


def parse_run(command: str, argv: Sequence[str]) -> tuple[RunConfig, Any]:
    """The configuration that ``reilab COMMAND TASK …`` asks for, and the options as parsed.

    Raises:
        ValueError: anything unknown or out of bounds.
        SystemExit: a malformed option (status 2), or ``--help``.
    """
    name, *rest = argv if argv and not argv[0].startswith("-") else ("", *argv)
    task = find_task(name)
    preset = word_after(rest, "--preset", "quick")
    start = word_after(rest, "--from", "")
    place = find_initial(start) if start else None
    inside = network_of_initial(place) if place else None
    level = asked_level(rest, task, preset)
    network = asked_network(rest, inside or task.preset(preset, level).network)
    kind = network_of(network)
    options = _parse(command, task, preset, level, network, rest)
    every = [*task.settings, *kind.settings, *method_settings()]
    settings = {name: getattr(options, name) for name in every}
    methods = (options.method,) if command == "train" else options.methods
    if place:
        initial_files(place, methods)
    if options.noise is not None:
        settings[task.level_name(settings)] = options.noise
    config = configure(
        task.name,
        preset,
        methods,
        network=kind.name,
        settings=settings,
        training={f.name: getattr(options, f.name) for f in fields(TrainConfig)},
        assumed_noise=options.assumed_noise,
        device=options.device,
        start_from=str(place or ""),
    )
    return config, options


def asked_network(argv: Sequence[str], usual: NetworkSpec) -> NetworkSpec:
    """The network that a command line names, with its defaults; ``usual`` if it names none."""
    kind = find_network(word_after(argv, "--network", network_of(usual).name))
    return usual if kind is network_of(usual) else kind.spec()


def asked_level(argv: Sequence[str], task: Task, preset: str) -> dict[str, float]:
    """The noise level that a command line names, by its field; nothing if it names none.

    The preset may change more there than the level itself.
    """
    name = task.level_name(vars(task.configure(preset, {})))
    word = word_after(argv, "--noise", word_after(argv, f"--{name.replace('_', '-')}", ""))
    try:
        return {name: float(word)}
    except ValueError:  # None, or no number, which is told where all options are looked at.
        return {}


def network_option(kind: NetworkKind) -> tuple[str, Any, Any]:
    """The option that names the network."""
    known = "; ".join(f"{name}: {one.title}" for name, one in networks().items())
    return option("network", str, kind.name, f"What is trained. One of: {known}.")


def word_after(argv: Sequence[str], option: str, default: str) -> str:
    """The value of an option that must be known before the others, because it sets their defaults.

    Args:
        argv: the command line.
        option: with its dashes.
        default: where the option is not given.
    """
    for index, word in enumerate(argv):
        if word == option and index + 1 < len(argv):
            return argv[index + 1]
        if word.startswith(f"{option}="):
            return word.partition("=")[2]
    return default


def _parse(
    command: str,
    task: Task,
    preset: str,
    asked: Mapping[str, float],
    network: NetworkSpec,
    argv: Sequence[str],
) -> Any:
    spec, kind = task.configure(preset, asked), network_of(network)
    level, chosen = task.level_name(vars(spec)), task.preset(preset, asked)
    # Raises where two of them have a setting of the same name.
    every_setting(task, kind)
    named = f"One of: {', '.join(known_methods())}."
    which = (
        [option("method", str, "rei", f"Method to train. {named}")]
        if command == "train"
        else [
            option(
                "methods",
                tuple[str, ...],
                USUAL_METHODS,
                f"Methods to train, interleaved. {named}",
            )
        ]
    )
    own = [
        option("preset", str, preset, f"One of: {', '.join(task.presets)}."),
        *which,
        option("noise", float | None, None, _told_level(task, level)),
        option("assumed_noise", float | None, None, "What the losses take the noise to be."),
        option("device", str, "cpu", "cpu, cuda, or cuda:N."),
        option("out", Path | None, None, "Run folder to make; a new one below runs/ otherwise."),
        option(
            "dry_run",
            bool,
            False,
            "Take two steps, say what the whole run would take, and leave nothing behind.",
        ),
        option("json", bool, False, "End with one line of JSON."),
        network_option(kind),
        (
            "start_from",
            Annotated[str, tyro.conf.arg(name="from", help=START_FROM)],
            field(default=""),
        ),
    ]
    usual, types = (
        values_of(objectives(list(known_methods()), chosen.methods)),
        every_type(task, kind),
    )
    weights = [
        option(name, types[name], usual[name], f"{_titles(name)}: {told(setting)}")
        for name, setting in method_settings().items()
    ]
    groups = [
        *options_of(type(spec), spec),
        *options_of(type(network), network),
        *weights,
        *options_of(TrainConfig, chosen.training),
    ]
    return tyro.cli(
        make_dataclass("Options", [*own, *groups]),
        prog=f"reilab {command} {task.name}",
        description=task.summary,
        args=list(argv),
    )


def _titles(name: str) -> str:
    """The methods that have a setting."""
    return ", ".join(one.title for one in known_methods().values() if name in one.settings)


def _told_level(task: Task, level: str) -> str:
    """What the help says of the noise level."""
    others = {NOISES[name].level for name in task.models} - {level}
    names = " or ".join(f"--{name}" for name in (level, *sorted(others)))
    which = ", whichever is the level of the noise model." if others else "."
    return f"{told(task.settings[level])} The same as {names}{which}"


def options_of(cls: type, values: object) -> list[Any]:
    """An option for each setting of a dataclass, with the defaults of ``values``."""
    types = field_types(cls)
    return [
        option(name, types[name], getattr(values, name), told(setting))
        for name, setting in settings_of(cls).items()
    ]


def option(name: str, kind: Any, default: Any, words: str) -> tuple[str, Any, Any]:
    """One field of a dataclass of options."""
    return name, Annotated[kind, tyro.conf.arg(help=words)], field(default=default)


def told(setting: Setting) -> str:
    """What the help says of a setting."""
    choices = f" One of: {', '.join(setting.choices)}." if setting.choices else ""
    return setting.help + (f" [{setting.unit}]" if setting.unit else "") + choices
