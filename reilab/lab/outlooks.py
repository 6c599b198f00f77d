"""Outlooks: what is chosen, seen at once: computed beside the page, the newest question first."""

from __future__ import annotations

from concurrent.futures import Future, wait
from dataclasses import dataclass
from functools import cache

from reilab.lab.beside import thread
from reilab.lab.choices import Choices
from reilab.lab.hands import FREE, Hands
from reilab.lab.headline import problem_title
from reilab.record.folder import examples
from reilab.record.history import History
from reilab.runs.config import RunConfig, config_of
from reilab.runs.outlook import Outlook, outlook

#: So long a page waits for its first picture.
FIRST_SECONDS = 1.0


class Outlooks:
    """The outlook of the choices as they were when it was last computed.

    Args:
        choices: what is chosen.
        hands: what may be read for it.
    """

    def __init__(self, choices: Choices, hands: Hands = FREE) -> None:
        self._choices, self._hands, self._changed = choices, hands, True
        self._asked: tuple[object, ...] = ()
        self._future: Future[Outlook] | None = None
        self.history, self.trouble = History(), ""
        self.news: float | None = None
        #: How many answers there have been.
        self.count = 0
        choices.param.watch(self._note, list(choices.param))

    def poll(self, sample: int) -> bool:
        """Whether there is a new answer; asks anew where the choices, or the image, have changed.

        Args:
            sample: which test image is looked at, from 0.
        """
        fresh = self._future is not None and self._future.done()
        if self._future is not None and fresh:
            self._take(self._future)
            self._future = None
        if self._future is None:
            self._ask(sample)
        return fresh

    def wait(self) -> None:
        """Give the first answer a moment, so that a page opens with a picture."""
        self.poll(0)
        if self._future is not None:
            wait([self._future], FIRST_SECONDS)
            self.poll(0)

    def _note(self, *_: object) -> None:
        self._changed = True

    def _take(self, future: Future[Outlook]) -> None:
        self.count += 1
        try:
            found = future.result()
        except (ValueError, OSError) as error:
            self.trouble = str(error)
            return
        self.trouble, self.news, self.history = "", found.news, History()
        self.history.add(found.posed)

    def _ask(self, sample: int) -> None:
        if not self._changed and self._asked[-1:] == (sample,):
            return
        try:
            config = self._choices.config()
        except ValueError:
            # Half a number may stand in its field; Train says what is wrong.
            return
        self._changed = False
        asked = (config.task, config.spec, config.training.seed, config.training.previews, sample)
        if asked != self._asked:
            self._asked = asked
            self._future = thread("outlook").submit(self._look, config, sample)

    def _look(self, config: RunConfig, sample: int) -> Outlook:
        self._hands.check_places(vars(config.spec))
        return outlook(config, sample)


def warm_up(task: str) -> Future[Outlook]:
    """Look at a task as newcomers see it, beside all else: the first look loads for a second."""
    choices = Choices()
    choices.task = task
    return thread("outlook").submit(outlook, choices.config(), 0)


@dataclass(frozen=True)
class Example:
    """A finished run of a task that comes with the package."""

    name: str
    caption: str
    config: RunConfig
    history: History


@cache
def example_of(task: str) -> Example | None:
    """The example of a task, read once; nobody changes it."""
    for run in examples():
        config = config_of(run)
        if config.task == task:
            return Example(run.name, problem_title(config), config, run.history())
    return None
