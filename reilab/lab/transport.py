"""Transport: start, pause, stop and resume, and in words where the run stands."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import Any

import panel as pn
import panel_material_ui as pmui

from reilab.lab.fields import slug
from reilab.lab.model import Lab
from reilab.lab.style import LINE
from reilab.lab.summary import WORDS, state_words, status_detail
from reilab.lab.text import block, set_html, text
from reilab.lab.view import View
from reilab.runs.jobs import Status


class Transport(pn.viewable.Viewer):
    """The buttons of a lab with its status, and a notice when something stands in the way."""

    def __init__(self, lab: Lab, view: View, *links: pn.viewable.Viewable) -> None:
        super().__init__()
        self._lab, self._look = lab, view
        self._refusal = ""
        self._train = self._button("Train", lab.train, "contained")
        self._new = self._button("New run", lab.close)
        self._resume = self._button("Resume", lab.resume)
        self._pause = self._button("Pause", lab.pause)
        self._step = self._button("Step", lab.step)
        self._stop = self._button("Stop", lab.stop)
        self._fork = self._button("Fork", self._branch)
        self._state, self._detail, self._notice = text(), text(), block()
        self._notice.param.update(visible=False, margin=(12, 0, 0, 0))
        self._progress = block()
        self._progress.margin = (10, 0, 0, 0)
        buttons = (
            self._train,
            self._new,
            self._resume,
            self._pause,
            self._step,
            self._stop,
            self._fork,
        )
        room = pn.Spacer(sizing_mode="stretch_width", height=1)
        row = pn.Row(
            *buttons,
            self._state,
            self._detail,
            room,
            *links,
            margin=0,
            styles=dict(LINE),
            sizing_mode="stretch_width",
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
        self._train.visible = not (lab.live or lab.queued)
        self._new.visible = lab.live or lab.queued
        self._resume.visible = lab.resumable
        self._pause.visible = lab.live
        self._stop.visible = lab.live or lab.queued
        step = lab.fork_step(self._look.at)
        self._fork.visible = step is not None
        self._fork.label = f"Fork at step {step}"
        paused = status is Status.PAUSED
        self._step.visible = lab.live and paused
        self._pause.label = "Continue" if paused else "Pause"
        set_html(self._progress, progress_html(lab.history.progress) if lab.run else "")
        state, detail = "", ""
        if lab.run:
            state, detail = state_words(lab.standing), status_detail(lab.history, lab.standing)
        set_html(self._state, state and f'<span class="state" role="status">{state}</span>')
        set_html(self._detail, f'<span class="quiet reilab-status">{escape(detail)}</span>')
        notice = "<br>".join(escape(line) for line in self._complaints())
        set_html(
            self._notice,
            notice and f'<div class="notice reilab-notice" role="alert">{notice}</div>',
        )

    def _branch(self) -> None:
        self._lab.fork(self._look.at)
        self._look.at = None

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
            css_classes=[slug(label.lower())],
            margin=0,
            on_click=lambda event: self.attempt(action),
        )


def progress_html(share: float) -> str:
    """A bar that is so far done, 0 to 1."""
    done = round(100 * share)
    return (
        f'<div class="progress" role="progressbar" aria-label="Progress of the run" '
        f'aria-valuenow="{done}" aria-valuemin="0" aria-valuemax="100">'
        f'<span style="width:{100 * share:.1f}%"></span></div>'
    )
