"""reilab train | compare TASK, with options from the task's settings and its preset's values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from rich.table import Table

from reilab.cli import terminal
from reilab.cli.networks import network_options, of_task
from reilab.cli.show import show_trial
from reilab.cli.tree import Node, option, settings_option, with_options, word_after
from reilab.cli.work import carry_out
from reilab.methods.registry import method_settings, users
from reilab.methods.registry import methods as known_methods
from reilab.nets.registry import find_network
from reilab.noise.registry import NOISES
from reilab.record.folder import RunFolder, runs_root
from reilab.runs.config import (
    USUAL_METHODS,
    RunConfig,
    build,
    configure,
    every_setting,
    every_type,
    objectives,
    values_of,
)
from reilab.runs.initial import (
    check_initial,
    find_initial,
    initial_files,
    network_of_initial,
)
from reilab.runs.trial import try_out
from reilab.tasks.registry import Task, tasks
from reilab.training.team import join

DRY_RUN = "Take two steps, say what the whole run would take, and leave nothing behind."
START_FROM = (
    "Train networks further: of a run (each method goes on from its own), or of a checkpoint file "
    "(all from the same)."
)


def list_tasks() -> None:
    """List the inverse problems there are."""
    table = Table("task", "what it is", "noise", "presets")
    for name, task in tasks().items():
        unit = task.settings[task.noise].unit
        noise = f"{task.noise} [{unit}]" if unit else task.noise
        table.add_row(name, task.summary, noise, ", ".join(task.presets))
    terminal.console().print(table)


def run_methods(task: Task, asked: Any) -> None:
    """Train, or try it out, as the options say."""
    config = config_of(task, asked)
    if asked.dry_run:
        show_trial(config, try_out(config))
        return
    team = join(config.device)
    # Everything that can be wrong with the input is found before the folder is made.
    problem = build(config, team)
    if config.start_from:
        check_initial(Path(config.start_from), config.methods, problem)
    path = asked.out or runs_root() / config.new_name()
    if team.rank == 0:
        RunFolder.create(path, config.to_yaml())
    carry_out(RunFolder(team.told(path)), team, as_json=asked.json)


def config_of(task: Task, asked: Any) -> RunConfig:
    """The configuration that options ask for.

    Raises:
        ValueError: anything unknown or out of bounds.
        FileNotFoundError: there is nothing to start from.
    """
    place = find_initial(asked.start_from) if asked.start_from else None
    if place:
        initial_files(place, asked.methods)
    settings = {name: getattr(asked, name) for name in method_settings()}
    settings |= {**vars(asked.spec), **vars(asked.layers)}
    if asked.noise is not None:
        settings[task.level_name(settings)] = asked.noise
    return configure(
        task.name,
        asked.preset,
        asked.methods,
        network=asked.network,
        settings=settings,
        training=vars(asked.training),
        assumed_noise=asked.assumed_noise,
        device=asked.device,
        start_from=str(place or ""),
    )


def _command(which: Any, task: Task, words: Sequence[str]) -> Node:
    preset = word_after(words, "--preset", "quick")
    start = word_after(words, "--from", "")
    level = _asked_level(words, task, preset)
    spec, chosen = task.configure(preset, level), task.preset(preset, level)
    inside = network_of_initial(find_initial(start)) if start else None
    network = network_options(words, inside or chosen.network)
    # Raises where two of them have a setting of the same name.
    kind = find_network(network[0].default)
    every_setting(task, kind)
    known, types = known_methods(), every_type(task, kind)
    usual = values_of(objectives(list(known), chosen.methods))
    titles = {n: ", ".join(known[user].title for user in users(n)) for n in method_settings()}
    options = [
        option("preset", str, preset, f"One of: {', '.join(task.presets)}."),
        which(f"How it is trained. One of: {', '.join(known)}."),
        option("noise", float | None, None, _told_level(task, task.level_name(vars(spec)))),
        option("assumed_noise", float | None, None, "What the losses take the noise to be."),
        option("device", str, "cpu", "cpu, cuda, or cuda:N."),
        option("out", Path | None, None, "Run folder to make; a new one below runs/ otherwise."),
        option("dry_run", bool, False, DRY_RUN),
        option("json", bool, False, "End with one line of JSON."),
        option("start_from", str, "", START_FROM, flag="from"),
        settings_option("spec", spec),
        *network,
        *(
            option(n, types[n], usual[n], f"{titles[n]}: {setting.documentation}")
            for n, setting in method_settings().items()
        ),
        settings_option("training", chosen.training),
    ]
    return with_options(partial(run_methods, task), task.summary, options)


def _asked_level(words: Sequence[str], task: Task, preset: str) -> Mapping[str, float]:
    """The noise level that a command line names, by its field; nothing if it names none.

    The preset may change more there than the level itself.
    """
    name = task.level_name(vars(task.configure(preset, {})))
    own = word_after(words, f"--{name.replace('_', '-')}", "")
    try:
        return {name: float(word_after(words, "--noise", own))}
    except ValueError:  # None, or no number, which is told where all options are looked at.
        return {}


def _told_level(task: Task, level: str) -> str:
    """What the help says of the noise level."""
    others = {NOISES[name].level for name in task.models} - {level}
    if not others:
        return f"{task.settings[level].documentation} The same as --{level}."
    names = " or ".join(f"--{name}" for name in (level, *sorted(others)))
    return f"Level of the noise: the same as {names}, whichever is that of the noise model."


_METHODS = partial(option, "methods", tuple[str, ...], USUAL_METHODS)
_METHOD = partial(option, "methods", tuple[str], ("rei",), flag="method")
compare = of_task(partial(_command, _METHODS))
train = of_task(partial(_command, _METHOD))
