"""Looks: which test image is shown, at which moment, and how."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets

from reilab.lab.content import Content
from reilab.lab.explain import explain, label
from reilab.lab.notebook.elements import box, button, html, put_traits, set_html, show
from reilab.lab.style import slug
from reilab.lab.view import ERRORS, View


class NotebookLooks:
    """A line of tools above the images; they change the view, and show it when others change it."""

    def __init__(self, look: View) -> None:
        self._look = look
        self.moments: Sequence[int] = []
        self._showing = False
        self._sample = widgets.Dropdown(description=label("sample"), tooltip=explain("sample"))
        self._errors, self._log = _toggle("Errors", "errors"), _toggle("Log scale", "log")
        self._play = button("Play", "play", lambda: look.play(self.moments))
        self._slider = widgets.IntSlider(
            description=label("moment"), tooltip=explain("moment"), readout=False, min=0, max=1
        )
        self._words = html("reilab-moment")
        self._live = button("Live", "live", lambda: look.param.update(at=None, playing=False))
        moment = box("reilab-line", [self._play, self._slider, self._words, self._live])
        tools = box("reilab-line", [self._sample, self._errors, self._log])
        self.widget = box("reilab-line", [moment, tools])
        for part in (self._sample, self._errors, self._log, self._slider):
            part.observe(self._read, "value")
        look.param.watch(self._show, ["at", "playing", "sample", "hidden", "log_losses"])
        self._show()

    def update(self, content: Content) -> None:
        """Offer the moments and test images that there are."""
        self.moments = content.moments
        options = tuple((f"{i + 1} of {content.n_images}", i) for i in range(content.n_images))
        self._showing = True
        put_traits(self._sample, options=options)
        self._showing = False
        show(self._sample, content.n_images > 1)
        self._show()

    def _show(self, *_: Any) -> None:
        look, several = self._look, len(self.moments) > 1
        place = look.place(self.moments)
        self._showing = True
        if self._sample.options:
            put_traits(self._sample, value=min(look.sample, len(self._sample.options) - 1))
        put_traits(self._errors, value=ERRORS not in look.hidden)
        put_traits(self._log, value=look.log_losses)
        put_traits(self._slider, max=max(len(self.moments) - 1, 1), value=place)
        self._showing = False
        for part in (self._play, self._slider, self._live):
            show(part, several)
        words, icon = ("Halt", "pause") if look.playing else ("Play", "play")
        put_traits(self._play, description=words, icon=icon)
        put_traits(self._live, button_style="primary" if look.at is None else "")
        step = f"step {self.moments[place]:,}" if several else ""
        set_html(self._words, step and f'<span class="moment">{step}</span>')

    def _read(self, change: Any) -> None:
        look, new = self._look, change["new"]
        if self._showing:
            return
        match change["owner"]:
            case self._sample:
                look.sample = new
            case self._errors if new == (ERRORS in look.hidden):
                look.toggle(ERRORS)
            case self._log:
                look.log_losses = new
            case self._slider:
                look.playing = False
                look.go_to(self.moments, new)


def _toggle(words: str, name: str) -> widgets.ToggleButton:
    made = widgets.ToggleButton(description=words, tooltip=explain(name))
    made.add_class(slug(name))
    return made
