"""Standby: a process that has imported everything and waits for a run, so that it starts at once.

It shows itself by a file in ``.standby`` below the root of the runs, named by its number. Whoever
renames the file has claimed it, and writes beside it which run it is to carry out. It ends by
itself when nobody claims it for some minutes, when the process that started it ends, or when the
root is deleted.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from pathlib import Path

from reilab.record.folder import replace_text
from reilab.runs.processes import alive, began, spawn

IDLE_SECONDS = 600.0
POLL_SECONDS = 0.05


def warm(root: Path, idle_seconds: float = IDLE_SECONDS) -> None:
    """See to it that a process stands by for the runs below ``root``; it holds some 400 MB.

    Args:
        root: where runs are kept.
        idle_seconds: how long it waits for a run.
    """
    place = root.absolute() / ".standby"
    place.mkdir(parents=True, exist_ok=True)
    _clean(place)
    if any(place.glob("*.starting")) or any(place.glob("*.ready")):
        return
    words = [sys.executable, "-m", "reilab.cli.standby", str(root.absolute()), str(idle_seconds)]
    pid = spawn(words, place / "log")
    replace_text(place / f"{pid}.starting", json.dumps(began(pid)))


def claim(root: Path) -> int | None:
    """The number of a process that stands by, for the caller alone; ``None`` if there is none."""
    place = root / ".standby"
    for file in place.glob("*.ready"):
        # Another process may be quicker.
        with contextlib.suppress(FileNotFoundError):
            start = _start_in(file)
            file.rename(file.with_suffix(".claimed"))
            if alive(int(file.stem), start):
                return int(file.stem)
    return None


def assign(root: Path, pid: int, run: Path) -> None:
    """Tell a claimed process which run to carry out."""
    replace_text(root / ".standby" / f"{pid}.run", str(run.absolute()))


def wait_for_run(root: Path, idle_seconds: float) -> Path | None:
    """Stand by, as the process that does; the run to carry out, or ``None`` to end."""
    place, pid, parent = root / ".standby", os.getpid(), os.getppid()
    replace_text(place / f"{pid}.ready", json.dumps(began(pid)))
    (place / f"{pid}.starting").unlink(missing_ok=True)
    deadline = time.monotonic() + idle_seconds
    order = place / f"{pid}.run"
    while not order.exists():
        if not place.exists():
            return None
        if time.monotonic() > deadline or os.getppid() != parent:
            # Renaming it tells whether somebody has claimed this process at the last moment.
            with contextlib.suppress(FileNotFoundError):
                (place / f"{pid}.ready").rename(place / f"{pid}.gone")
                _forget(place, pid)
                return None
        time.sleep(POLL_SECONDS)
    run = Path(order.read_text(encoding="utf-8"))
    _forget(place, pid)
    return run


def _clean(place: Path) -> None:
    """Remove what processes left that were killed."""
    for file in place.glob("*.*"):
        if file.suffix in (".starting", ".ready", ".claimed"):
            with contextlib.suppress(FileNotFoundError):
                if not alive(int(file.stem), _start_in(file)):
                    _forget(place, int(file.stem))


def _forget(place: Path, pid: int) -> None:
    for suffix in ("starting", "ready", "claimed", "run", "gone"):
        (place / f"{pid}.{suffix}").unlink(missing_ok=True)


def _start_in(file: Path) -> float:
    start: float = json.loads(file.read_text(encoding="utf-8"))
    return start
