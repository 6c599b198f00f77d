"""Results: what the methods of a run have come to, one row each, and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence

from reilab.events import Metrics
from reilab.record.history import History, Track
from reilab.show.table import COLUMNS, METRICS, STEP, Result, numbers_of
from reilab.show.words import in_order

#: The backprojection or other fixed reconstruction, which every method starts from.
BASELINE = "A†y"


def results(history: History) -> list[Result]:
    """A†y and other baselines, then each method at its newest evaluation."""
    if history.posed is None:
        return []
    start = history.posed.pinv_metrics
    best = next(
        (t.metrics for t in history.tracks.values() if t.started.oracle and t.metrics), None
    )
    rows = [Result(BASELINE, metrics=start, gap=_above(best, start))]
    for name, one in history.posed.baselines.items():
        rows.append(Result(name, metrics=one, gain=_above(one, start), gap=_above(best, one)))
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
                oracle=track.started.oracle,
            )
        )
    return rows


def _above(better: Metrics | None, worse: Metrics | None) -> float | None:
    return better.psnr - worse.psnr if better and worse else None


def pace(track: Track) -> float | None:
    """Steps of training per second, once there is one."""
    return track.step / track.seconds if track.seconds else None


HEADINGS = tuple(column.heading for column in METRICS)


def metrics_csv(history: History, facts: Mapping[str, str]) -> str:
    """A row for A†y and one for each method, at its newest evaluation; each with these facts."""
    columns = (STEP, *COLUMNS)
    return written(
        ["method", *(column.heading for column in columns)],
        ([row.method, *(column.of(row) for column in columns)] for row in results(history)),
        facts,
    )


def curves_csv(history: History, facts: Mapping[str, str]) -> str:
    """A row for each method and step at which something was logged; seconds are of training.

    Each begins with these facts of the run.
    """
    tracks = history.tracks.values()
    terms = list(dict.fromkeys(name for t in tracks for e in t.stepped for name in e.losses))
    heading = ["method", "step", "seconds", "learning_rate", "total", *terms, "risk", *HEADINGS]
    rows: list[list[object]] = []
    for method, track in history.tracks.items():
        logged = {event.step: event for event in track.stepped}
        found = {event.step: event.metrics for event in track.evaluated}
        seconds = 0.0
        for step in sorted(logged.keys() | found.keys()):
            row: list[object] = [method, step]
            if event := logged.get(step):
                seconds += event.seconds
                losses = [event.losses.get(name) for name in terms]
                row += [seconds, event.learning_rate, event.total, *losses, event.risk]
            else:
                row += [seconds, *[None] * (len(terms) + 3)]
            rows.append([*row, *numbers_of(found.get(step))])
    return written(heading, rows, facts)


def written(
    heading: Sequence[str], rows: Iterable[Sequence[object]], facts: Mapping[str, object] = {}
) -> str:
    """A table as CSV; facts of all rows lead each of them."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([*facts, *heading])
    writer.writerows([*facts.values(), *row] for row in rows)
    return stream.getvalue()
