"""Results: what the methods of a run have come to, one row each."""

from __future__ import annotations

from reilab.events import Metrics
from reilab.record.history import History, Track
from reilab.show.table import Result
from reilab.show.words import in_order

#: The backprojection or other fixed reconstruction, which every method starts from.
BASELINE = "A†y"


def results(history: History) -> list[Result]:
    """A†y, then each method at its newest evaluation."""
    if history.posed is None:
        return []
    start = history.posed.pinv_metrics
    best = next(
        (t.metrics for t in history.tracks.values() if t.started.oracle and t.metrics), None
    )
    rows = [Result(BASELINE, metrics=start, gap=_above(best, start))]
    for method in in_order(history):
        track = history.tracks[method]
        found = track.metrics
        rows.append(
            Result(
                method,
                step=track.evaluated[-1].step if track.evaluated else None,
                metrics=found,
                gain=_above(found, start),
                gap=None if track.started.oracle else _above(best, found),
                seconds=track.seconds if track.stepped else None,
                steps_per_second=pace(track),
                parameters=track.started.n_parameters,
            )
        )
    return rows


def _above(better: Metrics | None, worse: Metrics | None) -> float | None:
    return better.psnr - worse.psnr if better and worse else None


def pace(track: Track) -> float | None:
    """Steps of training per second, once there is one."""
    return track.step / track.seconds if track.seconds else None
