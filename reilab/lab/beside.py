"""Beside: work that would hold up the page, done in a thread, its answer on the page again."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache, partial
from typing import TypeVar

import panel as pn

T = TypeVar("T")


@cache
def _thread() -> ThreadPoolExecutor:
    """One for all sessions, so that a server with many of them goes on to answer."""
    return ThreadPoolExecutor(1, "reilab-beside")


def beside(work: Callable[[], T], answer: Callable[[Future[T]], None]) -> None:
    """Do some work, and then let the session answer; at once where there is no session."""
    document = pn.state.curdoc
    doing = _thread().submit(work)
    if document is None:
        answer(doing)
    else:
        doing.add_done_callback(lambda done: document.add_next_tick_callback(partial(answer, done)))
