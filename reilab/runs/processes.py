"""Processes: start one that outlives this one, know one again, and hear the signals to this one."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from reilab.events import Command, Control, Stop

#: No number comes again so soon; Linux rounds when it was started to whole seconds.
SAME_SECONDS = 2.0
#: Processes started by this one: the parent alone learns how they ended, and must ask.
children: dict[int, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True)
class Process:
    """A process: its number, which may come again, and when it was started, see ``_start``.

    Example:
        >>> this_process().is_alive
        True
    """

    pid: int
    began: float

    @property
    def is_alive(self) -> bool:
        """Whether that very process is running."""
        if self.pid in children and children[self.pid].poll() is not None:
            return False
        try:
            process = psutil.Process(self.pid)
            same = abs(_start(process) - self.began) < SAME_SECONDS
            return same and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    @property
    def exit_code(self) -> int | None:
        """How a child of this process ended; ``None`` for others, and for one that is running."""
        child = children.get(self.pid)
        return child.poll() if child else None


def this_process() -> Process:
    """The process that asks."""
    return process_of(os.getpid())


def process_of(pid: int) -> Process:
    """The process that has a number now; one that never lived if there is none."""
    try:
        return Process(pid, _start(psutil.Process(pid)))
    except psutil.NoSuchProcess:
        return Process(pid, 0.0)


def _start(process: psutil.Process) -> float:
    """When a process was started, in seconds since the machine was; elsewhere than on Linux, 1970.

    There, psutil reckons the time of day from what the clock says now, which may have been set.
    """
    return process.create_time() - (psutil.boot_time() if psutil.LINUX else 0.0)


def spawn(command: Sequence[str], log: Path) -> Process:
    """Start a process whose output is appended to ``log``."""
    with log.open("ab") as stream:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    children[child.pid] = child
    return process_of(child.pid)


def bury_children() -> None:
    """Ask every child that has ended how it did, so that the system forgets it."""
    for child in children.values():
        child.poll()


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
