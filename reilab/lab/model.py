"""Lab: the run that one session looks at; it has no widgets."""

from __future__ import annotations

from pathlib import Path

import param

from reilab.events import Continue, Pause, Refused, Step
from reilab.lab.choices import Choices
from reilab.lab.explain import refusal
from reilab.lab.hands import FREE, Hands
from reilab.record.folder import RunFolder, examples, list_runs, run_named
from reilab.record.history import History, Told
from reilab.runs import jobs, steering
from reilab.runs.account import Account
from reilab.runs.config import RunConfig, config_of
from reilab.runs.fork import fork, forked_name
from reilab.runs.jobs import LIVE, RESUMABLE, Standing, Status
from reilab.runs.kept import common_steps


class Lab(param.Parameterized):
    """The run that is shown, what was asked of it, and what is sent to it; runs are below ``root``.

    The choices are those of the next run; while a run is live, those that can be steered are sent
    to it as soon as they change. What changes a run goes through the ``hands``.
    """

    run = param.String(default="", doc="Name of the run that is shown, empty before the first.")
    standing = param.ClassSelector(class_=Standing, default=Standing(Status.STOPPED))
    message = param.String(default="", doc="Why the last change was not passed on to the run.")

    def __init__(self, root: Path, hands: Hands = FREE) -> None:
        super().__init__()
        self.root, self.hands = root, hands
        self.choices = Choices()
        self.history = History()
        self._asked: RunConfig | None = None
        #: The step from which the run was forked by this session just now.
        self._forked_at = -1
        #: Of the choices as they are: whether they fit what was asked; ``None`` if it is not known.
        self._fit: tuple[RunConfig, RunConfig, bool] | None = None
        self.choices.param.watch(self._forget_fit, list(self.choices.param))

    @property
    def live(self) -> bool:
        """Whether a process is at work on the run, paused or not."""
        return bool(self.run) and self.standing.status in LIVE

    @property
    def queued(self) -> bool:
        """Whether the run waits for its device."""
        return bool(self.run) and self.standing.status is Status.QUEUED

    @property
    def resumable(self) -> bool:
        """Whether the run ended before its last step, and can be gone on with."""
        return self.asked is not None and self.standing.status in RESUMABLE

    @property
    def paused(self) -> bool:
        """Whether the run waits for somebody to let it go on."""
        return bool(self.run) and self.standing.status is Status.PAUSED

    @property
    def asked(self) -> RunConfig | None:
        """The configuration of the run that is shown, if it can be read."""
        return self._asked if self.run else None

    @property
    def troubles(self) -> list[str]:
        """What of the run that is shown cannot be read, and why."""
        return self._account.troubles if self.run else []

    @property
    def as_asked(self) -> bool:
        """Whether the choices are those of the run that is shown, with its steering so far."""
        return self.asked is not None and not self._untold() and self._choices_fit(self.asked)

    @property
    def folder(self) -> RunFolder:
        """The run that is shown, on disk."""
        return self._folder

    def runs(self) -> list[str]:
        """Names of all runs, newest first."""
        return [folder.name for folder in list_runs(self.root)]

    def wanted(self) -> RunConfig:
        """What the choices ask for.

        Raises:
            ValueError: all settings that are wrong, by their labels; else see ``Choices.config``.
        """
        wrong = self.choices.complaints()
        if wrong:
            raise ValueError(refusal(wrong))
        return self.choices.config()

    def train(self) -> None:
        """Put a new run in line, and look at it; it starts as soon as its device is free.

        Raises:
            ValueError: see ``wanted``; nothing is started.
            RuntimeError: the run that is shown is still going.
        """
        if self.live:
            raise RuntimeError("This run is still going: leave it before you start another.")
        config = self.wanted()
        self.hands.check_places(vars(config.spec))
        self._look_at(Account(self.hands.do(jobs.submit, config, self.root), config))

    def open(self, name: str) -> None:
        """Look at a run, whoever started it, and take its settings over, if they can be read.

        One of the examples becomes a run like others first.

        Raises:
            ValueError: no run can be called that.
            OSError: there is no run of that name, or the example cannot be copied.
        """
        for example in examples():
            if example.name == name and name not in self.runs():
                self.hands.do(example.copied_below, self.root)
        account = Account(run_named(name, self.root))
        events = account.read()
        self._look_at(account)
        if account.config:
            self._numbers.read(events)
            self.show_asked(account.config)
        self.standing = account.standing

    def show_asked(self, asked: RunConfig) -> None:
        """Set every control to what the run has, with its steering so far."""
        known = self._numbers.known
        self.choices.show(asked)
        self.choices.param.update(same_noise=known["assumed_noise"] == asked.noise, **known)

    def close(self) -> None:
        """Look at no run; a live one goes on by itself."""
        self.history = History()
        self.param.update(run="", standing=Standing(Status.STOPPED), message="")

    def pause(self) -> None:
        """Pause the run, or let a paused one go on."""
        self.hands.do(self._folder.send, Continue() if self.paused else Pause())

    def step(self) -> None:
        """Let every method of a paused run take the next step."""
        self.hands.do(self._folder.send, Step())

    def stop(self) -> None:
        """Stop the run, or take it out of the line; it can be resumed."""
        self.hands.do(jobs.stop, self._folder)
        self.standing = jobs.standing(self._folder, self.history)

    def fork_step(self, at: int | None) -> int | None:
        """The newest step not after ``at`` from which a fork can go on; none if there is none."""
        steps = common_steps(self._folder, self.asked.methods) if self.asked else ()
        own = (step for step in steps if step > self._forked_at)
        return max((step for step in own if at is None or step <= at), default=None)

    def fork(self, at: int | None) -> None:
        """Start a run that goes on from a moment in the past of this one, and look at it.

        It has the numbers of the controls from there on; this run goes on by itself.

        Raises:
            ValueError: no state was kept at or before ``at``, or a number is out of bounds.
        """
        step = self.fork_step(at)
        if step is None or self.asked is None:
            raise ValueError("No state of this run was kept by then: move to a later moment.")
        config, names = self.wanted(), steering.numbers_at_start(self.asked)
        own = {name: getattr(self.choices, name) for name in names if name in steering.WEIGHTS}
        training = {n: getattr(config.training, n) for n in ("learning_rate", "steps")}
        changes = {**own, **training, "assumed_noise": config.assumed_noise}
        path = forked_name(self._folder, step)
        made = self.hands.do(fork, self._folder, step, changes, path)
        jobs.resume(made)
        self.open(made.name)
        # The second click of a double click would fork the fork, where both are the same still.
        self._forked_at = step

    def resume(self) -> None:
        """Go on with a run that ended early, with the numbers that were changed since.

        Raises:
            ValueError: what was asked for cannot be read.
            RuntimeError: a process is at work on it already.
        """
        asked = config_of(self._folder)
        # What was sent just before the end may not have been heard.
        self._numbers = self._read_numbers(asked)
        if not self._choices_fit(asked):
            self.show_asked(asked)
        self.hands.do(jobs.resume, self._folder)
        self.standing = jobs.standing(self._folder, self.history)

    def poll(self) -> list[Told]:
        """Fold in what has happened, and pass on what was asked for, since the last call."""
        if not self.run:
            return []
        events = self._account.read()
        for event in events:
            if isinstance(event, Refused):
                self.message = event.message
        going = self.live or self.queued
        now = self._account.standing if events or going else self.standing
        if now != self.standing:
            self.standing = now
        if self.asked:
            self._take_over(events, self.asked)
            introduced = set(self.asked.methods) <= self.history.tracks.keys()
            if self.live and not self.hands.tied and introduced:
                self._steer()
        return events

    def _look_at(self, account: Account) -> None:
        self._account, self._folder, self._asked = account, account.folder, account.config
        self._forked_at = -1
        at_start = steering.numbers_at_start(account.config) if account.config else {}
        self._numbers, self.history = steering.Numbers(at_start), account.history
        self.param.update(run=account.folder.name, standing=account.standing, message="")

    def _read_numbers(self, asked: RunConfig) -> steering.Numbers:
        """The numbers that the run has by its own log."""
        numbers = steering.Numbers(steering.numbers_at_start(asked))
        numbers.read(self._folder.events())
        return numbers

    def _choices_fit(self, asked: RunConfig) -> bool:
        """Whether the choices differ from the run in nothing but what can be steered."""
        base = self.choices.base
        if self._fit is None or self._fit[0] is not asked or self._fit[1] is not base:
            self._fit = asked, base, self._compared(asked)
        return self._fit[2]

    def _compared(self, asked: RunConfig) -> bool:
        try:
            mine = self.choices.config()
        except ValueError:
            return False
        return steering.equal_but_for_steering(mine, asked)

    def _forget_fit(self, *_: object) -> None:
        self._fit = None

    def _take_over(self, events: list[Told], asked: RunConfig) -> None:
        """Show what the run has been steered to, in the order of its log.

        What has been changed here since and not been sent yet goes before it.
        """
        untold = self._untold()
        fresh = {n: v for n, v in self._numbers.read(events).items() if n not in untold}
        if not self.live or not fresh:
            return
        if "assumed_noise" in fresh:
            self.choices.same_noise = fresh["assumed_noise"] == asked.noise
        self.choices.param.update(**fresh)

    def _steer(self) -> None:
        """Send the numbers that differ from what the run has been told."""
        changed = self._untold()
        if not changed:
            return
        try:
            self.wanted()
        except ValueError as error:
            self.message = str(error)
            return
        self.message = ""
        terms = {term for track in self.history.tracks.values() for term in track.started.weights}
        for name, value in changed.items():
            asked = steering.commands(name, value, terms)
            (self._numbers.pending if asked else self._numbers.known)[name] = value
            for command in asked:
                self.hands.do(self._folder.send, command)

    def _untold(self) -> dict[str, float]:
        """The numbers of this run that are chosen otherwise than it has been told."""
        expected = self._numbers.expected
        mine = {name: getattr(self.choices, name) for name in expected}
        return {name: value for name, value in mine.items() if value != expected[name]}
