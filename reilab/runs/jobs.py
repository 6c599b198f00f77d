"""Jobs: runs carried out by processes of their own, which outlive the screen that started them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from reilab.events import Stop, Stopped
from reilab.record.folder import RunFolder, unused
from reilab.record.history import History
from reilab.record.log import Follower
from reilab.runs import pool, queue
from reilab.runs.config import RunConfig
from reilab.runs.roster import (
    alone,
    last_words,
    signed_in,
    told_by_its_worker,
    worker_alive,
)


class Status(StrEnum):
    """Where a run stands."""

    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FINISHED = "finished"
    FAILED = "failed"
    LOST = "lost"
    UNREADABLE = "unreadable"


#: A worker is at it.
LIVE = (Status.STARTING, Status.RUNNING, Status.PAUSED, Status.STOPPING)
#: ``resume`` goes on with it.
RESUMABLE = (Status.STOPPED, Status.FAILED, Status.LOST)


@dataclass(frozen=True)
class Standing:
    """A status; for queued runs the place in line, for those that go wrong the reason in words."""

    status: Status
    reason: str = ""
    position: int | None = None


def submit(config: RunConfig, root: Path, limit: int = 1) -> RunFolder:
    """Make a new run folder below ``root``; a worker starts on it as soon as its device is free.

    Args:
        config: what to run.
        root: where runs are kept.
        limit: how many runs may be at work on the device at the same time, this one among them.
    """
    folder = RunFolder.create(unused(root / config.new_name()), config.to_yaml())
    resume(folder, limit)
    return folder


def resume(folder: RunFolder, limit: int = 1) -> None:
    """Go on with a run as soon as its device is free (``limit`` as in ``submit``).

    Raises:
        RuntimeError: a worker is at it already.
    """
    queue.join(folder, limit)
    advance(folder.path.parent)


def advance(root: Path) -> list[RunFolder]:
    """Call workers for the runs whose turn it is; any process may ask, at any time.

    Returns:
        The runs for which a process was started; others have one that waits.
    """
    return pool.call(root)


@contextmanager
def at_work(folder: RunFolder) -> Iterator[None]:
    """Sign in as the worker of a run, and let the next run in line have the device after it.

    Raises:
        RuntimeError: another process is at it.
    """
    try:
        with signed_in(folder):
            yield
    finally:
        advance(folder.path.parent)


def warm(root: Path) -> None:
    """Have a process ready for the next run below ``root``, so that it starts at once.

    It takes some 400 MB and ends by itself: after some minutes without a run, and when the process
    that asked for it ends. Asking again while it waits does nothing.
    """
    pool.warm(root)


def stop(folder: RunFolder) -> None:
    """Stop a run, or take it out of the line; it can be resumed."""
    if queue.leave(folder):
        folder.record(Stopped())
    else:
        folder.send(Stop())


def delete(folder: RunFolder) -> None:
    """Remove a run from disk, and from the line.

    Raises:
        FileNotFoundError: there is no such run, or not any more.
        RuntimeError: a worker is at it; nothing is removed.
    """
    queue.leave(folder)
    with alone(folder):
        folder.delete()


def standing(folder: RunFolder, history: History, reader: Follower | None = None) -> Standing:
    """Where the run stands, from its events, its worker and the queue.

    Args:
        folder: of the run.
        history: what its log tells.
        reader: what that was read with; without it the log may be read again.
    """
    if history.finished:
        return Standing(Status.FINISHED)
    position = queue.position(folder)
    if worker_alive(folder):
        if history.paused:
            return Standing(Status.PAUSED)
        # What ended before is shown until the new worker has posed the problem.
        broken_off = history.stopped or (history.failed and not history.failed.method)
        if broken_off and told_by_its_worker(folder):
            return Standing(Status.STOPPING)
        going = history.tracks and not broken_off
        return Standing(Status.RUNNING if going else Status.STARTING)
    if position is not None:
        return Standing(Status.QUEUED, position=position) if position else Standing(Status.STARTING)
    # The worker may have recorded its last events after the caller read the log.
    told = history.stopped or history.failed or (reader and reader.at_end)
    last = history if told else folder.history()
    if last.finished:
        return Standing(Status.FINISHED)
    if last.failed:
        return Standing(Status.FAILED, last.failed.message)
    if last.stopped:
        return Standing(Status.STOPPED)
    return Standing(Status.LOST, last_words(folder))
