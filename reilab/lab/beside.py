"""Beside: work that would hold up the page, done in a thread, its answer on the page again."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache, partial
from typing import Any, TypeVar

import panel as pn

T = TypeVar("T")
#: Seconds between two words of how far some work has come.
PAUSE = 0.5


class CalledOffError(Exception):
    """Nobody waits any more for what a thread is doing."""


class Errand:
    """How far some work beside the page has come, and whether anybody waits for it.

    Args:
        tell: is told on the page how many parts of how many are done, and how many seconds are left
            at the pace so far; not more often than every ``PAUSE`` seconds.
    """

    def __init__(self, tell: Callable[[int, int, float], None]) -> None:
        self._document, self._tell = pn.state.curdoc, tell
        self._began = self._told = time.monotonic()
        self._called_off = False

    def call_off(self) -> None:
        """Nobody waits for it any more; it ends when it next says how far it is."""
        self._called_off = True

    def watch(self, done: int, of: int) -> None:
        """So many parts of so many are done, says the thread; before the first its clock starts.

        Raises:
            CalledOffError: it is to end.
        """
        if self._called_off or _left(self._document):
            raise CalledOffError
        now = time.monotonic()
        if not done:
            self._began = now
        elif self._document and now - self._told >= PAUSE:
            self._told = now
            left = (now - self._began) * (of - done) / done
            self._document.add_next_tick_callback(partial(self._hear, done, of, left))

    def _hear(self, done: int, of: int, left: float) -> None:
        if not self._called_off:
            self._tell(done, of, left)


@cache
def thread(kind: str) -> ThreadPoolExecutor:
    """One for each kind of work of all sessions, so that a server with many goes on to answer."""
    return ThreadPoolExecutor(1, f"reilab-{kind}")


def beside(
    work: Callable[[], T], answer: Callable[[Future[T]], None], kind: str = "beside"
) -> None:
    """Do some work, and then let the session answer; at once where there is no session.

    Args:
        work: what takes long.
        answer: takes what it has come to, or why not; nobody does where the page was closed.
        kind: of work; one waits for another of its kind alone.
    """
    document = pn.state.curdoc
    doing = thread(kind).submit(work)

    def done(found: Future[T]) -> None:
        if not _left(document):
            document.add_next_tick_callback(partial(answer, found))

    if document is None:
        answer(doing)
    else:
        doing.add_done_callback(done)


def _left(document: Any) -> bool:
    """Whether the page of a session was closed, and its session has ended."""
    return document is not None and document.session_context is None
