"""Moments: what a run looked like at one of its steps; pure functions of its history."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reilab.events import Evaluated, Images, Metrics
from reilab.record.history import History, Track
from reilab.show.panes import MEASUREMENT, PINV, TRUTH
from reilab.show.results import BASELINE
from reilab.show.words import in_order, method_colour, method_title

Values = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Shot:
    """An image of a run at one moment, and how good it is; ``image`` is (H, W, C)."""

    key: str
    title: str
    colour: str
    sample: int
    step: int
    image: Values
    truth: Values | None = None
    metrics: Metrics | None = None

    @property
    def judged(self) -> bool:
        """Whether a method has made it, so that its errors are what people compare."""
        return self.key not in (TRUTH, PINV, MEASUREMENT)


def moments(histories: Iterable[History]) -> list[int]:
    """The steps from which there are images, of any of these runs, in order."""
    return sorted({step for history in histories for step in history.moments})


def shots(history: History, sample: int, at: int | None) -> list[Shot]:
    """Ground truth, A†y and every method that has images, of one test image at one moment."""
    posed = history.posed
    if posed is None:
        return []
    truth = None if posed.truth is None else _read(posed.truth, sample)
    found = []
    if truth is not None:
        found.append(Shot(TRUTH, "Ground truth", method_colour(TRUTH), sample, 0, truth))
    pinv = _read(posed.pinv, sample)
    start = _of(posed.pinv_per_image, sample)
    found.append(Shot(PINV, BASELINE, method_colour(PINV), sample, 0, pinv, truth, start))
    for name in in_order(history):
        event = _at(history.tracks[name], at)
        if event is not None:
            title, colour = method_title(name), method_colour(name)
            metrics = _of(event.per_image, sample)
            image = _read(event.images, sample)
            found.append(Shot(name, title, colour, sample, event.step, image, truth, metrics))
    return found


def measurement(history: History, sample: int) -> Shot | None:
    """The picture of the measurement of one test image, if the run has kept one."""
    posed = history.posed
    if posed is None or posed.measurement is None:
        return None
    title, image = posed.measurement_title, _read(posed.measurement, sample)
    return Shot(MEASUREMENT, title, method_colour(MEASUREMENT), sample, 0, image)


def _read(images: Images, sample: int) -> Values:
    return np.asarray(images[sample], np.float32)


def _at(track: Track, at: int | None) -> Evaluated | None:
    if at is None:
        return track.evaluated[-1] if track.evaluated else None
    return track.at(at)


def _of(metrics: tuple[Metrics, ...] | None, sample: int) -> Metrics | None:
    return metrics[sample] if metrics else None
