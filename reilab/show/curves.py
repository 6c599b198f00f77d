"""Curves: the numbers of one method as arrays over its steps, ready to be drawn or written."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reilab.events import Failed, Started, Steered
from reilab.record.history import Steps, Track, Values
from reilab.show.table import METRICS, numbers_of


@dataclass(frozen=True, eq=False)
class Scores:
    """What was found at the evaluations, means over the test images; NaN where nothing was."""

    step: Steps
    psnr: Values
    ssim: Values
    nmse: Values
    psnr_range: Values
    psnr_null: Values


@dataclass(frozen=True)
class Mark:
    """Something that happened to a method after ``step``."""

    step: int
    event: Steered | Started | Failed


def scores_of(track: Track) -> Scores:
    """The metrics of a method over its steps."""
    events = track.evaluated
    # None becomes NaN.
    rows = np.array([numbers_of(event.metrics) for event in events], dtype=np.float64)
    return Scores(
        np.array([event.step for event in events], np.int64), *rows.reshape(-1, len(METRICS)).T
    )


def marks_of(track: Track) -> tuple[Mark, ...]:
    """Where a method was steered, went on from a checkpoint, or failed; in order."""
    events: list[Steered | Started | Failed] = [*track.steered, *track.resumed]
    if track.failed:
        events.append(track.failed)
    return tuple(Mark(event.step, event) for event in sorted(events, key=lambda e: e.step))


def thinned(step: Values, values: Values, most: int) -> tuple[Values, Values]:
    """Means over neighbours where there are more than ``most`` points.

    Of a curve that grows, what is there stays as it is until its number of points halves: as many
    neighbours, a power of two, are taken together from the first point on. The last few wait until
    they are as many.
    """
    width = 1 << (-(-len(step) // most) - 1).bit_length() if len(step) > most else 1
    if width == 1:
        return step, values
    steps, found = (one[: len(one) // width * width].reshape(-1, width) for one in (step, values))
    known = np.isfinite(found)
    with np.errstate(invalid="ignore"):
        means = np.where(known, found, 0).sum(1) / known.sum(1)
    return steps.mean(1), means
