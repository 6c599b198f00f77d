"""Transport: start, pause, stop and resume, and in words where the run stands."""

from __future__ import annotations

import ipywidgets as widgets

from reilab.lab.actions import Action, actions, attempt, complaints
from reilab.lab.markup import detail_html, notice_html, progress_html, state_html
from reilab.lab.model import Lab
from reilab.lab.notebook.elements import box, button, html, set_html, show
from reilab.lab.summary import state_words, status_detail
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
        self._state, self._detail = html(), html()
        self._notice, self._progress = html(), html("reilab-progress")
        line = box("reilab-line", [*self.buttons.values(), self._state, self._detail])
        self.widget = box("reilab-stack", [line, self._progress, self._notice])
        lab.param.watch(lambda *_: self.update(), ["standing", "run", "message"])
        self.update()

    @property
    def words(self) -> str:
        """All that is said of the run, as HTML."""
        return f"{self._state.value}{self._detail.value}{self._notice.value}"

    def update(self) -> None:
        """Show where the run stands now."""
        lab = self._lab
        for now in actions(lab, self._look):
            one = self.buttons[now.name]
            show(one, now.shown)
            if one.description != now.label:
                one.description = one.tooltip = now.label
        state, detail, progress = "", "", ""
        if lab.run:
            state, detail = state_words(lab.standing), status_detail(lab.history, lab.standing)
            progress = progress_html(lab.history.progress)
        set_html(self._state, state_html(state))
        set_html(self._detail, detail_html(detail))
        set_html(self._progress, progress)
        lines = [line for line in (self.refusal, self.trouble, *complaints(lab)) if line]
        set_html(self._notice, notice_html(lines))

    def _button(self, action: Action) -> widgets.Button:
        def press() -> None:
            self.refusal = attempt(action.act)
            self.update()

        made = button(action.label, action.name, press)
        made.icon = ICONS[action.name]
        made.button_style = "primary" if action.name == "train" else ""
        return made
