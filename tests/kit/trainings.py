"""Small trainings, and what of their events must come again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np

from kit.device import DEVICE
from reilab.events import Evaluated, Event, Started, Stepped
from reilab.methods.registry import find_method
from reilab.noise import NOISES
from reilab.runs.config import RunConfig, configure
from reilab.tasks.registry import MODEL, find_task


def smoke(
    task: str = "mri", methods: Iterable[str] = ("supervised", "ei", "rei"), **training: Any
) -> RunConfig:
    changes = {"steps": 6, "log_every": 1, "evaluate_every": 3, **training}
    names = tuple(methods)
    own = fitting(task, names)
    return configure(task, "smoke", names, settings=own, training=changes, device=DEVICE)


def fitting(task: str, methods: Iterable[str]) -> dict[str, Any]:
    """Another noise model for a task whose own lacks what the methods need; or no change."""
    model = NOISES.get(vars(find_task(task).spec()).get(MODEL, ""))
    needs = (need for name in methods for need in find_method(name).needs)
    return {MODEL: "poisson"} if model and any(map(model.lacks, needs)) else {}


def comparable(events: Iterable[Event], method: str) -> list[Any]:
    """The events of one method, without times, arrays as bytes."""
    kept = []
    for event in events:
        if getattr(event, "method", None) != method:
            continue
        if isinstance(event, Stepped):
            kept.append(replace(event, seconds=0.0))
        elif isinstance(event, Evaluated):
            kept.append((event.step, event.metrics, np.asarray(event.images).tobytes()))
        else:
            kept.append(event)
    return kept


def learned(events: Iterable[Event], method: str) -> list[Any]:
    """What a method did, without starts and repeated evaluations of a resumed run."""
    done = [e for e in comparable(events, method) if not isinstance(e, Started)]
    return list({repr(e): e for e in done}.values())
