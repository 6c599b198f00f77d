"""The pool: the worker processes below a root that wait for a run, and take it out of the queue.

Each has a file in ``.workers``, named by its number, from its start until it takes a run, and again
when it is done with it. Who takes a run, or calls a worker, holds the lock of the queue.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from reilab.disk import replace_text
from reilab.events import Failed
from reilab.plain import read_json, to_json
from reilab.record.folder import RunFolder
from reilab.runs import queue
from reilab.runs.processes import Process, bury_children, spawn, this_process
from reilab.runs.roster import sign_in, worker_alive

#: A run that so many workers were called for, and none lived to take, is given up.
CALLS = 3
#: How long a worker waits for a run; it holds some 400 MB.
IDLE_SECONDS = 600.0


def command(root: Path, idle_seconds: float) -> list[str]:
    """What a worker is started with that waits as long as this process lives."""
    here = this_process()
    words = (root.absolute(), idle_seconds, here.pid, here.began)
    return [sys.executable, "-m", "reilab.runs.worker", *map(str, words)]


def waiting(root: Path) -> list[Process]:
    """The workers that wait for a run, or will as soon as they have started."""
    found = []
    for file in _place(root).glob("*.json"):
        try:
            process = read_json(Process, file)
        except (FileNotFoundError, ValueError):
            # It has just taken a run, or ended; or nobody knows it by this file.
            continue
        if process.is_alive:
            found.append(process)
        else:
            file.unlink(missing_ok=True)
    return found


def warm(root: Path, idle_seconds: float = IDLE_SECONDS) -> None:
    """See to it that a worker waits for the next run below ``root``."""
    root.mkdir(parents=True, exist_ok=True)
    with queue.locked(root):
        if not waiting(root):
            _start(root, idle_seconds)


def call(root: Path) -> list[RunFolder]:
    """See to it that workers wait for all runs that are due; the runs that new ones are for.

    Raises:
        filelock.Timeout: others held the lock for a long time.
    """
    bury_children()
    # Screens ask often, and mostly nobody is in line.
    if not queue.entries(root):
        return []
    with queue.locked(root):
        _strike_what_is_gone(root)
        return _call(root)


def take(root: Path) -> RunFolder | None:
    """Take the next run that is due out of the line, as a worker that waits, and sign in to it."""
    if not queue.entries(root):
        return None
    with queue.locked(root):
        return _take(root)


def take_or_leave(root: Path) -> RunFolder | None:
    """Take a run like ``take``; if there is none, nobody counts on this worker from now on."""
    if not root.exists():
        return None
    with queue.locked(root):
        folder = _take(root)
        _sign_off(root)
        return folder


def wait_again(root: Path) -> None:
    """Be counted among the workers that wait, as one that has carried out its run."""
    with queue.locked(root):
        _sign_on(root, this_process())


def _call(root: Path) -> list[RunFolder]:
    due = queue.due(root)
    n_waiting = len(waiting(root))
    called = {entry.run: replace(entry, calls=max(1, entry.calls)) for entry in due[:n_waiting]}
    fresh = []
    for entry in due[n_waiting:]:
        folder = RunFolder(root / entry.run)
        if entry.calls >= CALLS:
            _give_up(folder)
        else:
            _start(root, IDLE_SECONDS)
            called[entry.run] = replace(entry, calls=entry.calls + 1)
            fresh.append(folder)
    line = queue.entries(root)
    now = [called.get(entry.run, entry) for entry in line]
    if now != line:
        queue.write(root, now)
    return fresh


def _give_up(folder: RunFolder) -> None:
    log = (_place(folder.path.parent) / "log").read_text(encoding="utf-8", errors="replace")
    words = next((line for line in reversed(log.split("\n")) if line.strip()), "")
    queue.strike(folder)
    folder.record(
        Failed("", 0, f"{CALLS} workers ended before they took this run. {words}".strip())
    )


def _take(root: Path) -> RunFolder | None:
    _strike_what_is_gone(root)
    due = queue.due(root)
    if not due:
        return None
    folder = RunFolder(root / due[0].run)
    try:
        sign_in(folder, this_process())
    except (RuntimeError, FileNotFoundError):
        # Somebody has just begun with it in a process of their own, or deleted it.
        return None
    queue.strike(folder)
    _sign_off(root)
    # Another run may have counted on this worker.
    _call(root)
    return folder


def _strike_what_is_gone(root: Path) -> None:
    """Take out of the line what somebody removed from disk, or carries out without it."""
    for entry in queue.entries(root):
        folder = RunFolder(root / entry.run)
        if not (folder.path / "config.yaml").exists() or worker_alive(folder):
            queue.strike(folder)


def _start(root: Path, idle_seconds: float) -> None:
    _place(root).mkdir(exist_ok=True)
    _sign_on(root, spawn(command(root, idle_seconds), _place(root) / "log"))


def _sign_on(root: Path, worker: Process) -> None:
    replace_text(_place(root) / f"{worker.pid}.json", to_json(worker))


def _sign_off(root: Path) -> None:
    (_place(root) / f"{this_process().pid}.json").unlink(missing_ok=True)


def _place(root: Path) -> Path:
    return root / ".workers"
