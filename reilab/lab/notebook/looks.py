"""Looks: which test image is shown, at which moment, and how."""

from __future__ import annotations

from typing import Any

import ipywidgets as widgets

from reilab.lab.explain import explain, label
from reilab.lab.notebook.elements import box, button, html, set_html, show
from reilab.lab.style import slug
from reilab.lab.view import ERRORS, View
from reilab.record.history import History


class NotebookLooks:
    """A line of tools above the images; they change the view, and show it when others change it."""

    def __init__(self, look: View) -> None:
        self._look = look
        self.moments: list[int] = []
        self._showing = False
        self._sample = widgets.Dropdown(description=label("sample"), tooltip=explain("sample"))
        self._errors = _toggle("Errors", "errors")
        self._log = _toggle("Log scale", "log")
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

    def update(self, history: History) -> None:
        """Offer the moments and test images of a run that has been posed."""
        assert history.posed is not None
        self.moments = list(history.moments)
        n_images = len(history.posed.pinv)
        options = tuple((f"{index + 1} of {n_images}", index) for index in range(n_images))
        if self._sample.options != options:
            self._showing = True
            self._sample.options = options
            self._showing = False
        show(self._sample, n_images > 1)
        self._show()

    def _show(self, *_: Any) -> None:
        look, moments = self._look, self.moments
        self._showing = True
        if self._sample.options:
            self._sample.value = min(look.sample, len(self._sample.options) - 1)
        self._errors.value = ERRORS not in look.hidden
        self._log.value = look.log_losses
        self._slider.max = max(len(moments) - 1, 1)
        self._slider.value = look.place(moments)
        self._showing = False
        several = len(moments) > 1
        for part in (self._play, self._slider, self._live):
            show(part, several)
        self._play.description = "Halt" if look.playing else "Play"
        self._play.icon = "pause" if look.playing else "play"
        self._live.button_style = "primary" if look.at is None else ""
        step = f"step {moments[look.place(moments)]:,}" if several else ""
        set_html(self._words, step and f'<span class="moment">{step}</span>')

    def _read(self, change: Any) -> None:
        if self._showing:
            return
        look = self._look
        match change["owner"]:
            case self._sample:
                look.sample = change["new"]
            case self._errors:
                if change["new"] == (ERRORS in look.hidden):
                    look.toggle(ERRORS)
            case self._log:
                look.log_losses = change["new"]
            case self._slider:
                look.playing = False
                look.go_to(self.moments, change["new"])


def _toggle(words: str, name: str) -> widgets.ToggleButton:
    made = widgets.ToggleButton(description=words, tooltip=explain(name))
    made.add_class(slug(name))
    return made
