"""Steering: a command takes effect between two events of a run, while its states are at rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from reilab.events import EVERY, Command, Refused, SetWeight, Steered
from reilab.training.state import TrainState

Answer: TypeAlias = Steered | Refused


def steer(states: Sequence[TrainState], command: Command) -> list[Answer]:
    """Let those methods obey that a command is meant for, and that have what it sets.

    It holds from the next step on. What nobody can take, or nobody may have, is refused.

    Args:
        states: of the methods that are at work.
        command: for one of them, or for ``EVERY``.
    """
    takers = [state for state in states if _is_for(command, state)]
    if not takers:
        return [Refused("", 0, command, f"no method that is at work can take {command}")]
    return [_answer(state, command) for state in takers]


def _is_for(command: Command, state: TrainState) -> bool:
    can = not isinstance(command, SetWeight) or command.term in state.weights
    return can and command.method in (EVERY, state.method)


def _answer(state: TrainState, command: Command) -> Answer:
    try:
        state.apply(command)
    except ValueError as error:
        return Refused(state.method, state.step, command, str(error))
    return Steered(state.method, state.step, command)
