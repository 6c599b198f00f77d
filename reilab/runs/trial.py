"""Trial: the first two steps of a run, and what all of them would take; nothing is written."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

import psutil
import torch

from reilab.metrics import ssim
from reilab.record.history import side_by_side
from reilab.runs.config import RunConfig
from reilab.runs.stream import Prepared, prepare
from reilab.training.compare import Lanes, n_lanes
from reilab.training.config import TrainConfig
from reilab.training.evaluate import examine
from reilab.training.state import TrainState
from reilab.training.step import take_step

#: A weight with the two slots of Adam, in float32.
BYTES_PER_WEIGHT = 12


@dataclass(frozen=True)
class Pace:
    """How fast one method is, and how long it would take, in seconds.

    Args:
        method: its name.
        step: seconds of one step, the second one: the first also sets things up.
        evaluation: seconds of one evaluation of all test images.
        total: seconds of all steps and evaluations.
    """

    method: str
    step: float
    evaluation: float
    total: float


@dataclass(frozen=True)
class Trial:
    """What a run would be like.

    Args:
        n_train: training samples.
        n_test: test samples.
        image: shape of an image (C, H, W).
        measurement: shape of a measurement.
        parameters: of the network.
        paces: of each method.
        memory: most bytes that were held, of the GPU if the run is on one, else by this process.
        disk: bytes of all checkpoints that the run would keep.
        at_once: methods that would train at the same time.
    """

    n_train: int
    n_test: int
    image: tuple[int, ...]
    measurement: tuple[int, ...]
    parameters: int
    paces: tuple[Pace, ...]
    memory: int
    disk: int
    at_once: int

    @property
    def seconds(self) -> float:
        """Of the whole run."""
        return side_by_side([pace.total for pace in self.paces], self.at_once)


def try_out(config: RunConfig) -> Trial:
    """Build everything, measure the test samples, and take two steps with every method.

    Raises:
        ValueError: data and configuration do not fit, or a loss is not finite.
        FileNotFoundError: missing data.
    """
    prepared = prepare(config)
    problem = prepared.problem
    if problem.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(problem.device)
    # The first call loads a library, which is no part of an evaluation.
    ssim(torch.zeros(1, 1, 8, 8), torch.zeros(1, 1, 8, 8))
    at_once = n_lanes(len(prepared.states), problem.device, prepared.team)
    runs = {state.method: _pace(state, prepared) for state in prepared.states}
    # As in the run, whose methods share cores and memory.
    with Lanes(at_once) as lanes:
        found = {name: pace for each in lanes.rounds(runs) for name, pace in each.items()}
    paces = tuple(found[name] for name in runs)
    weights = sum(p.numel() for p in prepared.states[0].network.parameters())
    return Trial(
        n_train=len(problem.train),
        n_test=len(problem.test),
        image=tuple(problem.physics.domain),
        measurement=tuple(problem.physics.range),
        parameters=weights,
        paces=paces,
        memory=_most_memory(problem.device),
        disk=BYTES_PER_WEIGHT * weights * (1 + config.training.kept_states) * len(paces),
        at_once=at_once,
    )


def n_evaluations(training: TrainConfig) -> int:
    """How often a method is evaluated: before some of its steps, and after the last."""
    return sum(training.is_evaluated(step) for step in range(training.steps)) + 1


def _pace(state: TrainState, prepared: Prepared) -> Iterator[Pace]:
    training, problem = prepared.training, prepared.problem
    state.network.train()
    step = 0.0
    for _ in range(2):
        began = time.perf_counter()
        # Reading the value waits for the device.
        total = float(take_step(state, problem, training).total)
        step = time.perf_counter() - began
        if not torch.tensor(total).isfinite():
            raise ValueError(
                f"{state.method}: the loss was {total} in the first steps; check noise and weights"
            )
    exam = prepared.exam
    few = exam.of_first_batch
    began = time.perf_counter()
    examine(state.network, problem, few, training.precision)
    evaluation = (time.perf_counter() - began) * len(exam.y) / len(few.y)
    whole = step * training.steps + evaluation * n_evaluations(training)
    yield Pace(state.method, step, evaluation, whole)


def _most_memory(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.max_memory_reserved(device)
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts in kilobytes, macOS in bytes.
    return most if sys.platform == "darwin" else most * 1024
