"""Steps of one task in several forms, measured in turns in one process."""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.profiler import ProfilerActivity, profile

from benchmarks.cases import Case, action_of
from benchmarks.gpu.part import Setup
from benchmarks.limit import gigaflop
from benchmarks.measure import Action, in_turns, n_dispatched, synchronize
from reilab.key import Key
from reilab.problem import Problem
from reilab.runs.config import build

#: Side and batch of the paper; the bundled images are no larger than ``STORED``.
PLACES = {"mri": (320, 2), "inpainting": (256, 1), "ct": (256, 2)}
SMALL_PLACES = {"mri": (32, 2), "inpainting": (32, 1), "ct": (32, 2)}
STORED = 256
#: A measurement is so many seconds of steps, and there are at most so many rounds of them.
SECONDS, MOST_ROUNDS = 0.2, 9
WARM_UP = 3


@dataclass(frozen=True)
class Mode:
    """Number formats: of the network, and whether float32 may be rounded to TF32 in convolutions.

    ``searched`` lets cuDNN try its algorithms out first.
    """

    precision: str
    tf32: bool
    searched: bool = False


MODES = {
    "float32": Mode("float32", tf32=False),
    "TF32": Mode("float32", tf32=True),
    "bfloat16": Mode("bfloat16", tf32=True),
    "bfloat16, searched": Mode("bfloat16", tf32=True, searched=True),
}


@contextmanager
def in_mode(mode: Mode) -> Iterator[None]:
    """Torch's switches as ``mode`` wants them, inside the block.

    Products of matrices stay in float32, as is torch's default: grids of rotations are such.
    """
    with warnings.catch_warnings():
        # Newer versions of torch have newer switches, and these still.
        warnings.simplefilter("ignore")
        before = torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark
        torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark = mode.tf32, mode.searched
        try:
            yield
        finally:
            torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark = before


@dataclass(frozen=True)
class Anatomy:
    """A step seen by the profiler: launches and waits of the host, seconds that the card works."""

    launches: int
    waits: int | None
    busy: float | None


@dataclass
class Contender:
    """A step in one form, and what is known of it."""

    form: str
    mode: str
    action: Action
    first: float
    megabytes: float | None
    gigaflop: float
    anatomy: Anatomy
    seconds: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """Seconds of a step."""
        return statistics.median(self.seconds)


def posed(setup: Setup, task: str, engine: str = "eager") -> tuple[Case, Problem, float]:
    """A task at the paper's size, its problem on the device, and the problem's megabytes."""
    side, batch = (SMALL_PLACES if setup.small else PLACES)[task]
    case = Case(
        task,
        side,
        width=8 if setup.small else 64,
        batch=batch,
        views=10 if setup.small else 50,
        engine=engine,
        device=setup.device,
        data=str(pictures(setup.scratch, side)) if side > STORED else "",
    )
    before = allocated(setup)
    problem = build(case.config)
    return case, problem, (allocated(setup) - before) / 2**20


def pictures(folder: Path, side: int, count: int = 24) -> Path:
    """A folder of grey noise: how long a step takes does not depend on what is in the images."""
    place = folder / f"pictures-{side}"
    place.mkdir(exist_ok=True)
    values = torch.randint(0, 256, (count, side, side), generator=Key(0).generator())
    for number, image in enumerate(values.numpy().astype(np.uint8)):
        Image.fromarray(image).save(place / f"{number:02d}.png")
    return place


def contender(
    setup: Setup, form: str, mode: str, case: Case, problem: Problem, shared: float = 0.0
) -> Contender:
    """Prepare and warm up a step, and look at it once.

    Args:
        setup: where.
        form: ours, plain or deepinv, as in ``benchmarks.cases``.
        mode: one of ``MODES``.
        case: the task.
        problem: the same, built.
        shared: megabytes of the problem, if the step uses them.
    """
    chosen = MODES[mode]
    config = replace(case, precision=chosen.precision).config
    before = allocated(setup)

    def action() -> None:
        with in_mode(chosen):
            step()

    step = action_of(form, problem, config)
    began = time.perf_counter()
    action()
    synchronize()
    first = time.perf_counter() - began
    for _ in range(0 if setup.small else WARM_UP):
        action()
    megabytes = peak_megabytes(setup, action, before)
    return Contender(
        form=form,
        mode=mode,
        action=action,
        first=first,
        megabytes=None if megabytes is None else megabytes + shared,
        # What is compiled hides its operations from those who count.
        gigaflop=0.0 if case.engine == "compiled" else gigaflop(action),
        anatomy=anatomy(setup, action),
    )


def compete(setup: Setup, contenders: Mapping[str, Contender], until: float) -> None:
    """Measure all of them in turns until about then, by ``time.time``."""
    repeats = {}
    for name, one in contenders.items():
        began = time.perf_counter()
        one.action()
        synchronize()
        lasting = time.perf_counter() - began
        repeats[name] = 1 if setup.small else max(1, round(SECONDS / lasting))
    # A round that does not count comes first.
    rounds = int((until - time.time()) / (len(contenders) * SECONDS)) - 1
    actions = {name: repeated(one.action, repeats[name]) for name, one in contenders.items()}
    found = in_turns(actions, 1 if setup.small else max(1, min(MOST_ROUNDS, rounds)))
    for name, one in contenders.items():
        one.seconds = [each / repeats[name] for each in found[name]]


def repeated(action: Action, count: int) -> Callable[[], None]:
    """The same so many times, without waiting for the device in between."""

    def run() -> None:
        for _ in range(count):
            action()

    return run


def anatomy(setup: Setup, action: Action) -> Anatomy:
    """What the profiler counts in one step; on a CPU only what it dispatches."""
    if not setup.on_gpu:
        return Anatomy(n_dispatched(action), None, None)
    synchronize()
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as recorded:
        action()
        synchronize()
    launches = waits = 0
    busy = 0.0
    for event in recorded.key_averages():
        launches += event.count if "LaunchKernel" in event.key else 0
        # The wait at the end is for the whole device and counts as none.
        waits += event.count if event.key == "cudaStreamSynchronize" else 0
        busy += event.self_device_time_total if "CUDA" in str(event.device_type) else 0
    return Anatomy(launches, waits, busy / 1e6)


def allocated(setup: Setup) -> int:
    """Bytes that tensors hold of the card."""
    return torch.cuda.memory_allocated(setup.device) if setup.on_gpu else 0


def peak_megabytes(setup: Setup, action: Action, before: int) -> float | None:
    """The most that tensors hold during an action over what they held ``before``; on a GPU."""
    if not setup.on_gpu:
        return None
    torch.cuda.reset_peak_memory_stats(setup.device)
    action()
    synchronize()
    return (torch.cuda.max_memory_allocated(setup.device) - before) / 2**20
