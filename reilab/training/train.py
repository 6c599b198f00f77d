"""The training generator: it changes the state handed to it, and yields what happened."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field

import torch

from reilab.events import (
    Command,
    Evaluated,
    Event,
    Failed,
    Finished,
    Refused,
    Started,
    Steered,
    Stepped,
)
from reilab.problem import Problem
from reilab.training.config import TrainConfig
from reilab.training.evaluate import Exam, examine, mean_of, previewed_marks, previews
from reilab.training.methods import METHODS
from reilab.training.state import TrainState
from reilab.training.step import StepValues, take_step
from reilab.training.team import ALONE, Team

Run = Generator[Event, Command | None, None]

#: How the measurements came about where nobody knows the images.
ACQUIRED = "acquired"


def train(
    state: TrainState, problem: Problem, config: TrainConfig, exam: Exam, team: Team = ALONE
) -> Run:
    """Train ``state`` until ``config.steps``, from wherever it stands.

    Pull to go on, stop pulling to pause, leave to stop; ``send`` a command to steer, which is
    answered by ``Steered`` and holds from the next step on. Equal states, problems, configurations
    and commands give equal events (but for ``seconds``).

    Args:
        state: trained in place.
        problem: what to learn.
        config: how.
        exam: the test measurements for ``Evaluated``.
        team: the processes that train together; each of them runs this.
    """
    yield from _emit(state, _started(state, problem, config))
    interval = _Interval(tuple(state.weights))
    state.network.train()
    while state.step < config.steps:
        if state.step % config.evaluate_every == 0:
            yield from _emit(state, _evaluated(state, problem, config, exam))
        interval.add(lambda: take_step(state, problem, config, team))
        if state.step % config.log_every == 0 or state.step == config.steps:
            event = interval.close(state, config)
            yield from _emit(state, event)
            if isinstance(event, Failed):
                return
    yield from _emit(state, _evaluated(state, problem, config, exam))
    yield from _emit(state, Finished(state.method, state.step))


def _emit(state: TrainState, event: Event) -> Run:
    """Yield ``event``, then obey and answer commands until there are none."""
    command = yield event
    while command is not None:
        try:
            state.apply(command)
        except ValueError as error:
            command = yield Refused(state.method, state.step, command, str(error))
        else:
            command = yield Steered(state.method, state.step, command)


@dataclass
class _Interval:
    """The steps since the last ``Stepped``; read from the device once, when it closes."""

    terms: tuple[str, ...]
    values: list[StepValues] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, step: Callable[[], StepValues]) -> None:
        began = time.perf_counter()
        self.values.append(step())
        self.seconds += time.perf_counter() - began

    def close(self, state: TrainState, config: TrainConfig) -> Stepped | Failed:
        """The mean of the interval, or the first value in it that is not finite."""
        began = time.perf_counter()
        rows = [torch.stack([*v.terms, v.total, v.norm, v.risk]) for v in self.values]
        *columns, risks = torch.stack(rows).double().cpu().unbind(1)
        table = torch.stack(columns, 1)
        seconds = self.seconds + time.perf_counter() - began
        self.values, self.seconds = [], 0.0
        bad = (~table.isfinite()).nonzero()
        if len(bad):
            row, column = bad[0].tolist()
            step = state.step - len(table) + row + 1
            name = (*self.terms, "total", "gradient norm")[column]
            return _not_finite(state.method, step, name, float(table[row, column]))
        *terms, total, _ = table.mean(0).tolist()
        losses = dict(zip(self.terms, terms, strict=True))
        rate = config.learning_rate_at(state.step - 1, state.learning_rate)
        risk = None if risks.isnan().any() else float(risks.mean())
        return Stepped(state.method, state.step, losses, total, rate, seconds, risk)


def _not_finite(method: str, step: int, term: str, value: float) -> Failed:
    message = (
        f"{method}: {term} was {value} at step {step}; the weights of the steps before are kept. "
        "Try a smaller learning rate or loss weight, or a higher noise floor."
    )
    return Failed(method, step, message, term, value)


def _started(state: TrainState, problem: Problem, config: TrainConfig) -> Started:
    return Started(
        method=state.method,
        step=state.step,
        n_steps=config.steps,
        n_parameters=sum(p.numel() for p in state.network.parameters()),
        oracle=METHODS[state.method].oracle,
        weights=dict(state.weights),
        learning_rate=state.learning_rate,
        assumed_noise=state.assumed_noise,
        measurements=config.measurements if problem.train.has_truth else ACQUIRED,
    )


def _evaluated(state: TrainState, problem: Problem, config: TrainConfig, exam: Exam) -> Evaluated:
    found, images = examine(state.network, problem, exam, config.precision)
    n = config.previews
    shown = previews(images, n)
    return Evaluated(state.method, state.step, mean_of(found), shown, previewed_marks(found, n))
