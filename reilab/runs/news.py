"""News: which runs have come to their end, for notifications."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from reilab.record.folder import RunFolder, list_runs
from reilab.record.history import history_of
from reilab.runs import jobs
from reilab.runs.jobs import Standing, Status
from reilab.runs.roster import worker_alive

#: Ends that nobody asked for with ``Stop``.
ENDS = (Status.FINISHED, Status.FAILED, Status.LOST)


@dataclass(frozen=True)
class Ended:
    """A run that came to its end at ``when``, in seconds since the epoch."""

    run: str
    standing: Standing
    when: float


def ended_since(root: Path, moment: float) -> list[Ended]:
    """The runs below ``root`` that finished, failed or were lost since then, oldest first.

    A worker that was killed leaves no record of when: such a run counts from its last event. So
    ask with the same ``moment`` again and leave out what is known, rather than with the last one.
    """
    found = []
    for folder in list_runs(root):
        when = _last_sign(folder)
        if when >= moment and not worker_alive(folder):
            standing = _standing(folder.path, when)
            if standing.status in ENDS:
                found.append(Ended(folder.name, standing, when))
    return sorted(found, key=lambda ended: ended.when)


def _last_sign(folder: RunFolder) -> float:
    """When something was last written by the run; 0 if no worker has been started on it."""
    signs = [folder.path / "events.jsonl", folder.path / "worker.json"]
    return max((file.stat().st_mtime for file in signs if file.exists()), default=0.0)


@lru_cache(maxsize=256)
def _standing(path: Path, written: float) -> Standing:
    folder = RunFolder(path)
    return jobs.standing(folder, history_of(folder.events()))
