"""Results: the table of metrics of what is shown, to sort, copy and keep."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

import panel as pn

from reilab.lab.buttons import small_button
from reilab.lab.style import TALL
from reilab.lab.summary import SummaryRow
from reilab.lab.text import quiet
from reilab.lab.web.components import Browser, DataTable
from reilab.show.table import COLUMNS
from reilab.show.words import method_colour

REMARK = "Means over all test images. A head sorts the table."


class Results(pn.viewable.Viewer):
    """One row for A†y and for every method.

    Args:
        browser: takes copies and files to the person.
        stem: of the file name of the CSV file.
    """

    def __init__(self, browser: Browser, stem: str) -> None:
        super().__init__()
        self._browser, self._stem = browser, stem
        self._rows: tuple[SummaryRow, ...] = ()
        columns = [["Method", ""], *([one.title, one.unit] for one in COLUMNS)]
        self._table = DataTable(
            title="Results",
            columns=columns,
            css_classes=["reilab-results"],
            sizing_mode="stretch_width",
            margin=0,
        )
        copy = small_button("Copy", lambda: browser.copy(as_text(self._rows, "\t")), "results copy")
        save = small_button("CSV", self._save, "results csv")
        line = pn.Row(
            quiet(REMARK),
            copy,
            save,
            margin=(0, 0, 6, 0),
            styles={"gap": "8px", "align-items": "center", "flex-wrap": "wrap"},
            sizing_mode="stretch_width",
        )
        self._view = pn.Column(
            line, self._table, margin=0, sizing_mode="stretch_width", styles=dict(TALL)
        )

    def __panel__(self) -> pn.viewable.Viewable:
        return self._view

    def update(self, rows: Sequence[SummaryRow]) -> None:
        """Show these rows."""
        if tuple(rows) != self._rows:
            self._rows = tuple(rows)
            self._table.show([_line(row) for row in rows])

    def _save(self) -> None:
        content = as_text(self._rows, ",").encode()
        self._browser.download(f"{self._stem}.csv", content, "text/csv")


def as_text(rows: Sequence[SummaryRow], between: str) -> str:
    """The table with all digits, for spreadsheets."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=between, lineterminator="\n")
    writer.writerow(["Method", *(column.head for column in COLUMNS)])
    for row in rows:
        values = (column.of(row.result) for column in COLUMNS)
        writer.writerow([row.name, *("" if v is None else f"{v:.6g}" for v in values)])
    return out.getvalue()


def _line(row: SummaryRow) -> dict[str, Any]:
    cells: list[dict[str, Any]] = [{"text": row.name}]
    cells += [{"text": one.shown(row.result), "order": one.of(row.result)} for one in COLUMNS]
    return {"key": row.key, "colour": row.colour or method_colour(row.key), "cells": cells}
