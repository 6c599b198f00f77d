"""Lanes: methods that train at the same time, each on its share of the cores."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from types import TracebackType
from typing import Self

import torch

from reilab.events import Event
from reilab.training.team import Team


def n_lanes(n_methods: int, device: torch.device, team: Team) -> int:
    """How many methods train at once.

    On a CPU as many as there are threads: small images keep one core busy, and two hardly more. A
    GPU is shared best by taking turns, and the processes of a team must do all in the same order.
    """
    if device.type != "cpu" or team.size > 1:
        return 1
    return min(n_methods, torch.get_num_threads())


def threads_of(number: int) -> int:
    """The threads of each of so many lanes."""
    return max(1, torch.get_num_threads() // number)


@contextmanager
def as_in_a_lane(number: int) -> Iterator[None]:
    """The calling thread has a lane's share of the cores meanwhile."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads_of(number))
    try:
        yield
    finally:
        torch.set_num_threads(before)


class Lanes:
    """A context in which iterators of events go on side by side.

    What each computes is its own: the generators of random numbers are addressed by method and
    step, so that the order in which lanes get to run changes nothing.

    Args:
        number: of lanes; with one, iterators take turns in the caller's thread.
    """

    def __init__(self, number: int) -> None:
        self._threads = torch.get_num_threads()
        share = partial(torch.set_num_threads, threads_of(number))
        self._pool = ThreadPoolExecutor(number, "lane", share) if number > 1 else None
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
            # The lanes' share would be what threads begin with from now on.
            torch.set_num_threads(self._threads)

    def rounds(self, runs: Mapping[str, Iterator[Event]]) -> Iterator[dict[str, Event]]:
        """The next event of every run, each once: together from lanes, one by one from turns.

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

    def _next(self, name: str, run: Iterator[Event]) -> Event:
        began = time.perf_counter()
        event = next(run)
        self._took[name] = time.perf_counter() - began
        return event
