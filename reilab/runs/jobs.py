"""Jobs: runs carried out by processes of their own, which outlive the screen that started them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import psutil

from reilab.runs.config import RunConfig
from reilab.runs.folder import RunFolder, replace_text
from reilab.runs.history import History, history_of


class Status(StrEnum):
    """Where a run stands."""

    STARTING = "starting"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    FINISHED = "finished"
    FAILED = "failed"
    LOST = "lost"


#: A worker is at it.
LIVE = (Status.STARTING, Status.RUNNING, Status.PAUSED)
#: ``start_worker`` goes on with it.
RESUMABLE = (Status.STOPPED, Status.FAILED, Status.LOST)


@dataclass(frozen=True)
class Standing:
    """A status, and for failed and lost runs the reason in words."""

    status: Status
    reason: str = ""


#: Workers started by this process: the parent alone learns how they ended, and must ask.
_children: dict[int, subprocess.Popen[bytes]] = {}


def submit(config: RunConfig, root: Path) -> RunFolder:
    """Make a new run folder below ``root`` and start a worker on it."""
    folder = RunFolder.create(root / config.new_name(), config.to_yaml())
    start_worker(folder)
    return folder


def start_worker(folder: RunFolder) -> None:
    """Start a process that carries out the run, or goes on with it.

    Raises:
        RuntimeError: a worker is at it already.
    """
    check_free(folder)
    with (folder.path / "worker.log").open("ab") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "reilab", "runs", "resume", str(folder.path), "--quiet"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _children[child.pid] = child
    sign_in(folder, child.pid)


def sign_in(folder: RunFolder, pid: int) -> None:
    """Write down which process carries out the run."""
    try:
        began = psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        began = 0.0
    replace_text(folder.path / "worker.json", json.dumps({"pid": pid, "began": began}))


def sign_in_self(folder: RunFolder) -> None:
    """Write down that this process carries out the run."""
    sign_in(folder, os.getpid())


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
    """Whether that very process (not a later one of the same number) is running."""
    record = _record(folder)
    if not record:
        return False
    pid = int(record["pid"])
    if pid in _children and _children[pid].poll() is not None:
        return False
    try:
        process = psutil.Process(pid)
        return process.create_time() == record["began"] and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def standing(folder: RunFolder, history: History) -> Standing:
    """Where the run stands, from its events and its worker."""
    if history.finished:
        return Standing(Status.FINISHED)
    if worker_alive(folder):
        if history.paused:
            return Standing(Status.PAUSED)
        return Standing(Status.RUNNING if history.tracks else Status.STARTING)
    # The worker may have recorded its last events after the caller read the log.
    last = history_of(folder.events())
    if last.finished:
        return Standing(Status.FINISHED)
    if last.failed:
        return Standing(Status.FAILED, last.failed.message)
    if last.stopped:
        return Standing(Status.STOPPED)
    return Standing(Status.LOST, _last_words(folder))


def _record(folder: RunFolder) -> dict[str, float] | None:
    file = folder.path / "worker.json"
    if not file.exists():
        return None
    record: dict[str, float] = json.loads(file.read_text(encoding="utf-8"))
    return record


def _last_words(folder: RunFolder) -> str:
    pid = worker_pid(folder)
    if pid is None:
        return "No worker has been started on this run."
    child = _children.get(pid)
    code = child.poll() if child else None
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        hint = " (often: out of memory)" if -code == signal.SIGKILL else ""
        return f"The worker process {pid} was ended by {name}{hint}."
    log = folder.path / "worker.log"
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n") if log.exists() else []
    words = next((line for line in reversed(lines) if line.strip()), "")
    return f"The worker process {pid} ended before the run did. {words}".strip()
