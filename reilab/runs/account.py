"""Account: a run as far as it can be read; whoever shows runs, or lists them, reads them so."""

from __future__ import annotations

from dataclasses import dataclass, field

from reilab.plain import uncollected
from reilab.record.folder import RunFolder
from reilab.record.history import History, Told
from reilab.runs import jobs
from reilab.runs.config import RunConfig, config_of
from reilab.runs.jobs import Standing, Status
from reilab.show.words import unread_words


@dataclass
class Account:
    """What was asked of a run, and what it has told so far; one that is damaged hides no other.

    Args:
        folder: of the run.
        config: what was asked of it; ``None`` where that cannot be read.
        history: what it has told.
    """

    folder: RunFolder
    config: RunConfig | None = None
    history: History = field(default_factory=History)

    def __post_init__(self) -> None:
        self._follower = self.folder.follow()
        self._tried = 0
        # Why there is no configuration, and why no log can be read.
        self._unasked = self._untold = ""

    def read(self) -> list[Told]:
        """Read on; what has been told since the last time."""
        fresh: list[Told] = []
        self._untold = ""
        try:
            self._ask()
            with uncollected():
                for event in self._follower.batches():
                    self.history.add(event)
                    fresh.append(event)
        except OSError as error:
            self._untold = str(error)
        return fresh

    @property
    def fault(self) -> str:
        """Why nobody can go on with the run: what was asked for, or the log, cannot be read."""
        return self._unasked or self._untold

    @property
    def standing(self) -> Standing:
        """Where the run stands, as far as it has been read."""
        if self.fault:
            return Standing(Status.UNREADABLE, self.fault)
        return jobs.standing(self.folder, self.history, self._follower)

    @property
    def troubles(self) -> list[str]:
        """What of the run cannot be read, and why."""
        return [*filter(None, [self.fault]), *unread_words(self.history)]

    def _ask(self) -> None:
        """Read what was asked for, unless that is known, or as little to be read as before."""
        if self.config is not None:
            return
        written = (self.folder.path / "config.yaml").stat().st_mtime_ns
        if written == self._tried:
            return
        self._tried = written
        try:
            self.config, self._unasked = config_of(self.folder), ""
        except ValueError as error:
            self._unasked = str(error)


def read_run(folder: RunFolder) -> Account:
    """The account of a run as it stands now."""
    account = Account(folder)
    account.read()
    return account
