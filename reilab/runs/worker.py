"""Workers: the processes that carry runs out, and the file in which they sign in and out."""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

from reilab.record.folder import RunFolder, replace_text
from reilab.runs import standby
from reilab.runs.processes import alive, began, exit_code, spawn


def start_worker(folder: RunFolder) -> None:
    """Let a process carry out the run, or go on with it, at once: one that stands by, or a new one.

    Raises:
        RuntimeError: a worker is at it already.
    """
    check_free(folder)
    root = folder.path.parent
    ready = standby.claim(root)
    if ready is None:
        sign_in(folder, spawn(command(folder), folder.path / "worker.log"))
    else:
        sign_in(folder, ready)
        standby.assign(root, ready, folder.path)


def command(folder: RunFolder) -> list[str]:
    """What a worker of this run is started with."""
    return [sys.executable, "-m", "reilab", "runs", "resume", str(folder.path), "--quiet"]


def sign_in(folder: RunFolder, pid: int) -> None:
    """Write down which process carries out the run."""
    replace_text(folder.path / "worker.json", json.dumps({"pid": pid, "began": began(pid)}))


def sign_in_self(folder: RunFolder) -> None:
    """Write down that this process carries out the run.

    Raises:
        RuntimeError: another one does.
    """
    check_free(folder)
    if worker_pid(folder) != os.getpid():
        # Nobody announced this process; what was sent before was meant for another one.
        folder.clear_mail()
    sign_in(folder, os.getpid())


def sign_out(folder: RunFolder) -> None:
    """Write down that this process is done with the run; it may live on."""
    record = _record(folder)
    if record and record["pid"] == os.getpid():
        replace_text(folder.path / "worker.json", json.dumps(record | {"ended": True}))


def check_free(folder: RunFolder) -> None:
    """Raise ``RuntimeError`` if another process carries out this run."""
    pid = worker_pid(folder)
    if pid is not None and pid != os.getpid() and worker_alive(folder):
        raise RuntimeError(
            f"process {pid} is already at work on {folder.path}; stop it first, or wait"
        )


def worker_pid(folder: RunFolder) -> int | None:
    """The process that signed in last, alive or not."""
    record = _record(folder)
    return int(record["pid"]) if record else None


def worker_alive(folder: RunFolder) -> bool:
    """Whether that very process (not a later one of the same number) is at work."""
    record = _record(folder)
    if not record or "ended" in record:
        return False
    return alive(int(record["pid"]), record["began"])


def last_words(folder: RunFolder) -> str:
    """What is known of a worker that ended without recording how."""
    pid = worker_pid(folder)
    if pid is None:
        return "No worker has been started on this run."
    code = exit_code(pid)
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        hint = " (often: out of memory)" if -code == signal.SIGKILL else ""
        return f"The worker process {pid} was ended by {name}{hint}."
    log = folder.path / "worker.log"
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n") if log.exists() else []
    words = next((line for line in reversed(lines) if line.strip()), "")
    return f"The worker process {pid} ended before the run did. {words}".strip()


def _record(folder: RunFolder) -> dict[str, Any] | None:
    file = folder.path / "worker.json"
    if not file.exists():
        return None
    record: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return record
