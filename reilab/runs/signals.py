"""Ctrl-C and SIGTERM as messages to a run."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from reilab.events import Command, Control, Stop

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass
class SignalBox:
    """An inbox in which a signal is ``Stop``, whoever asks, and how often."""

    first: float = math.inf

    @property
    def rang(self) -> bool:
        """Whether this process has been asked to end."""
        return math.isfinite(self.first)

    def __call__(self) -> list[Command | Control]:
        return [Stop()] if self.rang else []

    def ring(self, number: int, frame: Any) -> None:
        """Hear a signal; the second one ends the process."""
        # Terminal and launcher of a team both pass one Ctrl-C on.
        if time.monotonic() - self.first > 1.0:
            raise KeyboardInterrupt
        self.first = min(self.first, time.monotonic())


@contextmanager
def stop_on_signal() -> Iterator[SignalBox]:
    """Have Ctrl-C and SIGTERM arrive as ``Stop``, between steps, while the context lasts."""
    box = SignalBox()
    before = [signal.signal(number, box.ring) for number in SIGNALS]
    try:
        yield box
    finally:
        for number, handler in zip(SIGNALS, before, strict=True):
            signal.signal(number, handler)
