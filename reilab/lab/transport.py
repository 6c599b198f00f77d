"""Transport: start, pause, stop and resume, and in words where the run stands."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

import panel as pn
import panel_material_ui as pmui

from reilab.lab.model import Lab
from reilab.lab.style import TEXT_CSS
from reilab.lab.summary import WORDS, status_detail
from reilab.runs.jobs import Status

WRAP = {"flex-wrap": "wrap", "gap": "8px", "align-items": "center"}


class Transport(pn.viewable.Viewer):
    """The buttons of a lab with its status, and a notice when something stands in the way."""

    def __init__(self, lab: Lab) -> None:
        super().__init__()
        self._lab = lab
        self._refusal = ""
        self._train = self._button("Train", lab.train, "contained")
        self._resume = self._button("Resume", lab.resume)
        self._pause = self._button("Pause", lab.pause)
        self._stop = self._button("Stop", lab.stop)
        self._state, self._detail, self._notice = text(), text(), block()
        self._notice.param.update(visible=False, margin=(12, 0, 0, 0))
        self._progress = pmui.LinearProgress(
            value=0, variant="determinate", sizing_mode="stretch_width", margin=(10, 0, 0, 0)
        )
        buttons = (self._train, self._resume, self._pause, self._stop)
        row = pn.Row(
            *buttons, self._state, self._detail, margin=0, styles=WRAP, sizing_mode="stretch_width"
        )
        self._view = pn.Column(
            row, self._notice, self._progress, margin=0, sizing_mode="stretch_width"
        )
        lab.param.watch(self.update, ["standing", "run", "message"])
        self.update()

    def __panel__(self) -> pn.viewable.Viewable:
        return self._view

    def attempt(self, action: Callable[[], None]) -> None:
        """Act, and say what stood in the way, if anything did."""
        self._refusal = ""
        try:
            action()
        except (ValueError, RuntimeError, OSError) as error:
            self._refusal = str(error)
        self.update()

    def update(self, *_: Any) -> None:
        """Show where the run stands now."""
        lab, status = self._lab, self._lab.standing.status
        self._train.visible = not lab.live
        self._resume.visible = lab.resumable
        self._pause.visible = self._stop.visible = lab.live
        paused = status is Status.PAUSED
        self._pause.label = "Continue" if paused else "Pause"
        self._progress.visible = bool(lab.run)
        self._progress.value = round(100 * lab.history.progress)
        state, detail = "", ""
        if lab.run:
            state, detail = WORDS[status], status_detail(lab.history, lab.standing)
        set_html(self._state, state and f'<span class="state" role="status">{state}</span>')
        set_html(self._detail, f'<span class="quiet reilab-status">{escape(detail)}</span>')
        notice = "<br>".join(escape(line) for line in self._complaints())
        set_html(
            self._notice,
            notice and f'<div class="notice reilab-notice" role="alert">{notice}</div>',
        )

    def _complaints(self) -> list[str]:
        lab = self._lab
        found = [self._refusal, lab.message if lab.live else ""]
        if lab.resumable and lab.standing.reason:
            found.append(f"{WORDS[lab.standing.status]}. {lab.standing.reason}")
            found.append("Resume goes on from the last saved step.")
        return [line for line in found if line]

    def _button(
        self, label: str, action: Callable[[], None], variant: str = "outlined"
    ) -> pmui.Button:
        return pmui.Button(
            label=label,
            variant=variant,
            css_classes=[f"reilab-{label.lower()}"],
            margin=0,
            on_click=lambda event: self.attempt(action),
        )


def text() -> pn.pane.HTML:
    """An empty piece of text for a line of things."""
    return pn.pane.HTML("", stylesheets=[TEXT_CSS], margin=0, align="center")


def quiet(words: str) -> pn.pane.HTML:
    """A remark beside a heading."""
    pane = text()
    pane.object = f'<span class="quiet">{escape(words)}</span>'
    return pane


def block() -> pn.pane.HTML:
    """An empty piece of text as wide as the page."""
    return pn.pane.HTML("", stylesheets=[TEXT_CSS], margin=0, sizing_mode="stretch_width")


def set_html(pane: pn.pane.HTML, html: str) -> None:
    """Show ``html``, if it is not shown already."""
    if pane.object != html:
        pane.param.update(object=html, visible=bool(html))
