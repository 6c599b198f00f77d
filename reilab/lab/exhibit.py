"""Exhibit: images, curves and results of one run, or of several runs of one task."""

from __future__ import annotations

from typing import Any

import panel as pn

from reilab.lab.board import ImageBoard
from reilab.lab.content import Content
from reilab.lab.curves import CurvePlots
from reilab.lab.imagetools import ImageTools, tool
from reilab.lab.numbers import number_text
from reilab.lab.results import Results
from reilab.lab.style import LINE, TALL
from reilab.lab.swipe import Swipe
from reilab.lab.text import heading, quiet
from reilab.lab.timeline import Timeline
from reilab.lab.view import View
from reilab.lab.web.components import Browser
from reilab.show.panes import MEASUREMENT

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
    """

    def __init__(
        self, view: View, browser: Browser, name: str, *between: pn.viewable.Viewable
    ) -> None:
        super().__init__()
        self._look = view
        self.timeline, self.board = Timeline(view), ImageBoard(view)
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
            self.board,
            section("Curves", LOSS_HINT, self._smoothing, self._log),
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

    def show(self, content: Content) -> None:
        """Bring every view up to date."""
        self._view.visible = True
        scene = content.scene
        panes = {shot.key: shot.title for shot in scene.shots}
        if scene.measurement:
            panes[MEASUREMENT] = "Measurement"
        colour = scene.shots[0].image.shape[-1] == 3
        self.timeline.update(content.moments)
        self.tools.update(content.n_images, panes, colour)
        self.board.update(scene)
        self._swipe.update(scene)
        self._curves.update(content)
        self._results.update(content.rows)

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
