"""Tables that a notebook shows as HTML and a terminal as text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from reilab.record.history import History
from reilab.show.columns import COLUMNS, Column
from reilab.show.results import Result, results
from reilab.show.words import method_title

#: Metrics in the table of results.
SHOWN = ("psnr", "psnr_range", "psnr_null", "ssim")
#: Metrics of which gains are told.
GAINED = ("psnr", "psnr_range", "psnr_null")


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
    rows = []
    for row in results(history):
        rows.append(
            {
                "method": method_title(row.method),
                **{one.head: one.shown(row.metrics) for one in COLUMNS if one.name in SHOWN},
                "gain over A†y [dB]": "" if row.gain is None else f"{row.gain:+.2f}",
                "seconds": "" if row.seconds is None else f"{row.seconds:.0f}",
            }
        )
    return Table(rows)


def gains_table(history: History) -> Table:
    """What each method has gained over A†y: in all, of what A sees, and of what it does not."""
    start, *methods = results(history)
    gained = [column for column in COLUMNS if column.name in GAINED]
    return Table(
        [
            {"method": method_title(row.method)}
            | {f"{one.head}, gain": _gain(one, row, start) for one in gained}
            for row in methods
        ]
    )


def _gain(column: Column, row: Result, start: Result) -> str:
    value, before = column.of(row.metrics), column.of(start.metrics)
    return "" if value is None or before is None else f"{value - before:+.2f}"


def _told(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
