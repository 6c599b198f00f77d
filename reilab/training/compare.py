"""Several methods on one problem, side by side: same measurements, same start, same pace.

On a CPU several of them train at the same time, each in a lane with its share of the cores.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from threading import Barrier
from types import TracebackType
from typing import Self, TypeVar

import torch

from reilab.events import Event, Failed, Finished, Stepped
from reilab.problem import Problem
from reilab.training.config import TrainConfig
from reilab.training.evaluate import Exam
from reilab.training.state import TrainState
from reilab.training.team import ALONE, Team
from reilab.training.train import train

T = TypeVar("T")


def n_lanes(n_methods: int, device: torch.device, team: Team) -> int:
    """How many methods train at once.

    On a CPU as many as there are threads: small images keep one core busy, and two hardly more. A
    GPU is shared best by taking turns, and the processes of a team must do all in the same order.
    """
    if device.type != "cpu" or team.size > 1:
        return 1
    return min(n_methods, torch.get_num_threads())


class Lanes:
    """A context in which iterators, of events most often, go on side by side.

    Random numbers have addresses, see ``Key``, so that the order in which lanes get to run changes
    nothing.

    Args:
        number: of lanes; with one, iterators take turns in the caller's thread.
    """

    def __init__(self, number: int) -> None:
        self._pool = _pool(number) if number > 1 else None
        #: Seconds that each name took the last time.
        self._took: dict[str, float] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._pool:
            self._pool.shutdown()

    def rounds(self, runs: Mapping[str, Iterator[T]]) -> Iterator[dict[str, T]]:
        """What comes next of every run, each once: together from lanes, one by one from turns.

        Raises:
            Exception: what a run raised, after the others have come to rest.
        """
        if self._pool is None:
            for name, run in runs.items():
                yield {name: next(run)}
            return
        # The longest first, so that the short ones fill what is left.
        order = sorted(runs, key=lambda name: -self._took.get(name, float("inf")))
        futures = {name: self._pool.submit(self._next, name, runs[name]) for name in order}
        wait(futures.values())
        yield {name: futures[name].result() for name in runs}

    def _next(self, name: str, run: Iterator[T]) -> T:
        began = time.perf_counter()
        found = next(run)
        self._took[name] = time.perf_counter() - began
        return found


def _pool(number: int) -> ThreadPoolExecutor:
    """So many threads, all of them begun, each with its share of the cores."""
    threads, all_begun = torch.get_num_threads(), Barrier(number)
    pool = ThreadPoolExecutor(number, "lane", partial(_take_share, max(1, threads // number)))
    wait([pool.submit(all_begun.wait) for _ in range(number)])
    # What one thread sets is what threads that begin later would have.
    torch.set_num_threads(threads)
    return pool


def _take_share(threads: int) -> None:
    torch.set_num_threads(threads)
    # A thread settles on its number at the first question: before another sets another.
    torch.get_num_threads()


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
