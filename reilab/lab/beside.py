"""Beside: work that would hold up the page, done in a thread, its answer on the page again."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, partial
from typing import TypeVar

import panel as pn
from bokeh.document import Document
from tornado.ioloop import IOLoop

T = TypeVar("T")
#: Seconds between two words of how far some work has come.
PAUSE = 0.5


class CalledOffError(Exception):
    """Nobody waits any more for what a thread is doing."""


@dataclass(frozen=True)
class Session:
    """Whose page is at work here, as other threads may know it.

    Args:
        document: of the page.
        loop: in which the server works on all pages.
    """

    document: Document
    loop: IOLoop

    @property
    def left(self) -> bool:
        """Whether the page was closed, and its session has ended."""
        return self.document.session_context is None

    def later(self, call: Callable[[], None]) -> None:
        """Let the session do something, whichever thread asks; nobody does if it has ended.

        The document itself is asked in the thread of the loop: what another adds to it while it
        holds its changes back is lost now and then (Bokeh 3.9.2; once in 4,000 times where it does
        little else).
        """
        self.loop.add_callback(self._next, call)

    def _next(self, call: Callable[[], None]) -> None:
        if not self.left:
            self.document.add_next_tick_callback(call)


def session_here() -> Session | None:
    """The session whose turn it is; None outside of a server."""
    document = pn.state.curdoc
    return Session(document, IOLoop.current()) if document else None


class Errand:
    """How far some work beside the page has come, and whether anybody waits for it.

    Args:
        tell: is told on the page how many parts of how many are done, and how many seconds are left
            at the pace so far; not more often than every ``PAUSE`` seconds.
    """

    def __init__(self, tell: Callable[[int, int, float], None]) -> None:
        self._session, self._tell = session_here(), tell
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
        if self._called_off or (self._session and self._session.left):
            raise CalledOffError
        now = time.monotonic()
        if not done:
            self._began = now
        elif self._session and now - self._told >= PAUSE:
            self._told = now
            left = (now - self._began) * (of - done) / done
            self._session.later(partial(self._hear, done, of, left))

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
    session = session_here()
    doing = thread(kind).submit(work)
    if session:
        doing.add_done_callback(lambda found: session.later(partial(answer, found)))
    else:
        answer(doing)
