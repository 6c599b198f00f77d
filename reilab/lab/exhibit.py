"""Exhibit: images, table and curves of results, and the slider that moves through their past."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any

import panel as pn

from reilab.lab.board import Swipe
from reilab.lab.charts import Charts
from reilab.lab.content import Content
from reilab.lab.explain import explain, label
from reilab.lab.imagetools import ImageTools, tool
from reilab.lab.library import SummaryRow
from reilab.lab.matrix import Matrix
from reilab.lab.style import LINE, TALL
from reilab.lab.text import block, heading, quiet, set_html, small_button, text
from reilab.lab.view import View
from reilab.lab.web.components import Browser, DataTable, Field, put
from reilab.show.panes import MEASUREMENT
from reilab.show.table import COLUMNS, STEP
from reilab.show.words import method_colour, number_text

ROW = {**TALL, "gap": "14px", "align-items": "center", "flex-wrap": "nowrap"}


class Timeline(pn.viewable.Viewer):
    """Which moment is shown; it follows the live end until somebody moves it."""

    def __init__(self, view: View) -> None:
        super().__init__()
        self._look = view
        self._moments: Sequence[int] = []
        self._play = small_button("▶ Play", lambda: view.play(self._moments), "play")
        self._live = small_button(
            "Live", lambda: view.param.update(at=None, playing=False), "live", "contained"
        )
        self._slider = Field(
            kind="slide",
            label=label("moment"),
            help=explain("moment"),
            span=[0, 1, 1],
            value="0",
            place="inline silent",
            css_classes=["reilab-moment"],
            sizing_mode="stretch_width",
            margin=0,
            align="center",
        )
        self._words = text()
        self._view = pn.Row(
            self._play,
            self._slider,
            self._words,
            self._live,
            visible=False,
            margin=(10, 0, 0, 0),
            sizing_mode="stretch_width",
            styles=ROW,
        )
        self._slider.param.watch(self._move, "value")
        view.param.watch(self._show, ["at", "playing"])

    def __panel__(self) -> pn.viewable.Viewable:
        return self._view

    @property
    def moments(self) -> Sequence[int]:
        """The steps that can be shown."""
        return self._moments

    def update(self, moments: Sequence[int]) -> None:
        """Offer these moments."""
        self._moments = moments
        self._view.visible = len(moments) > 1
        self._show()

    def _show(self, *_: Any) -> None:
        look, moments = self._look, self._moments
        if len(moments) < 2:
            return
        place, live = look.place(moments), look.at is None
        words = f"step {moments[place]:,}"
        put(self._slider, span=[0, len(moments) - 1, 1], value=str(place), words=words)
        self._play.label = "❚❚ Halt" if look.playing else "▶ Play"
        self._live.variant = "contained" if live else "outlined"
        set_html(self._words, f'<span class="moment reilab-step">{words}</span>')

    def _move(self, event: Any) -> None:
        place = int(event.new)
        if place != self._look.place(self._moments):
            self._look.param.update(playing=False)
            self._look.go_to(self._moments, place)


GRID = {
    **TALL,
    "display": "grid",
    "grid-auto-rows": "max-content",
    "gap": "14px",
    "grid-template-columns": "repeat(auto-fit, minmax(min(100%, 360px), 1fr))",
}


class CurvePlots(pn.viewable.Viewer):
    """The charts in a grid."""

    def __init__(self, view: View) -> None:
        super().__init__()
        self._charts = Charts(view)
        # A column holds a button of its own, which would take a place in the grid.
        self._view = pn.Row(sizing_mode="stretch_width", margin=0, styles=GRID)

    def __panel__(self) -> pn.viewable.Viewable:
        return self._view

    def update(self, content: Content) -> None:
        """Bring the charts up to date."""
        if self._charts.update(content):
            # Last, because the browser does not know new figures before it has been given them.
            self._view.objects = [
                pn.pane.Bokeh(figure, sizing_mode="stretch_width", margin=0)
                for figure in self._charts.figures.values()
            ]


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
    """The table with all digits and facts, for spreadsheets."""
    out = io.StringIO()
    writer = csv.writer(out, delimiter=between, lineterminator="\n")
    facts, columns = (
        list(dict.fromkeys(name for row in rows for name in row.facts)),
        (STEP, *COLUMNS),
    )
    writer.writerow([*facts, "Method", *(column.head for column in columns)])
    for row in rows:
        values = (column.of(row.result) for column in columns)
        numbers = ("" if v is None else f"{v:.6g}" for v in values)
        writer.writerow([*(row.facts.get(name, "") for name in facts), row.name, *numbers])
    return out.getvalue()


def _line(row: SummaryRow) -> dict[str, Any]:
    cells: list[dict[str, Any]] = [{"text": row.name}]
    cells += [{"text": one.shown(row.result), "order": one.of(row.result)} for one in COLUMNS]
    return {"key": row.key, "colour": row.colour or method_colour(row.key), "cells": cells}


LOSS_HINT = "Click a name to hide its line. Dotted upright lines: something was changed there."
#: Least and greatest smoothing, and its step.
SMOOTH = [0, 0.98, 0.02]
#: What changes the look of an exhibit, apart from what it shows.
LOOKS = ("hidden", "sample", "at", "window", "colours", "swipe", "left", "right")
STRETCH: dict[str, Any] = {"sizing_mode": "stretch_width", "margin": 0}


class Exhibit(pn.viewable.Viewer):
    """All views of some results; ``show`` sends only what has changed.

    Args:
        view: how they are looked at.
        browser: takes files to the person.
        name: of the files.
        between: what stands between the curves and the table.
        hint: what to know of the curves.
    """

    def __init__(
        self,
        view: View,
        browser: Browser,
        name: str,
        *between: pn.viewable.Viewable,
        hint: str = LOSS_HINT,
    ) -> None:
        super().__init__()
        self._look = view
        self.timeline, self._matrix, self._key = Timeline(view), Matrix(view), block()
        self.board = self._matrix.lead
        self.tools = ImageTools(view, self.board.reset_view)
        self._swipe, self._curves = Swipe(view, self.board.pictures), CurvePlots(view)
        self._results = Results(browser, name)
        self._smoothing = tool("slide", "smoothing", "Smoothing", "inline", 190, span=SMOOTH)
        self._log = tool("toggles", "log", "Scale", "inline silent", options=[["log", "Log scale"]])
        self._smoothing.param.watch(self._read, "value")
        self._log.param.watch(self._read, "value")
        view.param.watch(self._show_tools, ["smoothing", "log_losses"])
        self._show_tools()
        self._view = pn.Column(
            self.timeline,
            self.tools,
            self._swipe,
            self._matrix,
            section("Curves", hint, self._smoothing, self._log),
            self._key,
            self._curves,
            *between,
            section("Results", ""),
            self._results,
            visible=False,
            styles=dict(TALL),
            **STRETCH,
        )

    def __panel__(self) -> pn.viewable.Viewable:
        return self._view

    def hide(self) -> None:
        """Show nothing."""
        self._view.visible = False

    def show(self, content: Content) -> bool:
        """Bring every view up to date; whether there are more rows of images to come."""
        self._view.visible = True
        scene = content.scene
        scenes = scene.rows or [scene]
        panes = {shot.key: shot.title for one in scenes for shot in one.shots}
        if scene.measurement:
            panes[MEASUREMENT] = "Measurement"
        colour = scene.shots[0].image.shape[-1] == 3
        self.timeline.update(content.moments)
        self.tools.update(content.n_images, panes, colour)
        more = self._matrix.update(scene, content.heads)
        set_html(self._key, content.key)
        self._swipe.update(scene)
        self._curves.update(content)
        self._results.update(content.rows)
        return more

    def _read(self, *_: Any) -> None:
        # Read both before either is written: writing one shows both anew.
        smoothing, log = float(self._smoothing.value), bool(self._log.value)
        self._look.param.update(smoothing=smoothing, log_losses=log)

    def _show_tools(self, *_: Any) -> None:
        log = "log" if self._look.log_losses else ""
        self._smoothing.value = number_text(self._look.smoothing)
        self._log.value = log


def section(title: str, remark: str, *tools: pn.viewable.Viewable) -> pn.Row:
    """The heading of a section with a remark and what belongs to it."""
    return pn.Row(
        heading(title, align="center"),
        quiet(remark),
        *tools,
        styles=dict(LINE),
        sizing_mode="stretch_width",
        margin=(22, 0, 8, 0),
    )
