"""Processes: start one that outlives this one, and know one again by its number and its start."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import psutil

#: How long the threads of GNU's OpenMP, which torch brings, keep a core busy while they wait for
#: each other. A run that has the machine to itself takes 3 % longer than with their own 300 000
#: rounds; of two runs on the same cores each step took up to fifty times as long with those
#: (``docs/LOG.md``).
WAITING = {"GOMP_SPINCOUNT": "300"}
#: Processes started by this one: the parent alone learns how they ended, and must ask.
children: dict[int, subprocess.Popen[bytes]] = {}


def spawn(command: Sequence[str], log: Path) -> int:
    """Start a process whose output is appended to ``log``; its number.

    Its threads soon sleep when they wait, unless the environment says otherwise.
    """
    told = "OMP_WAIT_POLICY" in os.environ
    environment = dict(os.environ) if told else WAITING | os.environ
    with log.open("ab") as stream:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            env=environment,
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
