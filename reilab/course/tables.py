"""Tables that a notebook shows as HTML and a terminal as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from reilab.record.history import History
from reilab.show.results import results
from reilab.show.table import GAIN, METRICS, NOTHING, SECONDS, Column, Result
from reilab.show.words import method_title

#: Metrics of which gains are told.
GAINED = tuple(one for one in METRICS if one.name in ("psnr", "psnr_range", "psnr_null"))
#: Columns of the table of results.
SHOWN = (*GAINED, *(one for one in METRICS if one.name == "ssim"), GAIN, SECONDS)


@dataclass(frozen=True)
class Table:
    """Rows with one value for each heading; numbers are rounded to four digits."""

    rows: Sequence[Mapping[str, object]]

    def __str__(self) -> str:
        lines = [list(self.rows[0]), *([_told(v) for v in row.values()] for row in self.rows)]
        widths = [max(len(line[place]) for line in lines) for place in range(len(lines[0]))]
        return "\n".join(
            "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True))
            for line in lines
        )

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{escape(name)}</th>" for name in self.rows[0])
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(_told(v))}</td>" for v in row.values()) + "</tr>"
            for row in self.rows
        )
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def results_table(history: History) -> Table:
    """A†y, then each method: metrics of the test images, gain over A†y, seconds of training."""
    return Table(
        [
            {"Method": method_title(row.method)} | {one.head: one.shown(row) for one in SHOWN}
            for row in results(history)
        ]
    )


def gains_table(history: History) -> Table:
    """What each method has gained over A†y: in all, of what A sees, and of what it does not."""
    start, *methods = results(history)
    return Table(
        [
            {"Method": method_title(row.method)}
            | {f"{one.head}, gain": _gain(one, row, start) for one in GAINED}
            for row in methods
        ]
    )


def _gain(column: Column, row: Result, start: Result) -> str:
    value, before = column.of(row), column.of(start)
    return NOTHING if value is None or before is None else f"{value - before:+.2f}"


def _told(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
