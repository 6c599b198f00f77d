"""Ctrl-C and SIGTERM as messages to a run."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable
from typing import Any

from reilab.events import Command, Control, Stop


def stop_on_signal() -> Callable[[], list[Command | Control]]:
    """An inbox in which Ctrl-C and SIGTERM arrive as ``Stop``, between steps; twice kills."""
    waiting: list[Command | Control] = []
    first = math.inf

    def ask(number: int, frame: Any) -> None:
        nonlocal first
        # Terminal and launcher of a team both pass one Ctrl-C on.
        if time.monotonic() - first > 1.0:
            raise KeyboardInterrupt
        if not waiting:
            first = time.monotonic()
            waiting.append(Stop())

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, ask)
    return lambda: list(waiting)
