"""The training generator: it changes the state handed to it, and yields what happened."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

from reilab.events import Evaluated, Event, Failed, Finished, Started, Stepped, Ticked
from reilab.methods.registry import find_method
from reilab.problem import Problem
from reilab.training.config import TrainConfig
from reilab.training.evaluate import (
    DivergedError,
    Exam,
    examine,
    mean_of,
    previewed_marks,
    previews,
)
from reilab.training.state import TrainState, better
from reilab.training.step import take_step
from reilab.training.team import ALONE, Team

#: How the measurements came about where nobody knows the images.
ACQUIRED = "acquired"


def train(
    state: TrainState, problem: Problem, config: TrainConfig, exam: Exam, team: Team = ALONE
) -> Iterator[Event]:
    """Train ``state`` until ``config.steps``, from wherever it stands.

    Pull to go on, stop pulling to pause, leave to stop; between two events the state is at rest
    and may be changed, see ``steer``. On a CPU, equal states, problems, configurations and
    commands give equal events (but for ``seconds``). Every step ends in ``Stepped`` or ``Ticked``;
    in a team, which has to agree on what it hears, in ``Stepped`` or nothing.

    Args:
        state: trained in place.
        problem: what to learn.
        config: how.
        exam: the test measurements for ``Evaluated``, and those for early stopping, if any.
        team: the processes that train together; each of them runs this.
    """
    yield _started(state, problem, config)
    state.network.train()
    while state.step < config.steps:
        if config.is_evaluated(state.step):
            found = _judged(state, problem, config, exam)
            yield found
            if isinstance(found, Failed):
                return
        began = time.perf_counter()
        values = take_step(state, problem, config, team)
        state.interval.add(values, time.perf_counter() - began)
        if state.step % config.log_every == 0 or state.step == config.steps:
            event = _stepped(state, config)
            yield event
            if isinstance(event, Failed):
                return
        elif team.size == 1:
            yield Ticked(state.method, state.step)
    found = _judged(state, problem, config, exam, at_the_end=True)
    yield found
    if isinstance(found, Evaluated):
        ends_with = state.best.step if state.best else state.step
        yield Finished(state.method, state.step, ends_with)


def _stepped(state: TrainState, config: TrainConfig) -> Stepped | Failed:
    """The mean of the interval that ends here, or the first value in it that is not finite."""
    began = time.perf_counter()
    *columns, risks = state.interval.table().double().cpu().unbind(1)
    seconds = state.interval.seconds + time.perf_counter() - began
    state.interval.clear()
    names = (*state.weights, "total", "gradient norm")
    for row, values in enumerate(zip(*(column.tolist() for column in columns), strict=True)):
        for name, value in zip(names, values, strict=True):
            if not math.isfinite(value):
                step = state.step - len(risks) + row + 1
                return _not_finite(state.method, step, name, value)
    *terms, total, _ = (float(column.mean()) for column in columns)
    losses = dict(zip(state.weights, terms, strict=True))
    rate = config.learning_rate_at(state.step - 1, state.learning_rate)
    risk = float(risks.mean()) if risks.isfinite().all() else None
    learned = state.multipliers.believed() if state.multipliers else {}
    if state.multipliers:
        state.assumed_noise = state.multipliers.level
    return Stepped(state.method, state.step, losses, total, rate, seconds, risk, learned)


def _not_finite(method: str, step: int, term: str, value: float) -> Failed:
    message = (
        f"{method}: {term} was {value} at step {step}; the weights of the steps before are kept. "
        "Try a smaller learning rate or loss weight, or a noise level nearer to what is measured."
    )
    return Failed(method, step, message, term, value)


def _started(state: TrainState, problem: Problem, config: TrainConfig) -> Started:
    return Started(
        method=state.method,
        step=state.step,
        n_steps=config.steps,
        n_parameters=sum(p.numel() for p in state.network.parameters()),
        oracle=find_method(state.method).oracle,
        weights=dict(state.weights),
        learning_rate=state.learning_rate,
        assumed_noise=state.assumed_noise,
        measurements=config.measurements if problem.train.has_truth else ACQUIRED,
        engine=state.engine,
    )


def _judged(
    state: TrainState, problem: Problem, config: TrainConfig, exam: Exam, at_the_end: bool = False
) -> Evaluated | Failed:
    """The network on the test images, at the end the best one; that it gives no images any more."""
    try:
        _judge(state, problem, config, exam)
        if at_the_end and state.best:
            state.network.load_state_dict(state.best.tensors)
        return evaluated(state, problem, config, exam)
    except DivergedError as error:
        message = (
            f"{state.method}: {error} after step {state.step}; what was saved before is kept. "
            "Try a smaller learning rate."
        )
        return Failed(state.method, state.step, message, "x̂", error.value)


def _judge(state: TrainState, problem: Problem, config: TrainConfig, exam: Exam) -> None:
    """Keep the network if none before it did better on the validation images."""
    if exam.validation is None or not find_method(state.method).oracle:
        return
    found, _ = examine(state.network, problem, exam.validation, config.precision)
    mean = mean_of(found)
    assert mean is not None
    state.best = better(state.best, state.network, state.step, mean.psnr)


def evaluated(state: TrainState, problem: Problem, config: TrainConfig, exam: Exam) -> Evaluated:
    """The network on the test images as it is; nothing of it changes.

    Raises:
        DivergedError: it gives no images.
    """
    found, images = examine(state.network, problem, exam, config.precision)
    n = config.previews
    shown = previews(images, n)
    return Evaluated(state.method, state.step, mean_of(found), shown, previewed_marks(found, n))
