"""Exports: a run as files to keep: pictures, curves, the command that repeats it, a report."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass

from reilab.record.folder import RunFolder
from reilab.record.history import History
from reilab.runs.command import command_of
from reilab.runs.report import report_html
from reilab.show.panes import error_png, pane_names, pane_png
from reilab.show.tables import curves_csv

#: The error maps of the pictures end here, so that they can be compared between runs.
ERROR_END = 0.2
#: These have no error map.
FLAWLESS = ("truth", "measurement")


@dataclass(frozen=True)
class File:
    """A file for the person in front of the browser."""

    name: str
    content: bytes
    kind: str


def pictures(folder: RunFolder, history: History, sample: int, step: int | None) -> File:
    """Every pane and error map of one test image at one moment, at full resolution."""
    at = max(history.moments, default=0) if step is None else step
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in pane_names(history):
            archive.writestr(f"{name}.png", pane_png(history, name, sample, at))
            if name not in FLAWLESS and "truth" in pane_names(history):
                png = error_png(history, name, sample, at, ERROR_END)
                archive.writestr(f"{name}-error.png", png)
    return File(f"{folder.name}-step-{at}.zip", out.getvalue(), "application/zip")


def curves(folder: RunFolder, history: History) -> File:
    """All curves, one row for each entry of the log."""
    return File(f"{folder.name}-curves.csv", curves_csv(history).encode(), "text/csv")


def report(folder: RunFolder) -> File:
    """One page that needs no connection."""
    return File(f"{folder.name}.html", report_html(folder).encode(), "text/html")


def command(folder: RunFolder) -> File:
    """The command that repeats the run."""
    return File(f"{folder.name}.sh", f"{command_of(folder)}\n".encode(), "text/x-shellscript")
