"""The roster: which process carries a run out, as it says in ``worker.json`` of its folder."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from filelock import FileLock, Timeout

from reilab.disk import replace_text, writing
from reilab.plain import read_json, to_json
from reilab.record.folder import RunFolder
from reilab.runs.processes import Process, this_process

#: Who looks whether a run is free holds its lock for a moment; who carries it out, to the end.
GLANCE_SECONDS = 0.5


@dataclass(frozen=True)
class RosterEntry:
    """The process that carries a run out, and whether it has said that it is done with it."""

    pid: int
    began: float
    ended: bool = False

    @property
    def process(self) -> Process:
        return Process(self.pid, self.began)


@contextmanager
def signed_in(folder: RunFolder) -> Iterator[None]:
    """Have it written down, while the context lasts, that this process carries out the run.

    Raises:
        RuntimeError: another one does.
    """
    with alone(folder):
        announced = worker_pid(folder) == os.getpid()
        sign_in(folder, this_process())
        if not announced:
            # What was sent before was meant for another one.
            folder.clear_mail()
        try:
            yield
        finally:
            # It may live on, or another may have signed in after it; the disk may be full.
            with contextlib.suppress(OSError):
                if worker_pid(folder) == os.getpid():
                    _write(folder, this_process(), ended=True)


def sign_in(folder: RunFolder, process: Process) -> None:
    """Write down which process carries out the run.

    Raises:
        RuntimeError: another one does.
    """
    with alone(folder):
        _write(folder, process, ended=False)


@contextmanager
def alone(folder: RunFolder) -> Iterator[None]:
    """Have no other process sign in to a run, or delete it, while the context lasts.

    The system takes the lock from a process that ends.

    Raises:
        FileNotFoundError: there is no such run, or not any more.
        RuntimeError: another process carries it out.
    """
    # The lock would make a folder that is gone anew.
    check_free(folder)
    file = folder.path / "worker.lock"
    with writing(file):
        lock = FileLock(file, timeout=GLANCE_SECONDS, is_singleton=True)
        try:
            lock.acquire()
        except Timeout:
            raise RuntimeError(
                f"another process is already at work on {folder.path}; stop it first, or wait"
            ) from None
    try:
        check_free(folder)
        yield
    finally:
        lock.release()


def check_free(folder: RunFolder) -> None:
    """See that there is a run, and that no other process carries it out.

    Raises:
        FileNotFoundError: there is no such run.
        RuntimeError: another process does.
    """
    if not (folder.path / "config.yaml").exists():
        raise FileNotFoundError(f"there is no run at {folder.path}, or not any more")
    pid = worker_pid(folder)
    if pid not in (None, os.getpid()) and worker_alive(folder):
        raise RuntimeError(
            f"process {pid} is already at work on {folder.path}; stop it first, or wait"
        )


def worker_pid(folder: RunFolder) -> int | None:
    """The process that signed in last, alive or not."""
    entry = _read(folder)
    return entry.pid if entry else None


def worker_alive(folder: RunFolder) -> bool:
    """Whether that very process (not a later one of the same number) is at work."""
    entry = _read(folder)
    return entry is not None and not entry.ended and entry.process.is_alive


def told_by_its_worker(folder: RunFolder) -> bool:
    """Whether the worker that signed in last has told something since."""
    signed, told = folder.path / "worker.json", folder.path / "events.jsonl"
    return told.exists() and told.stat().st_mtime_ns > signed.stat().st_mtime_ns


def last_words(folder: RunFolder) -> str:
    """What is known of a worker that ended without recording how."""
    entry = _read(folder)
    if entry is None:
        told = (folder.path / "worker.json").exists()
        return "worker.json is damaged." if told else "No worker has been started on this run."
    worker = entry.process
    code = worker.exit_code
    if code is not None and code < 0:
        name = signal.Signals(-code).name
        hint = " (often: out of memory)" if -code == signal.SIGKILL else ""
        return f"The worker process {worker.pid} was ended by {name}{hint}."
    log = folder.path / "worker.log"
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n") if log.exists() else []
    words = next((line for line in reversed(lines) if line.strip()), "")
    return f"The worker process {worker.pid} ended before the run did. {words}".strip()


def _write(folder: RunFolder, process: Process, ended: bool) -> None:
    entry = RosterEntry(process.pid, process.began, ended)
    replace_text(folder.path / "worker.json", to_json(entry))


def _read(folder: RunFolder) -> RosterEntry | None:
    try:
        return read_json(RosterEntry, folder.path / "worker.json")
    except (OSError, ValueError):
        # There is none, or it is damaged; who is at work keeps others out by ``worker.lock``.
        return None
