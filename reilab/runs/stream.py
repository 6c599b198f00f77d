"""stream: the events of a configuration, from nothing to the end, in this process and in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

from reilab.events import Command, Event, Failed, Finished, Posed
from reilab.key import Key
from reilab.methods.base import MethodSpec
from reilab.methods.registry import method_of
from reilab.nets.registry import NetworkSpec
from reilab.problem import MEASUREMENTS, Problem
from reilab.record.history import History
from reilab.runs.config import RunConfig, build, check_fits, settled
from reilab.runs.drive import Sink, drive
from reilab.runs.initial import begin_from
from reilab.settings import override, validate
from reilab.tasks.registry import Spec, tasks
from reilab.training.baselines import baselines
from reilab.training.compare import compare, n_lanes
from reilab.training.config import TrainConfig
from reilab.training.evaluate import (
    DivergedError,
    Exam,
    bounded,
    marks,
    mean_of,
    pinv,
    prepare_exam,
    previewed_marks,
    previews,
    reconstruct_all,
)
from reilab.training.state import Answer, TrainState, new_state, steer
from reilab.training.team import ALONE, Team
from reilab.training.train import evaluated

Restore: TypeAlias = Callable[[TrainState], None]


def as_it_is(state: TrainState) -> None:
    """Leave a state where it stands."""


@dataclass(frozen=True)
class Caption:
    """What a run's problem is called: the task, the preset, and the unit of its noise level."""

    task: str
    preset: str = ""
    noise_unit: str = ""


@dataclass(frozen=True, eq=False)
class Prepared:
    """All that it takes to train: a problem, test measurements, methods, states.

    Args:
        caption: what the problem is called.
        problem: what all methods learn.
        objectives: the methods.
        training: how.
        assumed_noise: the noise level that the losses believe in.
        exam: the test measurements.
        team: the processes that train together.
        restore: puts a new state to where it stood when it was saved.
        start_from: checkpoint file or run folder whose networks are trained further, or nothing.
    """

    caption: Caption
    problem: Problem
    objectives: tuple[MethodSpec, ...]
    training: TrainConfig
    assumed_noise: float
    exam: Exam
    team: Team = ALONE
    restore: Restore = as_it_is
    start_from: str = ""

    @cached_property
    def states(self) -> tuple[TrainState, ...]:
        """Networks and optimisers, made when they are first asked for, where they once stood."""
        states = tuple(
            new_state(method, self.problem, self.training, self.assumed_noise)
            for method in self.objectives
        )
        for state in states:
            self.restore(state)
            if self.start_from and state.step == 0:
                begin_from(state, Path(self.start_from))
        return states

    def run(self) -> Run:
        """What happens when it is carried out, each method from where its state stands."""
        return Run(self)

    def posed(self) -> Posed:
        """What every method will look at.

        Raises:
            ValueError: it is too noisy for anybody to look at.
        """
        problem, exam = self.problem, self.exam
        try:
            start = bounded(reconstruct_all(pinv, problem, exam), "A†y of a test image")
        except DivergedError as error:
            raise ValueError(
                f"with noise of level {problem.noise.level:g} {error}; choose one that is nearer "
                "to what is measured"
            ) from error
        each = marks(start, problem, exam)
        n = self.training.previews
        return Posed(
            task=self.caption.task,
            preset=self.caption.preset,
            noise=problem.noise.level,
            noise_unit=self.caption.noise_unit,
            device=str(problem.device),
            n_train=len(problem.train),
            n_test=len(problem.test),
            pinv=previews(problem.image(start), n),
            truth=None if exam.truth is None else previews(exam.truth, n),
            pinv_metrics=mean_of(each),
            pinv_per_image=previewed_marks(each, n),
            measurement=previews(problem.having(exam.places).picture.draw(exam.y), n),
            measurement_title=problem.picture.title,
            at_once=n_lanes(len(self.objectives), problem.device, self.team),
            methods=tuple(method_of(one).name for one in self.objectives),
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

    def look(self) -> Sequence[Event]:
        """What every method at work makes of the test images now, where they are images."""
        found, prepared = list[Event](), self._prepared
        for state in self._at_work or ():
            with suppress(DivergedError):
                found.append(evaluated(state, prepared.problem, prepared.training, prepared.exam))
        return found

    def _carry_out(self) -> Iterator[tuple[Event, ...]]:
        prepared = self._prepared
        # People look at the measurements while the networks are made: the first takes a second.
        posed = prepared.posed()
        others = baselines(prepared.problem, prepared.training, prepared.exam)
        yield (replace(posed, baselines=others),)
        states, training = prepared.states, prepared.training
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


def caption_of(problem: Spec | Problem) -> Caption:
    """What a problem is called that is given by values."""
    if isinstance(problem, Problem):
        return Caption("")
    known = next((one for one in tasks().values() if type(problem) is one.spec), None)
    if known is None:
        return Caption(type(problem).__name__)
    return Caption(known.name, noise_unit=known.unit_of(problem))


def prepare_problem(
    config: RunConfig, problem: Problem, team: Team = ALONE, restore: Restore = as_it_is
) -> Prepared:
    """The same for a problem at hand: that of the configuration with, say, other test images."""
    problem, exam = _measured(problem, config.training)
    return Prepared(
        Caption(config.task, config.preset, config.noise_unit),
        problem,
        config.objectives,
        config.training,
        config.assumed_noise,
        exam,
        team,
        restore,
        config.start_from,
    )


def prepare_values(
    problem: Spec | Problem,
    methods: Sequence[MethodSpec],
    training: TrainConfig,
    network: NetworkSpec | None,
    assumed_noise: float | None,
    device: str,
) -> Prepared:
    """The same for values instead of a configuration; see ``run``.

    Raises:
        ValueError: a value out of bounds, or values that do not fit together.
        FileNotFoundError: missing data.
    """
    for part in (*methods, training):
        validate(part)
    training = settled(training, device)
    built = problem if isinstance(problem, Problem) else override(problem, {}).build(device)
    if network is not None:
        built = replace(built, network=override(network, {}))
    check_fits(built, methods, training)
    built, exam = _measured(built, training)
    level = built.noise.level if assumed_noise is None else built.noise.at(assumed_noise).level
    return Prepared(caption_of(problem), built, tuple(methods), training, level, exam)


def _measured(problem: Problem, training: TrainConfig) -> tuple[Problem, Exam]:
    """The problem with those measurements that are made once, and the test measurements."""
    key = Key(training.seed) / "noise"
    # Measurements that were acquired are fixed; that way their A†y is computed once, too.
    kind = training.measurements if problem.train.has_truth else "fixed"
    problem = MEASUREMENTS[kind](problem, key)
    return problem, prepare_exam(problem, training)


def stream(
    problem: RunConfig | Spec | Problem,
    methods: Sequence[MethodSpec] = (),
    training: TrainConfig | None = None,
    *,
    network: NetworkSpec | None = None,
    assumed_noise: float | None = None,
    device: str = "cpu",
) -> Run:
    """A new run: iterate over it for its events, ``steer`` it in between. Nothing is written.

    Args:
        problem: the settings of a task, such as ``MRI(sigma=0.05)``; a ``Problem`` made by hand; or
            a configuration, which says all the rest, too.
        methods: what is compared, such as ``[EI(), REI(alpha_req=3.0)]``, each once.
        training: how.
        network: what is trained; the problem's own if left out.
        assumed_noise: what the losses believe the noise level to be; the true one if left out.
        device: ``cpu``, ``cuda``, ``cuda:1`` …; a ``Problem`` is where it was made.

    Raises:
        ValueError: a value out of bounds, or values that do not fit together.
        FileNotFoundError: missing data.
    """
    if isinstance(problem, RunConfig):
        return prepare(problem).run()
    how = training or TrainConfig()
    return prepare_values(problem, methods, how, network, assumed_noise, device).run()


def run(
    problem: RunConfig | Spec | Problem,
    methods: Sequence[MethodSpec] = (),
    training: TrainConfig | None = None,
    *,
    network: NetworkSpec | None = None,
    assumed_noise: float | None = None,
    device: str = "cpu",
    watch: Sequence[Sink] = (),
) -> History:
    """Carry out a new run in memory, as ``stream`` has it, and return the fold of its events.

    Args:
        problem: see ``stream``, as is the rest.
        methods: what is compared.
        training: how.
        network: what is trained.
        assumed_noise: what the losses believe.
        device: where.
        watch: who is shown every event as it happens, ``print`` for one.

    Example:
        >>> from reilab.methods import EI, REI
        >>> from reilab.tasks import MRI
        >>> from reilab.training.config import TrainConfig
        >>> training = TrainConfig(steps=1, batch=2, log_every=1, evaluate_every=1)
        >>> history = run(MRI(data="brain", size=32, sigma=0.05), [EI(), REI()], training)
        >>> [track.step for track in history.tracks.values()]
        [1, 1]
    """
    history = History()
    new = stream(
        problem,
        methods,
        training,
        network=network,
        assumed_noise=assumed_noise,
        device=device,
    )
    drive(new, history.add, *watch)
    return history
