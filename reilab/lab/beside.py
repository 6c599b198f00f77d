"""Beside: work that would hold up the page, done in a thread, its answer on the page again."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache, partial
from typing import TypeVar

import panel as pn

T = TypeVar("T")


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
        answer: takes what it has come to, or why not.
        kind: of work; one waits for another of its kind alone.
    """
    document = pn.state.curdoc
    doing = thread(kind).submit(work)
    if document is None:
        answer(doing)
    else:
        doing.add_done_callback(lambda done: document.add_next_tick_callback(partial(answer, done)))
