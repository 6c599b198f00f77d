"""Degenerate images, levels, rates and formats, with any task, method and network there is.

Each attack trains two steps of a problem that was drawn at random. It holds when every number that
is told is finite, or when one line says what is wrong: before training, or as the end of the run.
"""

from __future__ import annotations

import math
import random
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import astuple, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.faults import Attack
from reilab.datasets.samples import InMemory
from reilab.events import Evaluated, Event, Failed, Finished, Metrics, Posed, Stepped
from reilab.groups import GROUPS
from reilab.methods.registry import methods
from reilab.nets.registry import networks
from reilab.problem import Problem
from reilab.runs.stream import stream
from reilab.tasks.registry import MODEL, find_task, tasks
from reilab.training.config import TrainConfig

SUBJECT = "numbers gone wrong"
COUNT = 240
N_IMAGES = 4
#: Images (N, C, H, W) made of ordinary ones; most of them are none.
IMAGES: Mapping[str, Callable[[Tensor], Tensor]] = {
    "ordinary": lambda x: x,
    "black": torch.zeros_like,
    "white": torch.ones_like,
    "one black image": lambda x: torch.cat([torch.zeros_like(x[:1]), x[1:]]),
    "one image": lambda x: x[:1],
    "none": lambda x: x[:0],
    "one NaN": lambda x: x.index_fill(3, torch.tensor([0]), math.nan),
    "infinite": lambda x: x / 0,
    "huge": lambda x: 1e30 * x,
    "dim": lambda x: 1e-30 * x,
    "negative": lambda x: -x,
    "bytes": lambda x: (255 * x).byte(),
    "double": lambda x: x.double(),
    "complex": lambda x: x.to(torch.complex64),
    "odd sides": lambda x: x[..., 1:, :],
    "another channel": lambda x: torch.cat([x, x[:, :1]], 1),
}
#: Exponents of the factors by which noise levels and learning rates are changed.
EXTREMES = (0, 0, 0, -30, -8, 8, 30, 300)


def attacks(rng: random.Random, count: int, scratch: Path) -> Iterator[Attack]:
    """Problems drawn at random."""
    for _ in range(count):
        task = rng.choice(sorted(tasks()))
        drawn = {
            "images": rng.choice([*IMAGES, *["ordinary"] * 8]),
            "network": rng.choice(sorted(networks())),
            "method": rng.choice(sorted(methods())),
            "model": rng.choice([*find_task(task).models, ""]),
            "group": rng.choice(sorted(GROUPS)),
            "level": 10.0 ** rng.choice(EXTREMES),
            "rate": 10.0 ** rng.choice(EXTREMES),
            "batch": rng.choice((1, 2)),
            "measurements": rng.choice(("online", "fixed")),
            "ends_with": rng.choice(("last", "best")),
        }
        words = ", ".join(f"{name} {value}" for name, value in drawn.items() if value != "")
        yield Attack(f"{task}: {words}", partial(trial, task, **drawn))


def trial(task: str, **drawn: Any) -> str | None:
    """Learn; what was wrong."""
    try:
        return learn(task, **drawn)
    except ValueError as error:
        said = str(error)
        return None if said and "\n" not in said else f"unclear: {said!r}"


def learn(
    task: str,
    method: str,
    *,
    network: str = "unet",
    images: str = "ordinary",
    model: str = "",
    group: str = "",
    level: float = 1.0,
    rate: float = 1.0,
    **training: Any,
) -> str | None:
    """Pose and train; what was wrong with what is told.

    Args:
        task: by name, as are the next four.
        method: what is trained.
        network: in its usual size.
        images: one of ``IMAGES``.
        model: of the noise; the task's own if empty.
        group: the task's own if empty.
        level: the noise level, as a multiple of the usual one.
        rate: the learning rate, likewise.
        training: other settings of it.

    Raises:
        ValueError: what reilab has against it before training.
    """
    problem = posed(task, network, images, model, group, level)
    config = TrainConfig(2, learning_rate=5e-4 * rate, log_every=1, evaluate_every=1)
    return wrong_in(stream(problem, [methods()[method].spec()], replace(config, **training)))


def posed(task: str, network: str, images: str, model: str, group: str, level: float) -> Problem:
    """The ``smoke`` problem of a task with such images and noise."""
    found = find_task(task)
    settings: dict[str, Any] = {MODEL: model} if model else {}
    spec = found.configure("smoke", settings)
    settings |= {found.level_name(vars(spec)): level * found.level_of(spec)}
    settings |= {"group": group} if group else {}
    problem = replace(found.pose("smoke", settings), network=networks()[network].spec())
    x = problem.train.batch(torch.arange(N_IMAGES)).x
    assert x is not None
    samples = InMemory(IMAGES[images](x))
    return replace(problem, train=samples, test=samples, validation=samples)


def wrong_in(events: Iterable[Event]) -> str | None:
    """Numbers that are not finite, or no clear end."""
    last: Event | None = None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for last in events:
            for name, value in told(last):
                if not math.isfinite(value):
                    return f"{type(last).__name__} tells {name} = {value}"
    if isinstance(last, Failed):
        return None if last.method and last.term and last.message else f"unclear: {last}"
    return None if isinstance(last, Finished) else f"ends with {last}"


def told(event: Event) -> Iterator[tuple[str, float]]:
    """The numbers of an event, by name."""
    match event:
        case Stepped(losses=losses, total=total, risk=risk):
            yield from {**losses, "total": total, "risk": 0.0 if risk is None else risk}.items()
        case Posed(pinv=image, measurement=drawn, pinv_metrics=means):
            yield "A†y", float(abs(torch.as_tensor(image)).max())
            yield "the picture of y", float(torch.as_tensor(drawn).max())
            yield from _marks(means)
        case Evaluated(images=image, metrics=means):
            yield "x̂", float(abs(torch.as_tensor(image)).max())
            yield from _marks(means)
        case _:
            pass


def _marks(metrics: Metrics | None) -> Iterator[tuple[str, float]]:
    if metrics:
        names = metrics.__dataclass_fields__
        pairs = zip(names, astuple(metrics), strict=True)
        yield from ((name, value) for name, value in pairs if value is not None)
