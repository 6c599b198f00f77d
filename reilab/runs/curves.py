"""Curves: the numbers of one method as arrays over its steps, ready to be drawn or written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reilab.events import Failed, Started, Steered
from reilab.runs.history import Track

Steps = NDArray[np.int64]
Values = NDArray[np.float64]
NONE = (np.nan, np.nan, np.nan)


@dataclass(frozen=True, eq=False)
class Losses:
    """What was logged while training: one value per entry of ``step``, NaN where there is none.

    ``terms`` are unweighted; ``seconds`` is training time since the start; ``risk`` is what SURE
    estimates.
    """

    step: Steps
    terms: Mapping[str, Values]
    total: Values
    learning_rate: Values
    seconds: Values
    risk: Values


@dataclass(frozen=True, eq=False)
class Scores:
    """What was found at the evaluations, means over the test images; NaN without ground truth."""

    step: Steps
    psnr: Values
    ssim: Values
    nmse: Values


@dataclass(frozen=True)
class Mark:
    """Something that happened to a method after ``step``."""

    step: int
    event: Steered | Started | Failed


def losses_of(track: Track) -> Losses:
    """The loss curves of a method."""
    events = track.stepped
    names = dict.fromkeys(name for event in events for name in event.losses)
    terms = {name: _values([event.losses.get(name) for event in events]) for name in names}
    return Losses(
        step=_steps([event.step for event in events]),
        terms=terms,
        total=_values([event.total for event in events]),
        learning_rate=_values([event.learning_rate for event in events]),
        seconds=_values([event.seconds for event in events]).cumsum(),
        risk=_values([event.risk for event in events]),
    )


def scores_of(track: Track) -> Scores:
    """The metrics of a method over its steps."""
    events = track.evaluated
    rows = [(m.psnr, m.ssim, m.nmse) if (m := event.metrics) else NONE for event in events]
    psnr, ssim, nmse = np.array(rows, dtype=np.float64).reshape(-1, 3).T
    return Scores(_steps([event.step for event in events]), psnr, ssim, nmse)


def marks_of(track: Track) -> tuple[Mark, ...]:
    """Where a method was steered, went on from a checkpoint, or failed; in order."""
    events: list[Steered | Started | Failed] = [*track.steered, *track.resumed]
    if track.failed:
        events.append(track.failed)
    return tuple(Mark(event.step, event) for event in sorted(events, key=lambda e: e.step))


def _steps(numbers: list[int]) -> Steps:
    return np.array(numbers, dtype=np.int64)


def _values(numbers: list[float | None]) -> Values:
    return np.array(numbers, dtype=np.float64)


def thinned(step: Values, values: Values, most: int) -> tuple[Values, Values]:
    """Means over neighbours where there are more than ``most`` points."""
    width = -(-len(step) // most)
    if width <= 1:
        return step, values
    whole = len(step) // width * width
    return (
        step[:whole].reshape(-1, width).mean(1),
        values[:whole].reshape(-1, width).mean(1),
    )
