"""Exhibit: images, table and curves of results, and the slider that moves through their past."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import panel as pn

from reilab.lab.charts import Charts
from reilab.lab.content import PSNR, Content, SummaryRow
from reilab.lab.explain import explain, label
from reilab.lab.imagetools import ImageTools, tool
from reilab.lab.matrix import Matrix
from reilab.lab.overlay import Overlay
from reilab.lab.profile import Profile
from reilab.lab.style import LINE, TALL
from reilab.lab.takehome import Facts, FigureTools
from reilab.lab.text import block, heading, quiet, set_html, small_button, text
from reilab.lab.view import View
from reilab.lab.web.components import Browser, DataTable, Field, put
from reilab.show.panes import MEASUREMENT
from reilab.show.table import COLUMNS, TableLine, as_latex, as_text
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
            "Live", lambda: view.param.update(at=None, playing=False), "live", "full"
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
            margin=(10, 0),
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
        self._live.look = "full" if live else ""
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
        self._charts, self._panes = Charts(view), dict[Any, pn.pane.Bokeh]()
        # A column holds a button of its own, which would take a place in the grid.
        self._view = pn.Row(sizing_mode="stretch_width", margin=0, styles=GRID)

    def __panel__(self) -> pn.viewable.Viewable:
        return self._view

    def update(self, content: Content) -> None:
        """Bring the charts up to date."""
        if self._charts.update(content):
            # Last, because the browser does not know new figures before it has been given them.
            self._panes = {
                figure: self._panes.get(figure)
                or pn.pane.Bokeh(figure, sizing_mode="stretch_width", margin=0)
                for figure in self._charts.figures.values()
            }
            self._view.objects = list(self._panes.values())


REMARK = "Means over all test images. A head sorts the table."


class Results(pn.viewable.Viewer):
    """One row for A†y and for every method.

    Args:
        browser: takes copies and files to the person.
        stem: of the names of files.
        facts: of the runs that are shown.
    """

    def __init__(self, browser: Browser, stem: str, facts: Callable[[], Facts] = dict) -> None:
        super().__init__()
        self._browser, self._stem, self._facts = browser, stem, facts
        self._rows: tuple[SummaryRow, ...] = ()
        columns = [["Method", ""], *([one.title, one.unit] for one in COLUMNS)]
        self._table = DataTable(
            title="Results",
            columns=columns,
            css_classes=["reilab-results"],
            sizing_mode="stretch_width",
            margin=0,
        )
        buttons = (
            small_button(
                "Copy", lambda: browser.copy(as_text(self._lines(), "\t")), "results copy"
            ),
            small_button(
                "CSV", lambda: self._save("csv", as_text(self._lines(), ",")), "results csv"
            ),
            small_button(
                "LaTeX", lambda: self._save("tex", as_latex(self._lines())), "results tex"
            ),
        )
        line = pn.Row(
            quiet(REMARK),
            *buttons,
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

    def _lines(self) -> list[TableLine]:
        return lines_of(self._rows, self._facts())

    def _save(self, suffix: str, content: str) -> None:
        self._browser.download(f"{self._stem}.{suffix}", content.encode(), "text/plain")


def lines_of(rows: Sequence[SummaryRow], facts: Facts) -> list[TableLine]:
    """The rows with the facts of their runs, to be written to files.

    The key of a row begins with the letter of its run where there are several, but for A†y.
    """
    first = next(iter(facts.values()), {})
    return [
        TableLine(row.name, row.result, facts.get(row.key.partition("/")[0], first)) for row in rows
    ]


def _line(row: SummaryRow) -> dict[str, Any]:
    cells: list[dict[str, Any]] = [{"text": row.name}]
    cells += [{"text": one.shown(row.result), "order": one.of(row.result)} for one in COLUMNS]
    return {"key": row.key, "colour": row.colour or method_colour(row.key), "cells": cells}


LOSS_HINT = "A name in a legend hides its line. Dotted upright lines: something was changed there."
#: Least and greatest smoothing, and its step.
SMOOTH = [0, 0.98, 0.02]
#: What changes the look of an exhibit, apart from what it shows.
LOOKS = (
    *("hidden", "sample", "at", "part", "window", "colours", "swipe", "over", "left", "right"),
    *("profile", "present"),
)
#: Curves and what stands between them and the table: below each other, or side by side.
LOWER = {
    False: {**TALL, "display": "flex", "flex-direction": "column", "gap": "0"},
    True: {**TALL, "display": "grid", "grid-template-columns": "3fr 2fr", "gap": "40px"},
}
STRETCH: dict[str, Any] = {"sizing_mode": "stretch_width", "margin": 0}


class Exhibit(pn.viewable.Viewer):
    """All views of some results; ``show`` sends only what has changed.

    Args:
        view: how they are looked at.
        browser: takes files to the person.
        name: of the files.
        between: what stands between the curves and the table.
        hint: what to know of the curves.
        facts: of the runs that are shown, to be written beside what is taken home.
    """

    def __init__(
        self,
        view: View,
        browser: Browser,
        name: str,
        *between: pn.viewable.Viewable,
        hint: str = LOSS_HINT,
        facts: Callable[[], Facts] = dict,
    ) -> None:
        super().__init__()
        self._look = view
        self.timeline, self._matrix, self._key = Timeline(view), Matrix(view), block()
        self.board = self._matrix.lead
        self.tools = ImageTools(view, self.board.reset_view)
        self._overlay = Overlay(view, self.board.pictures)
        self._profile, self._curves = Profile(view, self.board.pictures), CurvePlots(view)
        self._results = Results(browser, name, facts)
        self._figure = FigureTools(view, self.board.pictures, browser, facts)
        self._smoothing = tool("slide", "smoothing", "Smoothing", "inline", 190, span=SMOOTH)
        self._log = tool("toggles", "log", "Scale", "inline silent", options=[["log", "Log scale"]])
        self._smoothing.param.watch(self._read, "value")
        self._log.param.watch(self._read, "value")
        view.param.watch(self._show_tools, ["smoothing", "log_losses"])
        self._show_tools()
        self._lower = pn.Row(self._curves, _column(*between), **STRETCH)
        tools = _column(self.tools, self._overlay)
        curves = section("Curves", hint, self._smoothing, self._log)
        below = _column(self._profile, self._figure, curves, self._key)
        results = _column(section("Results", ""), self._results)
        #: What a presentation does without.
        self._details = (tools, below, results)
        self._below: tuple[pn.viewable.Viewable, ...] = (below, self._lower, results)
        #: What is to be shown there.
        self._content: Content | None = None
        self._view = pn.Column(
            self.timeline, tools, self._matrix, visible=False, styles=dict(TALL), **STRETCH
        )

    def __panel__(self) -> pn.viewable.Viewable:
        return self._view

    def unfold(self) -> None:
        """Show what is below the images, too; a page is there sooner without it."""
        if self._below:
            self._view.extend(self._below)
            self._below = ()
            if self._content:
                self.show(self._content)
                self._content = None

    def hide(self) -> None:
        """Show nothing."""
        self._view.visible, self._content = False, None

    def show(self, content: Content) -> bool:
        """Bring every view up to date; whether there are more rows of images to come."""
        self._view.visible, present = True, self._look.present
        for part in self._details:
            part.visible = not present
        put(self._lower, styles=LOWER[present])
        scene = content.scene
        scenes = scene.rows or [scene]
        panes = {shot.key: shot.title for one in scenes for shot in one.shots}
        if scene.measurement:
            panes[MEASUREMENT] = "Measurement"
        colour = any(shot.image.shape[-1] == 3 for shot in scene.shots)
        self.timeline.update(content.moments)
        self.tools.update(content.n_images, panes, colour, content.splits)
        more = self._matrix.update(scene, content.heads)
        if self._below:
            self._content = content
            return more
        if present:
            self._curves.update(replace(content, kinds={PSNR: content.kinds.get(PSNR, {})}))
            return more
        set_html(self._key, content.key)
        self._overlay.update(scene)
        # Of several runs, that of the first.
        self._profile.update(scenes[0])
        self._figure.update(content)
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


def _column(*parts: pn.viewable.Viewable) -> pn.Column:
    return pn.Column(*parts, styles=dict(TALL), **STRETCH)


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
