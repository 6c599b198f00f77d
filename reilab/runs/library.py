"""Library: the runs below a root; what a list says of those that ended is kept beside them.

``.index`` holds it by name, with size and time of the files that it was read from: where one has
changed, the run is read again. An index that is lost, damaged, of another version, or cannot be
written costs time alone.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.metadata import version
from math import inf
from pathlib import Path
from time import perf_counter
from zlib import crc32

import msgspec

from reilab.disk import replacing
from reilab.methods.registry import methods
from reilab.nets.registry import network_of, networks
from reilab.plain import uncollected
from reilab.record.folder import RunFolder, names_of_runs, run_named
from reilab.record.history import History
from reilab.record.notes import Notes, read_notes
from reilab.runs import jobs, queue
from reilab.runs.account import Account
from reilab.runs.config import RunConfig
from reilab.runs.jobs import LIVE, RESUMABLE, Standing, Status
from reilab.runs.roster import last_words, worker_alive
from reilab.show.panes import PINV
from reilab.show.words import in_order
from reilab.tasks.registry import tasks

INDEX = ".index"
#: Of the index; another one when its fields, or what they mean, change.
FORM = 2
#: What an entry is read from.
SOURCES = ("config.yaml", "events.jsonl", "worker.json", "notes.json")
#: Size and time of change, in nanoseconds, of each; zeros where there is none.
Stamps = tuple[tuple[int, int], ...]
NONE = (0, 0)
#: Ends that nobody asked for with ``Stop``, and all ends.
ENDS = (Status.FINISHED, Status.FAILED, Status.LOST)
ENDED = (*ENDS, Status.STOPPED)
#: The whole histories of so many runs are held at the same time.
MOST_OPEN = 256
#: Whoever looks again and again spends one part of the time in so many on it, but sees what is
#: older than so many seconds no more.
PATIENCE, LONGEST_SECONDS = 20, 5.0
#: A screen is kept waiting no longer than that, in seconds, or for so many runs to be read.
MOMENT, SOME = 0.1, 50


@dataclass(frozen=True)
class Gist:
    """What a list tells of a configuration; see ``RunConfig``."""

    task: str
    methods: tuple[str, ...]
    noise: float
    noise_unit: str
    assumed_noise: float
    group: str
    size: int | None
    network: str
    batch: int
    steps: int
    seed: int

    @property
    def kind(self) -> tuple[object, ...]:
        """What the pace of a run depends on, beside its method."""
        return self.task, self.size, self.network, self.batch


def gist_of(config: RunConfig) -> Gist:
    """What a list tells of a configuration."""
    own, training = vars(config.spec), config.training
    size = own.get("size")
    return Gist(
        task=config.task,
        methods=config.methods,
        noise=config.noise,
        noise_unit=config.noise_unit,
        assumed_noise=config.assumed_noise,
        group=str(own.get("group") or ""),
        size=size if isinstance(size, int) else None,
        network=f"{network_of(config.network).name} {config.network}",
        batch=training.batch,
        steps=training.steps,
        seed=training.seed,
    )


@dataclass(frozen=True)
class RunEntry:
    """One run of the list, as far as it can be read.

    Args:
        name: of its folder.
        made: when its folder was, in seconds since 1970.
        told: when something was last written by the run; 0 if no worker has been started on it.
        asked: what was asked of it.
        standing: where it stands.
        at_work: whether a process is at work on it.
        progress: how far it is, 0 to 1.
        psnr: in dB, by method, of A†y too.
        paces: seconds that a step of training takes, by method.
        notes: what people wrote about it.
        troubles: what of it cannot be read.
    """

    name: str
    made: float
    told: float
    asked: Gist | None
    standing: Standing
    at_work: bool
    progress: float
    psnr: Mapping[str, float]
    paces: Mapping[str, float]
    notes: Notes
    troubles: tuple[str, ...]

    @property
    def live(self) -> bool:
        """Whether a process is at work on it, or about to be."""
        return self.standing.status in LIVE

    @property
    def resumable(self) -> bool:
        """Whether it ended before its last step."""
        return self.standing.status in RESUMABLE


@dataclass(frozen=True)
class Kept:
    """The entry of a run that has ended, and the stamps of what it was read from."""

    stamps: Stamps
    entry: RunEntry


class Library:
    """The runs below ``root``; one serves all who look at them from the same thread."""

    def __init__(self, root: Path) -> None:
        self.root = root
        #: Runs that have not been read yet, while ``lately`` reads them for the first time.
        self.unread = 0
        self._open: dict[str, tuple[Stamps, Account]] = {}
        self._lately: list[RunEntry] = []
        self._under_way: Iterator[None] | None = None
        self._whole = False
        self._looked, self._cost = -inf, 0.0

    def entries(self) -> list[RunEntry]:
        """All runs, pinned ones first, then the newest; of one that is damaged, what is known."""
        self._under_way = self._all_runs()
        self._go_on(inf)
        return self._lately

    def anew(self) -> list[RunEntry]:
        """The same for a screen: as ``lately`` has them as long as not all have been read."""
        return self.entries() if self._whole else self.lately()

    def lately(self) -> list[RunEntry]:
        """The same for those who ask again and again: as it was a moment ago, if there are many.

        It takes a moment at most: what has to be read for longer is read on when they ask again.
        """
        wait = min(PATIENCE * self._cost, LONGEST_SECONDS) if self._under_way is None else MOMENT
        if perf_counter() - self._looked >= wait:
            self._go_on(MOMENT)
        return self._lately

    def _go_on(self, seconds: float) -> None:
        """Look at runs for so long, but at some of them in any case."""
        began, before = perf_counter(), 0.0 if self._under_way is None else self._cost
        self._under_way = self._under_way or self._all_runs()
        for place, _ in enumerate(self._under_way):
            if place >= SOME and perf_counter() - began > seconds:
                break
        else:
            self._under_way = None
        self._looked = perf_counter()
        self._cost = before + self._looked - began

    def _all_runs(self) -> Iterator[None]:
        """Look at one run after the other, the newest first."""
        before, found = dict(self._kept), list[RunEntry]()
        in_line = {entry.run for entry in queue.entries(self.root)}
        names = names_of_runs(self.root)
        for place, name in enumerate(names):
            # It may be gone by now.
            if (stamps := _stamps(self.root, name))[0] != NONE:
                found.append(self._look(name, stamps, in_line))
            if not self._whole:
                self._lately, self.unread = found, len(names) - place - 1
            yield
        for name in self._kept.keys() - {entry.name for entry in found}:
            del self._kept[name]
        if any(before.get(name) is not kept for name, kept in self._kept.items()):
            _keep(self.root / INDEX, self._kept)
        self._lately = sorted(found, key=lambda entry: not entry.notes.pinned)
        self._whole = True

    def at_work(self) -> list[Account]:
        """The runs that a process is at work on."""
        found = (self.account(entry.name) for entry in self.lately() if entry.at_work)
        return [account for account in found if account]

    @property
    def idle(self) -> bool:
        """Whether no run is at work or in line."""
        return not queue.entries(self.root) and not any(one.at_work for one in self.lately())

    def account(self, name: str) -> Account | None:
        """A run with its whole history; none if there is no such run."""
        try:
            folder = run_named(name, self.root)
        except (ValueError, FileNotFoundError):
            return None
        return self._follow(folder, _stamps(self.root, name))

    def history(self, name: str) -> History | None:
        """What a run has shown so far; none if there is no such run."""
        account = self.account(name)
        return account.history if account else None

    def config(self, name: str) -> RunConfig | None:
        """What was asked of a run."""
        account = self.account(name)
        return account.config if account else None

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
        self._open.pop(name, None)

    @cached_property
    def _kept(self) -> dict[str, Kept]:
        return _read_kept(self.root / INDEX)

    def _look(self, name: str, stamps: Stamps, in_line: set[str]) -> RunEntry:
        folder, kept = RunFolder(self.root / name), self._kept.get(name)
        # Who stands in line has been asked to go on, which changes none of the files.
        if kept and kept.stamps == stamps and name not in in_line:
            if kept.entry.standing.status is not Status.LOST:
                return kept.entry
            # Its parent alone knows how a process ended.
            return replace(kept.entry, standing=Standing(Status.LOST, last_words(folder)))
        held = name in self._open
        entry = entry_of(self._follow(folder, stamps), stamps)
        self._kept.pop(name, None)
        # Troubles name files, each from where its reader is.
        if entry.standing.status in ENDED and not (entry.at_work or entry.troubles):
            # What could not be written down, as a name that is no text, is read each time.
            with suppress(ValueError, OverflowError):
                msgspec.msgpack.encode(entry)
                self._kept[name] = Kept(stamps, entry)
            if not held:
                del self._open[name]
        return entry

    def _follow(self, folder: RunFolder, stamps: Stamps) -> Account:
        """The account of a run, read on; read anew if its files are others than before."""
        before, account = self._open.pop(folder.name, (stamps, Account(folder)))
        if stamps[0] != before[0] or stamps[1][0] < before[1][0]:
            account = Account(folder)
        account.read()
        self._open[folder.name] = stamps, account
        if len(self._open) > MOST_OPEN:
            # The one that nobody has asked for the longest.
            del self._open[next(iter(self._open))]
        return account


@dataclass(frozen=True)
class Ended:
    """A run that came to its end at ``when``, in seconds since 1970."""

    run: str
    standing: Standing
    when: float


def ended_since(entries: Iterable[RunEntry], moment: float) -> list[Ended]:
    """The runs that finished, failed or were lost since then, oldest first.

    A worker that was killed leaves no record of when: such a run counts from its last event. So
    ask with the same ``moment`` again and leave out what is known, rather than with the last one.
    """
    found = [
        Ended(entry.name, entry.standing, entry.told)
        for entry in entries
        if entry.told >= moment and entry.standing.status in ENDS and not entry.at_work
    ]
    return sorted(found, key=lambda ended: ended.when)


def entry_of(account: Account, stamps: Stamps = ()) -> RunEntry:
    """What a list says of a run.

    Args:
        account: of the run.
        stamps: those of its files before it was read.
    """
    folder, history = account.folder, account.history
    stamps = stamps or _stamps(folder.path.parent, folder.name)
    at_work, (notes, unread) = worker_alive(folder), notes_of(folder)
    start = history.posed.pinv_metrics if history.posed else None
    found = {PINV: start} | {name: history.tracks[name].metrics for name in in_order(history)}
    tracks = history.tracks.items()
    return RunEntry(
        name=folder.name,
        made=stamps[0][1] / 1e9,
        told=max(stamps[1][1], stamps[2][1]) / 1e9,
        asked=gist_of(account.config) if account.config else None,
        standing=account.standing,
        at_work=at_work,
        progress=history.progress,
        psnr={name: metrics.psnr for name, metrics in found.items() if metrics},
        paces={name: one.seconds / one.step for name, one in tracks if one.step and one.seconds},
        notes=notes,
        troubles=(*account.troubles, *unread),
    )


def notes_of(folder: RunFolder) -> tuple[Notes, list[str]]:
    """The notes of a run, and why they cannot be read."""
    try:
        return read_notes(folder), []
    except (ValueError, OSError) as error:
        return Notes(), [str(error)]


def _stamps(root: Path, name: str) -> Stamps:
    return tuple(_stamp(f"{root}/{name}/{source}") for source in SOURCES)


def _stamp(file: str) -> tuple[int, int]:
    try:
        found = os.stat(file)
    except OSError:
        return NONE
    return found.st_size, found.st_mtime_ns


def _read_kept(file: Path) -> dict[str, Kept]:
    with suppress(OSError, msgspec.MsgspecError), uncollected():
        seal, _, body = file.read_bytes().partition(b"\n")
        if seal == _seal(body):
            return msgspec.msgpack.decode(body, type=dict[str, Kept])
    return {}


def _keep(file: Path, kept: Mapping[str, Kept]) -> None:
    body = msgspec.msgpack.encode(kept)
    # Two who write at once spoil each other's at worst, which the seal tells.
    with suppress(OSError), replacing(file) as partial:
        partial.write_bytes(_seal(body) + b"\n" + body)


def _seal(body: bytes) -> bytes:
    """Says that an index is whole, and what it depends on beside the runs: a plug-in is there."""
    known = [version("reilab"), *sorted((*tasks(), *methods(), *networks()))]
    return json.dumps([FORM, crc32(body), *known]).encode()
