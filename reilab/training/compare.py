"""Several methods on one problem, side by side: same measurements, same start, same pace."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reilab.events import Event, Failed, Finished, Stepped
from reilab.problem import Problem
from reilab.training.config import TrainConfig
from reilab.training.evaluate import Exam
from reilab.training.lanes import Lanes, n_lanes
from reilab.training.state import TrainState
from reilab.training.team import ALONE, Team
from reilab.training.train import train


def compare(
    states: Sequence[TrainState],
    problem: Problem,
    config: TrainConfig,
    exam: Exam,
    team: Team = ALONE,
) -> Iterator[tuple[Event, ...]]:
    """Train ``states`` step by step, so that all of them are seen to learn.

    What is pulled are events that happened together, one of each method at most: at first each is
    introduced by its ``Started``. Between two pulls all methods are at rest, each where its last
    event tells. Those that have come to a ``Stepped`` wait until the others have.

    Args:
        states: trained in place.
        problem: what all of them learn.
        config: how.
        exam: the test measurements for ``Evaluated``.
        team: the processes that train together; each of them runs this.
    """
    runs = {state.method: train(state, problem, config, exam, team) for state in states}
    yield tuple(next(run) for run in runs.values())
    with Lanes(n_lanes(len(runs), problem.device, team)) as lanes:
        while runs:
            on_the_way = dict(runs)
            while on_the_way:
                for together in lanes.rounds(dict(on_the_way)):
                    for method, event in together.items():
                        if isinstance(event, Stepped | Finished | Failed):
                            del on_the_way[method]
                        if isinstance(event, Finished | Failed):
                            del runs[method]
                    yield tuple(together.values())
