"""Timeline: the moments of a run on a slider, with play and the way back to the live end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import panel as pn

from reilab.lab.explain import explain, label
from reilab.lab.put import put
from reilab.lab.style import TALL
from reilab.lab.text import set_html, small_button, text
from reilab.lab.view import View
from reilab.lab.web.components import Field

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
