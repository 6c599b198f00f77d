"""Thin copies of finished runs: small enough to be passed on, and whole enough to be looked at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from reilab.events import (
    Evaluated,
    Event,
    Finished,
    Images,
    Metrics,
    Posed,
    Started,
    Steered,
    Stepped,
)
from reilab.record.folder import RunFolder, made_whole
from reilab.record.history import History, history_of
from reilab.training.checkpoint import copy_network

T = TypeVar("T")


def thin(
    folder: RunFolder, target: Path, images: int = 2, moments: int = 8, entries: int = 200
) -> RunFolder:
    """Make a copy of a finished run without what only a run that goes on would need.

    It tells of one run without a break. It keeps what was asked for, the networks it ended with,
    its first test images, and some of its evaluations, closer together at first, where networks
    change fastest.

    Args:
        folder: of the run.
        target: the folder to make; see ``RunFolder.create``.
        images: test images to keep of each evaluation.
        moments: evaluations to keep of each method, and
        entries: values of its losses.

    Raises:
        ValueError: the run is not finished, or a number is too small.
        FileExistsError: the target exists and is not empty.
    """
    events = list(folder.events())
    history = history_of(events)
    if not history.finished:
        raise ValueError(
            f"{folder.path} is not finished; `reilab runs resume {folder.path}` goes on with it"
        )
    for name, value, least in (
        ("images", images, 1),
        ("moments", moments, 2),
        ("entries", entries, 2),
    ):
        if value < least:
            raise ValueError(f"{name} = {value} must be at least {least}")
    with made_whole(target, folder.config) as copy:
        for event in _thinned(list(_uninterrupted(events, history)), images, moments, entries):
            copy.record(event)
        for method in history.tracks:
            copy_network(folder.checkpoint(method), copy.checkpoint(method))
    return copy


def _uninterrupted(events: Sequence[Event], history: History) -> Iterator[Event]:
    """The run as it would have been had nobody paused, stopped and resumed it."""
    assert history.posed is not None
    yield history.posed
    for method, track in history.tracks.items():
        first = next(one for one in events if isinstance(one, Started) and one.method == method)
        yield replace(first, n_steps=track.started.n_steps)
    told: list[Stepped | Evaluated | Steered] = []
    for track in history.tracks.values():
        told += [*track.stepped, *track.evaluated, *track.steered]
    yield from sorted(told, key=lambda event: event.step)
    # Each method once: a run of old that was resumed at its end has told it twice.
    yield from {one.method: one for one in events if isinstance(one, Finished)}.values()


def _thinned(events: Sequence[Event], images: int, moments: int, entries: int) -> Iterator[Event]:
    ends = {one.method: one.ends_with for one in events if isinstance(one, Finished)}
    shown = {
        method: spread_out(_steps(events, Evaluated, method), moments) | {end or 0}
        for method, end in ends.items()
    }
    told = {method: evenly(_steps(events, Stepped, method), entries) for method in ends}
    for event in events:
        match event:
            case Posed():
                yield _with_first_images(event, images)
            case Evaluated() if event.step in shown[event.method]:
                yield replace(
                    event, images=_first(event.images, images), per_image=_cut(event, images)
                )
            case Stepped() if event.step in told[event.method]:
                yield event
            case Evaluated() | Stepped():
                pass
            case _:
                yield event


def _steps(events: Iterable[Event], kind: type[Evaluated | Stepped], method: str) -> list[int]:
    return sorted({one.step for one in events if isinstance(one, kind) and one.method == method})


def spread_out(steps: Sequence[int], n: int) -> set[int]:
    """About n of some steps, the first and the last among them, evenly by their logarithm.

    >>> sorted(spread_out([0, 1, 2, 4, 8, 16, 50, 100, 150, 200], 4))
    [0, 4, 50, 200]
    """
    places = np.geomspace(1, steps[-1] + 1, n) - 1
    return {min(steps, key=lambda step: abs(step - place)) for place in places}


def evenly(steps: Sequence[int], n: int) -> set[int]:
    """At most n of some steps, the last among them, at even distances.

    >>> sorted(evenly([10, 20, 30, 40, 50], 3))
    [10, 30, 50]
    """
    stride = -(-len(steps) // n)
    return set(steps[::-1][::stride])


def _with_first_images(posed: Posed, n: int) -> Posed:
    return replace(
        posed,
        pinv=_first(posed.pinv, n),
        truth=posed.truth if posed.truth is None else _first(posed.truth, n),
        measurement=(
            posed.measurement if posed.measurement is None else _first(posed.measurement, n)
        ),
        pinv_per_image=posed.pinv_per_image and posed.pinv_per_image[:n],
    )


def _cut(event: Evaluated, n: int) -> tuple[Metrics, ...] | None:
    return event.per_image and event.per_image[:n]


def _first(images: Images, n: int) -> Images:
    return np.asarray(images)[:n]
