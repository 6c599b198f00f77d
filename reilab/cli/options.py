"""Options of ``train`` and ``compare``, made from a task's settings and its preset's values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, field, fields, make_dataclass
from pathlib import Path
from typing import Annotated, Any

import tyro

from reilab.runs.config import USUAL_METHODS, RunConfig, configure
from reilab.settings import Setting, field_types, settings_of
from reilab.tasks.registry import Task, find_task
from reilab.training.config import TrainConfig


def parse_run(command: str, argv: Sequence[str]) -> tuple[RunConfig, Any]:
    """The configuration that ``reilab COMMAND TASK …`` asks for, and the options as parsed.

    Raises:
        ValueError: anything unknown or out of bounds.
        SystemExit: a malformed option (status 2), or ``--help``.
    """
    name, *rest = argv if argv and not argv[0].startswith("-") else ("", *argv)
    task = find_task(name)
    preset = word_after(rest, "--preset", "quick")
    spec = task.configure(preset, {})
    options = _parse(command, task, preset, rest)
    training = {f.name: getattr(options, f.name) for f in fields(TrainConfig)}
    settings = {name: getattr(options, name) for name in task.settings}
    if options.noise is not None:
        settings[task.noise] = options.noise
    methods = (options.method,) if command == "train" else options.methods
    config = configure(
        task.name,
        preset,
        methods,
        settings={n: v for n, v in settings.items() if v != asdict(spec)[n]},  # type: ignore[call-overload]
        training=training,
        assumed_noise=options.assumed_noise,
        device=options.device,
    )
    return config, options


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


def _parse(command: str, task: Task, preset: str, argv: Sequence[str]) -> Any:
    spec, training = task.configure(preset, {}), task.presets[preset].training
    noise = task.settings[task.noise]
    which = (
        [option("method", str, "rei", "Method to train.")]
        if command == "train"
        else [option("methods", tuple[str, ...], USUAL_METHODS, "Methods to train, interleaved.")]
    )
    own = [
        option("preset", str, preset, f"One of: {', '.join(task.presets)}."),
        *which,
        option("noise", float | None, None, told(noise) + f" The same as --{task.noise}."),
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
    ]
    options = make_dataclass(
        "Options", [*own, *options_of(type(spec), spec), *options_of(TrainConfig, training)]
    )
    return tyro.cli(
        options,
        prog=f"reilab {command} {task.name}",
        description=task.summary,
        args=list(argv),
    )


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
