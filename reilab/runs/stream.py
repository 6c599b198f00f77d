"""stream: the events of a configuration, from nothing to the end, in this process and in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

from reilab.events import Command, Event, Failed, Finished, Posed
from reilab.key import Key
from reilab.problem import MEASUREMENTS, Problem
from reilab.record.history import History
from reilab.runs.config import RunConfig, build
from reilab.runs.drive import Sink, drive
from reilab.runs.initial import begin_from
from reilab.tasks.registry import find_task
from reilab.training.compare import compare
from reilab.training.evaluate import (
    Exam,
    marks,
    mean_of,
    prepare_exam,
    previewed_marks,
    previews,
    reconstruct_all,
)
from reilab.training.lanes import n_lanes
from reilab.training.state import TrainState, new_state
from reilab.training.steer import Answer, steer
from reilab.training.team import ALONE, Team

Restore: TypeAlias = Callable[[TrainState], None]


def as_it_is(state: TrainState) -> None:
    """Leave a state where it stands."""


@dataclass(frozen=True, eq=False)
class Prepared:
    """A configuration with all that it takes to train: problem, test measurements, states."""

    config: RunConfig
    problem: Problem
    exam: Exam
    team: Team
    restore: Restore

    @cached_property
    def states(self) -> tuple[TrainState, ...]:
        """Networks and optimisers, made when they are first asked for, where they once stood."""
        config = self.config
        states = tuple(
            new_state(method, self.problem, config.training, config.assumed_noise)
            for method in config.objectives
        )
        for state in states:
            self.restore(state)
            if config.start_from and state.step == 0:
                begin_from(state, Path(config.start_from))
        return states

    def run(self) -> Run:
        """What happens when it is carried out, each method from where its state stands."""
        return Run(self)

    def posed(self) -> Posed:
        """What every method will look at."""
        problem, exam = self.problem, self.exam
        task = find_task(self.config.task)
        start = reconstruct_all(problem.physics.pinv, exam)
        each = marks(start, problem, exam)
        n = self.config.training.previews
        return Posed(
            task=task.name,
            preset=self.config.preset,
            noise=problem.noise.level,
            noise_unit=task.settings[task.level_name(vars(self.config.spec))].unit,
            device=str(problem.device),
            n_train=len(problem.train),
            n_test=len(problem.test),
            pinv=previews(problem.image(start), n),
            truth=None if exam.truth is None else previews(exam.truth, n),
            pinv_metrics=mean_of(each),
            pinv_per_image=previewed_marks(each, n),
            measurement=previews(problem.picture.draw(exam.y), n),
            measurement_title=problem.picture.title,
            at_once=n_lanes(len(self.config.objectives), problem.device, self.team),
        )


class Run:
    """A run in this process: an iterator of its events, at rest between two of them.

    ``Posed`` comes first, then the methods are introduced, then they train. Those that train at the
    same time come to rest together; what has happened meanwhile is told event by event.

    Args:
        prepared: its states are trained in place.
    """

    def __init__(self, prepared: Prepared) -> None:
        self._prepared = prepared
        self._happening = self._carry_out()
        self._happened: deque[Event] = deque()
        self._at_work: list[TrainState] | None = None
        # Commands that came while the methods were introduced.
        self._early: list[Command] = []

    def __iter__(self) -> Iterator[Event]:
        return self

    def __next__(self) -> Event:
        while not self._happened:
            self._happened += next(self._happening)
        event = self._happened.popleft()
        if self._at_work and isinstance(event, Finished | Failed):
            self._at_work = [one for one in self._at_work if one.method != event.method]
        return event

    def untold(self) -> bool:
        """Whether something has happened, or been asked for, that no event has told of yet."""
        return bool(self._happened or self._early)

    def steer(self, command: Command) -> Sequence[Answer]:
        """Let a command take effect now, and say for whom it did.

        While the methods are being introduced it waits; its answers are events of the run then.
        """
        if self._at_work is None:
            self._early.append(command)
            return []
        return steer(self._at_work, command)

    def _carry_out(self) -> Iterator[tuple[Event, ...]]:
        prepared = self._prepared
        # People look at the measurements while the networks are made: the first takes a second.
        yield (prepared.posed(),)
        states, training = prepared.states, prepared.config.training
        events = compare(states, prepared.problem, training, prepared.exam, prepared.team)
        yield next(events)
        self._at_work = list(states)
        answers = tuple(answer for one in self._early for answer in steer(states, one))
        self._early.clear()
        yield answers
        yield from events


def prepare(config: RunConfig, team: Team = ALONE, restore: Restore = as_it_is) -> Prepared:
    """Load the images and measure what is measured once.

    Args:
        config: what to run.
        team: the processes that train together.
        restore: puts a new state to where it stood when it was saved.

    Raises:
        ValueError: data and configuration do not fit.
        FileNotFoundError: missing data.
    """
    return prepare_problem(config, build(config, team), team, restore)


def prepare_problem(
    config: RunConfig, problem: Problem, team: Team = ALONE, restore: Restore = as_it_is
) -> Prepared:
    """The same for a problem at hand: that of the configuration with, say, other test images."""
    key = Key(config.training.seed) / "noise"
    # Measurements that were acquired are fixed; that way their A†y is computed once, too.
    kind = config.training.measurements if problem.train.has_truth else "fixed"
    problem = MEASUREMENTS[kind](problem, key)
    return Prepared(config, problem, prepare_exam(problem, config.training), team, restore)


def stream(config: RunConfig) -> Run:
    """A new run: iterate over it for its events, ``steer`` it in between. Nothing is written."""
    return prepare(config).run()


def run(config: RunConfig, *sinks: Sink) -> History:
    """Carry out a new run in memory, show its events to ``sinks``, return their fold."""
    history = History()
    drive(stream(config), history.add, *sinks)
    return history
