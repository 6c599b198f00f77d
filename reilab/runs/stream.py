"""stream: the events of a configuration, from nothing to the end, in this process and in memory."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

from reilab.events import Posed
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
from reilab.training.state import TrainState, new_state
from reilab.training.team import ALONE, Team
from reilab.training.train import Run

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

    def events(self) -> Run:
        """``Posed``, then the methods in turns, each from where its state stands."""
        # People look at the measurements while the networks are made: the first takes a second.
        command = yield self._posed()
        early = () if command is None else (command,)
        training = self.config.training
        yield from compare(self.states, self.problem, training, self.exam, early, self.team)

    def _posed(self) -> Posed:
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
        )


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
    """The events of a new run; ``send`` commands to steer it. Nothing is written."""
    return prepare(config).events()


def run(config: RunConfig, *sinks: Sink) -> History:
    """Carry out a new run in memory, show its events to ``sinks``, return their fold."""
    history = History()
    drive(stream(config), history.add, *sinks)
    return history
