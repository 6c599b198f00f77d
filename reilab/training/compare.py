"""Several methods on one problem, side by side: same measurements, same start, in turns."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

from reilab.events import (
    EVERY,
    Command,
    Event,
    Failed,
    Finished,
    Refused,
    SetWeight,
    Stepped,
)
from reilab.problem import Problem
from reilab.training.config import TrainConfig
from reilab.training.evaluate import Exam
from reilab.training.state import TrainState
from reilab.training.team import ALONE, Team
from reilab.training.train import Run, train


def compare(
    states: Sequence[TrainState],
    problem: Problem,
    config: TrainConfig,
    exam: Exam,
    early: Sequence[Command] = (),
    team: Team = ALONE,
) -> Run:
    """Train ``states`` in turns of one ``Stepped`` each, so that all of them are seen to learn.

    A command sent in goes at once to the methods it names and can apply to; each answers with
    ``Steered``. One that nobody can take is answered by ``Refused``. Commands that come in while
    the methods are being introduced are answered when all of them have been.

    Args:
        states: trained in place.
        problem: what all of them learn.
        config: how.
        exam: the test measurements for ``Evaluated``.
        early: commands that came before.
        team: the processes that train together; each of them runs this.
    """
    weights = {state.method: state.weights for state in states}
    runs = {state.method: train(state, problem, config, exam, team) for state in states}
    waiting = list(early)
    for introduction in [next(run) for run in runs.values()]:
        command = yield introduction
        if command is not None:
            waiting.append(command)
    for command in waiting:
        yield from _exchange(_deliver(command, runs, weights), runs, weights)
    while runs:
        for method in tuple(runs):
            event: Event | None = None
            while not isinstance(event, Stepped | Finished | Failed):
                event = next(runs[method])
                if isinstance(event, Finished | Failed):
                    del runs[method]
                yield from _exchange([event], runs, weights)


def _exchange(
    events: Iterable[Event], runs: Mapping[str, Run], weights: Mapping[str, Mapping[str, float]]
) -> Run:
    """Yield events, and the answers to the commands that come back."""
    waiting = deque(events)
    while waiting:
        command = yield waiting.popleft()
        if command is not None:
            waiting.extend(_deliver(command, runs, weights))


def _deliver(
    command: Command, runs: Mapping[str, Run], weights: Mapping[str, Mapping[str, float]]
) -> list[Event]:
    """The answers of the methods that are at work and can take the command."""
    takers = [
        method
        for method in runs
        if command.method in (EVERY, method)
        and (not isinstance(command, SetWeight) or command.term in weights[method])
    ]
    if not takers:
        return [Refused("", 0, command, f"no method that is at work can take {command}")]
    return [runs[method].send(command) for method in takers]
