"""Table: the metrics of what is shown, as cells for screens and as text for spreadsheets."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from reilab.lab.summary import Row
from reilab.show.columns import COLUMNS as METRICS
from reilab.show.columns import numbers_of

#: Name, unit and digits of each column after that of the method.
COLUMNS: tuple[tuple[str, str, str], ...] = (
    *((column.title, column.unit, column.form) for column in METRICS),
    ("Gain over A†y", "dB", "+.2f"),
    ("Gap to supervised", "dB", ".2f"),
    ("Training time", "s", ".0f"),
    ("Speed", "it/s", ".1f"),
    ("Parameters", "", ",.0f"),
)


def numbers(row: Row) -> tuple[float | None, ...]:
    """The numbers of a row, in the order of the columns."""
    result = row.result
    return (
        *numbers_of(result.metrics),
        result.gain,
        result.gap,
        result.seconds,
        result.steps_per_second,
        result.parameters,
    )


def words(row: Row) -> tuple[str, ...]:
    """The numbers of a row as they are shown, a dash where there is none."""
    return tuple(
        "–" if value is None else format(value, form)
        for value, (_, _, form) in zip(numbers(row), COLUMNS, strict=True)
    )


def as_text(rows: Sequence[Row], between: str) -> str:
    """The table with all digits, for spreadsheets."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=between, lineterminator="\n")
    writer.writerow(
        ["Method", *(f"{name} [{unit}]" if unit else name for name, unit, _ in COLUMNS)]
    )
    for row in rows:
        values = ("" if value is None else f"{value:.6g}" for value in numbers(row))
        writer.writerow([row.name, *values])
    return out.getvalue()
