"""Library: all runs below a root, and what the list and the comparison say of each."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reilab.record.folder import RunFolder, list_runs, run_named
from reilab.record.history import History
from reilab.record.notes import Notes, read_notes
from reilab.runs import jobs
from reilab.runs.account import Account
from reilab.runs.config import RunConfig
from reilab.runs.jobs import LIVE, RESUMABLE, Standing, Status
from reilab.runs.roster import worker_alive
from reilab.show.panes import PINV
from reilab.show.results import BASELINE, pace, results
from reilab.show.table import Result
from reilab.show.words import in_order, method_title

WORDS: Mapping[Status, str] = {
    Status.QUEUED: "Queued",
    Status.STARTING: "Starting",
    Status.RUNNING: "Training",
    Status.PAUSED: "Paused",
    Status.STOPPING: "Stopping",
    Status.STOPPED: "Stopped",
    Status.FINISHED: "Finished",
    Status.FAILED: "Failed",
    Status.LOST: "Worker lost",
    Status.UNREADABLE: "Cannot be read",
}


@dataclass(frozen=True)
class SummaryRow:
    """One line of the table of results: what a method has come to, and its name on screen."""

    key: str
    name: str
    result: Result
    colour: str = ""


def rows(history: History) -> list[SummaryRow]:
    """The table: the baseline first, then each method."""
    return [
        SummaryRow(
            PINV if found.method == BASELINE else found.method, method_title(found.method), found
        )
        for found in results(history)
    ]


def state_words(standing: Standing) -> str:
    """Where a run stands, in a word or two."""
    place = f", number {standing.position} in line" if standing.position else ""
    return WORDS[standing.status] + place


def status_detail(history: History, standing: Standing) -> str:
    """Step, pace, time to go and device of a run, as far as they are known."""
    if standing.status is Status.QUEUED:
        return "It starts as soon as its device is free."
    if standing.status is Status.UNREADABLE:
        return ""
    if history.posed is None or not history.tracks:
        return "Loading the images and building the problem …"
    tracks = list(history.tracks.values())
    last, total = min(track.step for track in tracks), tracks[0].started.n_steps
    parts = [f"step {last:,} of {total:,}"]
    if standing.status is Status.RUNNING:
        speeds = [speed for speed in map(pace, tracks) if speed]
        if speeds:
            # Methods take turns, so a step of each takes the sum of their times.
            parts.append(f"{len(speeds) / sum(1 / speed for speed in speeds):.1f} it/s")
        if history.eta is not None:
            parts.append(f"about {duration(history.eta)} left")
    else:
        parts.append(f"{duration(sum(track.seconds for track in tracks))} of training")
    parts.append(f"on {history.posed.device}")
    if history.posed.truth is None:
        parts.append("acquired measurements, no ground truth")
    return " · ".join(parts)


#: What is added to the name of a run for one that was made from it.
MADE_FROM = re.compile(r"(.+)-from-(\d+)(?:-(\d+))?")
SWEPT = re.compile(r"sweep-\d{4}(\d\d)(\d\d)-(\d\d)(\d\d)\d\d-(.+-.+)")
STAMPED = re.compile(r"\d{4}(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)-(.+)-[0-9a-f]{8}(?:-(\d+))?")


def run_title(name: str) -> str:
    """A run folder's name as a person reads it; names chosen by hand stay as they are."""
    if found := MADE_FROM.fullmatch(name):
        parent, step, number = found.groups()
        return f"fork of {run_title(parent)}, at step {int(step):,}{_numbered(number)}"
    if found := SWEPT.fullmatch(name):
        month, day, hour, minute, what = found.groups()
        return f"{what.replace('-', ' ')}, sweep of {month}-{day} {hour}:{minute}"
    if found := STAMPED.fullmatch(name):
        month, day, hour, minute, second, what, number = found.groups()
        when = f"{month}-{day} {hour}:{minute}:{second}"
        return f"{what.replace('-', ' ')}, {when}{_numbered(number)}"
    return name


def _numbered(number: str | None) -> str:
    return f", number {number}" if number else ""


def duration(seconds: float) -> str:
    """Seconds as a person would say them."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


@dataclass(frozen=True)
class RunEntry:
    """One run of the list, as far as it can be read.

    Args:
        name: of its folder.
        title: what people call it.
        made: when its folder was, in seconds since 1970.
        config: what was asked of it.
        standing: where it stands.
        progress: how far it is, 0 to 1.
        psnr: in dB, by method, of A†y too.
        notes: what people wrote about it.
        troubles: what of it cannot be read.
    """

    name: str
    title: str
    made: float
    config: RunConfig | None
    standing: Standing
    progress: float
    psnr: Mapping[str, float]
    notes: Notes
    troubles: tuple[str, ...]

    @property
    def state(self) -> str:
        """Where the run stands, in words."""
        words = state_words(self.standing)
        return f"{words}, {self.progress:.0%}" if self.standing.status in LIVE else words

    @property
    def live(self) -> bool:
        """Whether a process is at work on it."""
        return self.standing.status in LIVE

    @property
    def resumable(self) -> bool:
        """Whether it ended before its last step."""
        return self.standing.status in RESUMABLE


class Library:
    """Reads the runs below ``root``; what has been read is not read again."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._known: dict[str, Account] = {}

    def entries(self) -> list[RunEntry]:
        """All runs, pinned ones first, then the newest; of one that is damaged, what is known."""
        found = list(map(_entry, self.accounts()))
        return sorted(found, key=lambda entry: not entry.notes.pinned)

    def accounts(self) -> list[Account]:
        """All runs as far as they can be read."""
        return [self._find(folder) for folder in list_runs(self.root)]

    def at_work(self) -> list[Account]:
        """The runs that a process is at work on."""
        return [self._find(folder) for folder in list_runs(self.root) if worker_alive(folder)]

    def history(self, name: str) -> History | None:
        """What a run has shown so far; none if there is no such run."""
        try:
            return self._find(run_named(name, self.root)).history
        except (ValueError, FileNotFoundError):
            return None

    def config(self, name: str) -> RunConfig | None:
        """What was asked of a run."""
        return self._known[name].config if self.history(name) is not None else None

    def title(self, name: str) -> str:
        """What people call a run."""
        return _notes(RunFolder(self.root / name))[0].title or run_title(name)

    def comparable(self, names: Sequence[str]) -> list[str]:
        """Those runs that have the task of the first one; others cannot share its images."""
        configs = {name: config for name in names if (config := self.config(name))}
        tasks = [config.task for config in configs.values()]
        return [name for name, config in configs.items() if config.task == tasks[0]]

    def delete(self, name: str) -> None:
        """Remove a run from disk.

        Raises:
            RuntimeError: a process is at work on it.
        """
        jobs.delete(RunFolder(self.root / name))
        self._known.pop(name, None)

    def _find(self, folder: RunFolder) -> Account:
        account = self._known.setdefault(folder.name, Account(folder))
        account.read()
        return account


def _entry(account: Account) -> RunEntry:
    folder, history = account.folder, account.history
    made = folder.path / "config.yaml"
    notes, unread = _notes(folder)
    start = history.posed.pinv_metrics if history.posed else None
    found = {PINV: start} | {name: history.tracks[name].metrics for name in in_order(history)}
    return RunEntry(
        name=folder.name,
        title=notes.title or run_title(folder.name),
        made=made.stat().st_mtime if made.exists() else 0.0,
        config=account.config,
        standing=account.standing,
        progress=history.progress,
        psnr={name: metrics.psnr for name, metrics in found.items() if metrics},
        notes=notes,
        troubles=(*account.troubles, *unread),
    )


def _notes(folder: RunFolder) -> tuple[Notes, list[str]]:
    """The notes of a run, and why they cannot be read."""
    try:
        return read_notes(folder), []
    except (ValueError, OSError) as error:
        return Notes(), [str(error)]
