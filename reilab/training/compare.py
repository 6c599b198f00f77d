"""Several methods on one problem, side by side: same measurements, same start, in turns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reilab.events import Event, Failed, Finished, Stepped
from reilab.problem import Problem
from reilab.training.config import TrainConfig
from reilab.training.evaluate import Exam
from reilab.training.state import TrainState
from reilab.training.team import ALONE, Team
from reilab.training.train import train


def compare(
    states: Sequence[TrainState],
    problem: Problem,
    config: TrainConfig,
    exam: Exam,
    team: Team = ALONE,
) -> Iterator[Event]:
    """Train ``states`` in turns of one ``Stepped`` each, so that all of them are seen to learn.

    First each is introduced by its ``Started``. Between two events all of them are at rest.

    Args:
        states: trained in place.
        problem: what all of them learn.
        config: how.
        exam: the test measurements for ``Evaluated``.
        team: the processes that train together; each of them runs this.
    """
    runs = {state.method: train(state, problem, config, exam, team) for state in states}
    for run in runs.values():
        yield next(run)
    while runs:
        for method in tuple(runs):
            event: Event | None = None
            while not isinstance(event, Stepped | Finished | Failed):
                event = next(runs[method])
                if isinstance(event, Finished | Failed):
                    del runs[method]
                yield event
