"""History: the fold of a run's events, with the losses of each method."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from reilab.events import (
    Checkpointed,
    Continued,
    Evaluated,
    Event,
    Failed,
    Finished,
    Metrics,
    Paused,
    Posed,
    Started,
    Steered,
    Stepped,
    Stopped,
    Unread,
)
from reilab.record.steps import Block, StepTable, blocks_of, loss_column

Steps = NDArray[np.int64]
Values = NDArray[np.float64]
#: What a log is read as: many steps that follow each other are one block of each method.
Told: TypeAlias = Event | Block


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


def losses_of(steps: StepTable) -> Losses:
    """The losses that steps tell of."""
    return Losses(
        step=steps.column("step"),
        terms={name: steps.column(loss_column(name)) for name in steps.losses},
        total=steps.column("total"),
        learning_rate=steps.column("learning_rate"),
        seconds=steps.column("seconds").cumsum(),
        risk=steps.column("risk"),
    )


@dataclass
class Track:
    """What one method of a run has shown so far; the lists grow in step."""

    started: Started
    stepped: StepTable = field(default_factory=StepTable)
    evaluated: list[Evaluated] = field(default_factory=list)
    steered: list[Steered] = field(default_factory=list)
    #: Each time that it went on from a checkpoint.
    resumed: list[Started] = field(default_factory=list)
    failed: Failed | None = None
    finished: bool = False
    saved_step: int = 0
    #: Training time of this method, without evaluation.
    seconds: float = 0.0
    _losses: Losses | None = field(default=None, repr=False, compare=False)

    @property
    def step(self) -> int:
        """The last step that it has told of."""
        told: list[Stepped | Evaluated] = [*self.stepped[-1:], *self.evaluated[-1:]]
        return max((event.step for event in told), default=self.started.step)

    @property
    def metrics(self) -> Metrics | None:
        """Of the newest evaluation."""
        return self.evaluated[-1].metrics if self.evaluated else None

    @property
    def losses(self) -> Losses:
        """The loss curves; long runs are shown often, and these are put together once a step."""
        if self._losses is None or len(self._losses.step) != len(self.stepped):
            self._losses = losses_of(self.stepped)
        return self._losses

    def at(self, step: int) -> Evaluated | None:
        """What it showed at ``step``: the newest evaluation that is not after it."""
        index = bisect_right(self.evaluated, step, key=lambda event: event.step)
        return self.evaluated[index - 1] if index else None

    def rewind(self, started: Started) -> None:
        """Forget what lies after the checkpoint from which the method goes on."""
        at = started.step
        self.started = started
        self.stepped, self._losses = self.stepped.until(at), None
        self.seconds = sum(self.stepped.column("seconds").tolist())
        self.evaluated = [event for event in self.evaluated if event.step < at]
        self.steered = [event for event in self.steered if event.step <= at]
        self.resumed = [event for event in self.resumed if event.step <= at] + [started]
        self.finished, self.failed = False, None


@dataclass
class History:
    """The state of a run, method by method."""

    posed: Posed | None = None
    tracks: dict[str, Track] = field(default_factory=dict)
    failed: Failed | None = None
    paused: bool = False
    stopped: bool = False
    #: Lines of the log that could not be read, and how many tell of methods that never started.
    unread: list[Unread] = field(default_factory=list)
    stray: int = 0

    @property
    def finished(self) -> bool:
        return bool(self.tracks) and all(track.finished for track in self.tracks.values())

    @property
    def measurements(self) -> str:
        """How the measurements came about, as the methods say; empty before the first starts."""
        return next((track.started.measurements for track in self.tracks.values()), "")

    @property
    def moments(self) -> tuple[int, ...]:
        """The steps at which any method was evaluated, in order."""
        tracks = self.tracks.values()
        return tuple(sorted({event.step for track in tracks for event in track.evaluated}))

    @property
    def progress(self) -> float:
        """Share of all steps of all methods that are done, 0 to 1."""
        total = sum(track.started.n_steps for track in self.tracks.values())
        done = sum(track.step for track in self.tracks.values())
        return done / total if total else 0.0

    @property
    def eta(self) -> float | None:
        """Seconds of training to go at the pace so far; ``None`` before the first step."""
        left = [
            (track.started.n_steps - track.step) * track.seconds / track.step
            for track in self.tracks.values()
            if track.step and track.stepped
        ]
        if not left or len(left) < len(self.tracks):
            return None
        return side_by_side(left, self.posed.at_once if self.posed else 1)

    def add(self, event: Told) -> None:
        """Fold one event in, or many steps of a method."""
        match event:
            case Block(kind=kind, rows=rows) if kind.method not in self.tracks:
                self.stray += len(rows)
            case Block(kind=kind, rows=rows):
                self.tracks[kind.method].stepped.extend(event)
                self.tracks[kind.method].seconds = sum(
                    rows["seconds"].tolist(), self.tracks[kind.method].seconds
                )
            case Stepped() | Evaluated() | Steered() | Finished() if (
                event.method not in self.tracks
            ):
                self.stray += 1
            case Unread():
                self.unread.append(event)
            case Posed():
                self.posed, self.failed = event, None
                self.paused = self.stopped = False
            case Started(method=method) if method in self.tracks:
                self.tracks[method].rewind(event)
            case Started(method=method):
                self.tracks[method] = Track(event)
            case Stepped():
                self.add(*blocks_of([event]))
            case Evaluated(method=method):
                _replace_or_append(self.tracks[method].evaluated, event)
            case Steered(method=method):
                self.tracks[method].steered.append(event)
            case Checkpointed(method=method, step=step) if method in self.tracks:
                self.tracks[method].saved_step = step
            case Finished(method=method):
                self.tracks[method].finished = True
            case Failed(method=method):
                self.failed = event
                if method in self.tracks:
                    self.tracks[method].failed = event
            case Paused():
                self.paused = True
            case Continued():
                self.paused = False
            case Stopped():
                self.stopped = True


def side_by_side(seconds: Sequence[float], at_once: int) -> float:
    """How long methods take that need so many seconds each, some of them at the same time."""
    return max(*seconds, sum(seconds) / at_once)


def history_of(events: Iterable[Told]) -> History:
    """The fold of ``events``."""
    history = History()
    for event in events:
        history.add(event)
    return history


def _replace_or_append(evaluated: list[Evaluated], event: Evaluated) -> None:
    """A resumed run evaluates its first step again, with the same result."""
    if evaluated and evaluated[-1].step == event.step:
        evaluated[-1] = event
    else:
        evaluated.append(event)
