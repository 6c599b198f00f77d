"""Several methods on one problem, side by side: same measurements, same start, in turns."""

from __future__ import annotations

from collections.abc import Sequence

from reilab.events import EVERY, Command, Event, Refused, SetWeight, Stepped
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
    team: Team = ALONE,
) -> Run:
    """Train ``states`` in turns of one ``Stepped`` each, so that all of them are seen to learn.

    A command sent in goes to the methods it names and can apply to; each answers with ``Steered``
    at its next turn. One that nobody can take is answered by ``Refused``.
    """
    runs = {state.method: train(state, problem, config, exam, team) for state in states}
    mail: dict[str, list[Command]] = {method: [] for method in runs}
    for method, run in runs.items():
        yield from _forward(next(run), method, states, mail)
    while runs:
        for method in tuple(runs):
            event: Event | None = None
            while not isinstance(event, Stepped):
                event = _pull(runs[method], mail[method])
                if event is None:
                    del runs[method]
                    break
                yield from _forward(event, method, states, mail)


def _forward(
    event: Event, method: str, states: Sequence[TrainState], mail: dict[str, list[Command]]
) -> Run:
    """Yield ``event`` and put the commands that come back into the boxes they are meant for."""
    command = yield event
    while command is not None:
        takers = _recipients(command, states)
        for name in takers:
            mail[name].append(command)
        if takers:
            return
        command = yield Refused(method, 0, command, f"no method of this run can take {command}")


def _recipients(command: Command, states: Sequence[TrainState]) -> list[str]:
    able = [s for s in states if not isinstance(command, SetWeight) or command.term in s.weights]
    return [s.method for s in able if command.method in (EVERY, s.method)]


def _pull(run: Run, commands: list[Command]) -> Event | None:
    try:
        return run.send(commands.pop(0)) if commands else next(run)
    except StopIteration:
        return None
