"""Processes: start one that outlives this one, and know one again by its number and its start."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import psutil

#: Processes started by this one: the parent alone learns how they ended, and must ask.
children: dict[int, subprocess.Popen[bytes]] = {}


def spawn(command: Sequence[str], log: Path) -> int:
    """Start a process whose output is appended to ``log``; its number."""
    with log.open("ab") as stream:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    children[child.pid] = child
    return child.pid


def began(pid: int) -> float:
    """When a process was started, in seconds since the epoch; 0 if there is none."""
    try:
        return psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return 0.0


def alive(pid: int, start: float) -> bool:
    """Whether that very process (not a later one of the same number) is running."""
    if pid in children and children[pid].poll() is not None:
        return False
    try:
        process = psutil.Process(pid)
        return process.create_time() == start and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def exit_code(pid: int) -> int | None:
    """How a child of this process ended; ``None`` for others, and for one that is running."""
    child = children.get(pid)
    return child.poll() if child else None
