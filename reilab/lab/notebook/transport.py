"""Transport: start, pause, stop and resume, and in words where the run stands."""

from __future__ import annotations

import ipywidgets as widgets

from reilab.lab.actions import Action, actions, press
from reilab.lab.markup import standing_html
from reilab.lab.model import Lab
from reilab.lab.notebook.elements import box, button, html, put_traits, set_html, show
from reilab.lab.view import View

ICONS = {
    "train": "play",
    "new run": "plus",
    "resume": "play",
    "pause": "pause",
    "step": "step-forward",
    "stop": "stop",
    "fork": "code-fork",
}


class NotebookTransport:
    """The buttons of a lab with its status, and a notice when something stands in the way.

    ``refusal`` is what stood in the way of the last button, ``trouble`` of the last beat.
    """

    def __init__(self, lab: Lab, look: View) -> None:
        self._lab, self._look = lab, look
        self.refusal = self.trouble = ""
        self.buttons = {one.name: self._button(one) for one in actions(lab, look)}
        self._told = {name: html() for name in ("state", "detail", "progress", "notice")}
        state, detail, progress, notice = self._told.values()
        progress.add_class("reilab-progress")
        line = box("reilab-line", [*self.buttons.values(), state, detail])
        self.widget = box("reilab-stack", [line, progress, notice])
        lab.param.watch(lambda *_: self.update(), ["standing", "run", "message"])
        self.update()

    @property
    def words(self) -> str:
        """All that is said of the run, as HTML."""
        return "".join(piece.value for piece in self._told.values())

    def update(self) -> None:
        """Show where the run stands now."""
        for now in actions(self._lab, self._look):
            show(self.buttons[now.name], now.shown)
            put_traits(self.buttons[now.name], description=now.label, tooltip=now.label)
        for name, words in standing_html(self._lab, self.refusal, self.trouble).items():
            set_html(self._told[name], words)

    def _button(self, action: Action) -> widgets.Button:
        def act() -> None:
            self.refusal = press(self._lab, self._look, action.name)
            self.update()

        made = button(action.label, action.name, act)
        made.icon = ICONS[action.name]
        made.button_style = "primary" if action.name == "train" else ""
        return made
