"""Table: the metrics of a run in a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from reilab.lab.summary import SummaryRow
from reilab.show.table import COLUMNS
from reilab.show.words import method_colour


def table_html(rows: Sequence[SummaryRow]) -> str:
    """One row for A†y and for every method; units are in the heads."""
    heads = "".join(
        f'<th scope="col">{escape(one.title)}{one.unit and f" <small>{one.unit}</small>"}</th>'
        for one in COLUMNS
    )
    body = "".join(_row(row) for row in rows)
    return (
        '<table class="reilab-results"><caption>Means over all test images</caption>'
        f'<thead><tr><th scope="col">Method</th>{heads}</tr></thead><tbody>{body}</tbody></table>'
    )


def _row(row: SummaryRow) -> str:
    chip = f'<span class="chip" style="background:{row.colour or method_colour(row.key)}"></span>'
    cells = "".join(f"<td>{column.shown(row.result)}</td>" for column in COLUMNS)
    return f'<tr><th scope="row">{chip}{escape(row.name)}</th>{cells}</tr>'
