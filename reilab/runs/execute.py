"""execute: carry out the run of a folder, from its start or from its last checkpoints."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import torch

from reilab.events import (
    Checkpointed,
    Command,
    Control,
    Evaluated,
    Event,
    Failed,
    Finished,
    Posed,
    Steered,
    Stopped,
)
from reilab.problem import Problem
from reilab.runs.config import RunConfig, build, from_yaml
from reilab.runs.drive import Inbox, Sink, drive, nobody
from reilab.runs.folder import RunFolder
from reilab.runs.history import History, history_of
from reilab.tasks.registry import find_task
from reilab.training.checkpoint import load_checkpoint, save_checkpoint
from reilab.training.compare import compare
from reilab.training.evaluate import Exam, mean_metrics, prepare_exam, previews
from reilab.training.state import TrainState, new_state
from reilab.training.train import Run


def execute(folder: RunFolder, *sinks: Sink, inbox: Inbox = nobody) -> History:
    """Train all methods of the run to the end; events go to the folder first, then to ``sinks``.

    Messages come from ``inbox`` and from the folder's own command log. A state is saved at every
    evaluation, when it is steered, and when the run is stopped.

    Raises:
        Exception: whatever goes wrong is recorded as ``Failed`` before it is raised again.
    """
    config = from_yaml(folder.config)
    mailbox = folder.inbox()

    def messages() -> list[Command | Control]:
        return [*mailbox.poll(), *inbox()]

    try:
        problem = build(config)
        exam = prepare_exam(problem, config.training)
        states = _states(folder, problem, config)
        run = _events(states, problem, config, exam)
        drive(run, folder.record, _saver(states, folder), *sinks, inbox=messages)
    except Exception as error:
        # The disk may be what failed.
        with contextlib.suppress(OSError):
            folder.record(Failed("", 0, f"{type(error).__name__}: {error}"))
        raise
    return history_of(folder.events())


def _states(folder: RunFolder, problem: Problem, config: RunConfig) -> list[TrainState]:
    states = []
    for method in config.methods:
        state = new_state(method, problem, config.training, config.assumed_noise)
        if folder.checkpoint(method).exists():
            load_checkpoint(state, folder.checkpoint(method))
        states.append(state)
    return states


def _events(
    states: Sequence[TrainState], problem: Problem, config: RunConfig, exam: Exam
) -> Run:
    yield _posed(problem, config, exam)
    yield from compare(states, problem, config.training, exam)


@torch.no_grad()
def _posed(problem: Problem, config: RunConfig, exam: Exam) -> Posed:
    task = find_task(config.task)
    start = torch.cat([problem.image(problem.physics.pinv(y)) for y in exam.y.split(exam.batch)])
    n = config.training.previews
    return Posed(
        task=config.task,
        preset=config.preset,
        noise=problem.noise.level,
        noise_unit=task.settings[task.noise].unit,
        device=str(problem.device),
        n_train=len(problem.train),
        n_test=len(problem.test),
        pinv=previews(start, n),
        truth=None if exam.truth is None else previews(exam.truth, n),
        pinv_metrics=mean_metrics(start, exam.truth),
    )


def _saver(states: Sequence[TrainState], folder: RunFolder) -> Sink:
    """A sink that keeps states on disk; a state is at rest while its event is being shown."""
    by_name = {state.method: state for state in states}

    def save(state: TrainState) -> None:
        save_checkpoint(state, folder.checkpoint(state.method))
        folder.record(Checkpointed(state.method, state.step, folder.checkpoint(state.method).name))

    def sink(event: Event) -> None:
        match event:
            case Evaluated(method=method) | Steered(method=method) | Finished(method=method):
                save(by_name[method])
            case Failed(method=method):
                # What was saved before the failure stays.
                by_name.pop(method)
            case Stopped():
                for state in by_name.values():
                    save(state)

    return sink
