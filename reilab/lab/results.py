"""Results: the table of metrics of what is shown, to sort, copy and keep."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

import panel as pn

from reilab.lab.buttons import small_button
from reilab.lab.style import TALL, colour_of
from reilab.lab.summary import Row
from reilab.lab.text import quiet
from reilab.lab.web.components import Browser, DataTable

COLUMNS: tuple[tuple[str, str, str], ...] = (
    ("PSNR", "dB", ".2f"),
    ("SSIM", "", ".3f"),
    ("NMSE", "", ".4f"),
    ("Gain over A†y", "dB", "+.2f"),
    ("Gap to supervised", "dB", ".2f"),
    ("Training time", "s", ".0f"),
    ("Speed", "it/s", ".1f"),
    ("Parameters", "", ",.0f"),
)
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
        self._rows: tuple[Row, ...] = ()
        columns = [["Method", ""], *([name, unit] for name, unit, _ in COLUMNS)]
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

    def update(self, rows: Sequence[Row]) -> None:
        """Show these rows."""
        if tuple(rows) != self._rows:
            self._rows = tuple(rows)
            self._table.rows = [_line(row) for row in rows]

    def _save(self) -> None:
        content = as_text(self._rows, ",").encode()
        self._browser.download(f"{self._stem}.csv", content, "text/csv")


def numbers(row: Row) -> tuple[float | None, ...]:
    """The numbers of a row, in the order of the columns."""
    found, result = row.result.metrics, row.result
    return (
        *((found.psnr, found.ssim, found.nmse) if found else (None, None, None)),
        result.gain,
        result.gap,
        result.seconds,
        result.steps_per_second,
        result.parameters,
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


def _line(row: Row) -> dict[str, Any]:
    cells: list[dict[str, Any]] = [{"text": row.name}]
    for value, (_, _, form) in zip(numbers(row), COLUMNS, strict=True):
        cells.append({"text": "–" if value is None else format(value, form), "order": value})
    return {"key": row.key, "colour": row.colour or colour_of(row.key), "cells": cells}
