"""Options of commands that take a task and a network: which, with defaults from the words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import Parameter

from reilab.cli.tree import Level, Node, option, settings_option, word_after
from reilab.nets.registry import NetworkSpec, find_network, network_of, networks
from reilab.tasks.registry import Task, find_task, tasks


def of_task(command: Callable[[Task, Sequence[str]], Node]) -> Level:
    """The level at which a task is named; ``command`` may look at the words after it."""
    return Level(
        lambda: {name: task.summary for name, task in tasks().items()},
        lambda name, words: command(find_task(name), words),
    )


def network_options(words: Sequence[str], usual: NetworkSpec) -> list[Parameter]:
    """Which network, and the settings of the one that is named; ``usual`` if none is."""
    kind = find_network(word_after(words, "--network", network_of(usual).name))
    spec = usual if kind is network_of(usual) else kind.spec()
    known = "; ".join(f"{name}: {one.title}" for name, one in networks().items())
    which = option("network", str, kind.name, f"What is trained. One of: {known}.")
    return [which, settings_option("layers", spec)]
