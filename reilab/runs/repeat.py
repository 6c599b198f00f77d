"""Repeat: a new run that is steered as an old one was, at the same steps."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from reilab.events import Command, Event, Steered
from reilab.record.folder import RunFolder, made_whole, unused
from reilab.record.log import Follower, append
from reilab.runs.config import checked, config_of
from reilab.runs.drive import due
from reilab.runs.fork import parent_of

#: What a repeated run is to be told, below its folder.
FILE = "repeat.jsonl"


def repeated_name(folder: RunFolder) -> Path:
    """An unused folder beside a run, for its repetition."""
    return unused(folder.path.with_name(f"{folder.name}-again"))


def repeat(folder: RunFolder, out: Path) -> RunFolder:
    """Make a run like another, which will be told at each step what that one was told there.

    On CPUs its numbers and images will be the same, bit for bit.

    Raises:
        ValueError: what was asked for cannot be read, or the run is a fork.
        FileExistsError: ``out`` exists and is not empty.
    """
    parent = parent_of(folder)
    if parent is not None:
        raise ValueError(
            f"{folder.name} goes on from step {parent.step} of {parent.run}: repeat that one, and "
            "fork it again"
        )
    with made_whole(out, checked(config_of(folder)).to_yaml()) as made:
        for event in folder.events():
            if isinstance(event, Steered):
                append(made.path / FILE, event)
    return made


class Prompter:
    """Tells a run what another was told, where it was told it; for most runs that is nothing."""

    def __init__(self, folder: RunFolder) -> None:
        told: Iterable[Event] = Follower(folder.path / FILE).read()
        self._waiting = [event for event in told if isinstance(event, Steered)]

    def inbox(self, states: Iterable[object]) -> list[Command]:
        """What is due where the methods stand now, be it a step that is logged or not."""
        told = list[Command]()
        for state in states:
            while command := due(state, self._waiting):
                told.append(command)
        return told
