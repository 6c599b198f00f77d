"""RunView: the run that is shown, from its buttons to its table of results."""

from __future__ import annotations

from typing import Any

import panel as pn

from reilab.lab.content import content_of
from reilab.lab.exhibit import LOOKS, STRETCH, Exhibit, section
from reilab.lab.formula import objectives
from reilab.lab.markup import introduction, list_html
from reilab.lab.model import Lab
from reilab.lab.redraw import Redraw
from reilab.lab.style import TALL
from reilab.lab.text import block, set_html
from reilab.lab.transport import Transport
from reilab.lab.view import View
from reilab.lab.web.components import Browser
from reilab.show.words import steering_log


class RunView(pn.viewable.Viewer):
    """All views of one run; ``update`` brings them up to date, each sends only what has changed."""

    def __init__(
        self, lab: Lab, view: View, browser: Browser, *links: pn.viewable.Viewable
    ) -> None:
        super().__init__()
        self._lab, self._look = lab, view
        self.transport = Transport(lab, view, *links)
        self._steered, self._empty, self._formula = block(), block(), block()
        self.exhibit = Exhibit(
            view,
            browser,
            "reilab-results",
            self._steered,
            section("What is minimised", "Bold numbers are those of the controls."),
            self._formula,
        )
        self._view = pn.Column(
            self.transport, self._empty, self.exhibit, styles=dict(TALL), **STRETCH
        )
        redraw = Redraw(self.update)
        view.param.watch(redraw.ask, [*LOOKS, "log_losses", "smoothing"])
        lab.param.watch(redraw.ask, "run")
        watched = ["task", "methods", "assumed_noise", *lab.choices.steerable]
        lab.choices.param.watch(self._explain, watched)
        self.update()

    def __panel__(self) -> pn.viewable.Viewable:
        return self._view

    def update(self, anew: bool = False) -> None:
        """Bring every view up to date; ``anew`` if a method went back to a checkpoint."""
        history = self._lab.history
        self.transport.update()
        self._introduce()
        self._explain()
        if history.posed is None:
            self.exhibit.hide()
            return
        self.exhibit.show(content_of(self._lab.run, history, self._look, anew))
        set_html(self._steered, list_html(steering_log(history)))

    def _explain(self, *_: Any) -> None:
        set_html(self._formula, objectives(self._lab.choices, self._lab.history))

    def _introduce(self) -> None:
        """Tell a newcomer what to press; while a run starts, what is coming."""
        words = introduction(bool(self._lab.run), self._lab.choices.chosen_task.summary)
        set_html(self._empty, words if self._lab.history.posed is None else "")
