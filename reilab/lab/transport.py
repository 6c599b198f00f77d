"""Transport: start, pause, stop and resume, and in words where the run stands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import panel as pn
import panel_material_ui as pmui

from reilab.lab.actions import Action, actions, attempt
from reilab.lab.markup import standing_html
from reilab.lab.model import Lab
from reilab.lab.put import put
from reilab.lab.style import LINE, slug
from reilab.lab.text import block, set_html, text
from reilab.lab.view import View


class Transport(pn.viewable.Viewer):
    """The buttons of a lab with its status, and a notice when something stands in the way."""

    def __init__(self, lab: Lab, view: View, *links: pn.viewable.Viewable) -> None:
        super().__init__()
        self._lab, self._look = lab, view
        self._refusal = ""
        self._buttons = {one.name: self._button(one) for one in actions(lab, view)}
        self._told = {
            "state": text(),
            "detail": text(),
            "progress": block(margin=(10, 0, 0, 0)),
            "notice": block(margin=(12, 0, 0, 0)),
        }
        room = pn.Spacer(sizing_mode="stretch_width", height=1)
        row = pn.Row(
            *self._buttons.values(),
            self._told["state"],
            self._told["detail"],
            room,
            *links,
            margin=0,
            styles=dict(LINE),
            sizing_mode="stretch_width",
        )
        self._view = pn.Column(
            row, self._told["notice"], self._told["progress"], margin=0, sizing_mode="stretch_width"
        )
        lab.param.watch(self.update, ["standing", "run", "message"])
        self.update()

    def __panel__(self) -> pn.viewable.Viewable:
        return self._view

    def attempt(self, action: Callable[[], None]) -> None:
        """Act, and say what stood in the way, if anything did."""
        self._refusal = ""
        self._refusal = attempt(action)
        self.update()

    def update(self, *_: Any) -> None:
        """Show where the run stands now."""
        for now in actions(self._lab, self._look):
            put(self._buttons[now.name], visible=now.shown, label=now.label)
        for name, words in standing_html(self._lab, self._refusal).items():
            set_html(self._told[name], words)

    def _button(self, action: Action) -> pmui.Button:
        return pmui.Button(
            label=action.label,
            variant="contained" if action.name == "train" else "outlined",
            css_classes=[slug(action.name)],
            margin=0,
            on_click=lambda event: self.attempt(action.act),
        )
