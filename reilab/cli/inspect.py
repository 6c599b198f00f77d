"""reilab inspect TASK: what its operator sees, alone and through groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from rich import box
from rich.table import Table

from reilab.cli import terminal
from reilab.cli.networks import of_task
from reilab.cli.tree import Node, option, settings_option, with_options, word_after
from reilab.groups import GROUPS, Group
from reilab.identifiability import N_ELEMENTS, Estimate, Insight, inspect, seen_together
from reilab.key import Key
from reilab.plain import to_json, to_plain
from reilab.problem import Problem
from reilab.settings import validate
from reilab.show.words import group_text
from reilab.tasks.registry import Task

ABOUT = "What the operator of a task sees by itself, and through each group, or the --group named."
#: A commutator below it is rounding, in shares of the image.
COMMUTES = 1e-3


def inspect_groups(task: Task, group: str, asked: Any) -> None:
    """A row for each group."""
    validate(asked.spec)
    problem, key = asked.spec.build(), Key(asked.seed) / "inspect"
    rows = {
        name: inspect(problem.physics, one, key) for name, one in _groups(problem, group).items()
    }
    terminal.console().print(_table(rows, f"{task.title}, preset {asked.preset}"))
    together = None
    if problem.masks is not None:
        places = problem.masks.at(key / "masks", range(N_ELEMENTS))
        together = seen_together(problem.having(places).physics, N_ELEMENTS, key).share()
        print(f"{N_ELEMENTS} masks that are drawn as this one is see {_share(together)} together")
    if asked.json:
        told = {"task": task.name, "preset": asked.preset, "settings": to_plain(asked.spec)}
        groups = {name: {**vars(one), "news": one.news} for name, one in rows.items()}
        print(to_json({**told, "seed": asked.seed, "groups": groups, "masks": together}))


def _groups(problem: Problem, group: str) -> Mapping[str, Group]:
    """The one that the problem has been given, or all that there are."""
    if group:
        return {group: problem.group}
    return {name: GROUPS[name](min(problem.physics.domain[1:])) for name in GROUPS}


def _table(rows: Mapping[str, Insight], title: str) -> Table:
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, show_edge=False)
    table.pad_edge, table.padding = False, (0, 1, 1, 0)
    for head in ("group", "seen alone", "through it", "commutes", "why"):
        table.add_column(head, no_wrap=head != "why")
    for name, one in rows.items():
        gap, moved = one.commutator.value, str(one.n_elements)
        table.add_row(
            name,
            _share(one.alone),
            _share(one.through),
            "yes" if gap < COMMUTES else f"no: {gap:.2f}",
            group_text(name, one.news, "images", moved),
        )
    return table


def _share(one: Estimate) -> str:
    return f"{100 * one.value:.1f} ± {100 * one.deviation:.1f} %"


def _command(task: Task, words: Sequence[str]) -> Node:
    preset = word_after(words, "--preset", "quick")
    options = [
        option("preset", str, preset, f"Settings to start from: {', '.join(task.presets)}."),
        option("seed", int, 0, "Names the probes, and the elements that are drawn of a group."),
        option("json", bool, False, "End with one line of JSON."),
        settings_option("spec", task.configure(preset, {})),
    ]
    group = word_after(words, "--group", "")
    return with_options(partial(inspect_groups, task, group), ABOUT, options)


inspect_task = of_task(_command)
