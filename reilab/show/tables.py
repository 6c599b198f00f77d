"""Tables of a run as CSV, for spreadsheets and scripts; units are in the headings."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from reilab.record.history import History
from reilab.show.results import results
from reilab.show.table import COLUMNS, METRICS, STEP, numbers_of

HEADINGS = tuple(column.heading for column in METRICS)


def metrics_csv(history: History) -> str:
    """A row for A†y and one for each method, at its newest evaluation."""
    columns = (STEP, *COLUMNS)
    return written(
        ["method", *(column.heading for column in columns)],
        ([row.method, *(column.of(row) for column in columns)] for row in results(history)),
    )


def curves_csv(history: History) -> str:
    """A row for each method and step at which something was logged; seconds are of training."""
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
    return written(heading, rows)


def written(heading: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table as CSV."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(heading)
    writer.writerows(rows)
    return stream.getvalue()
