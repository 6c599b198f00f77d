"""Comparison: the runs that are chosen in the list, in one view."""

from __future__ import annotations

from html import escape

import panel as pn

from reilab.lab.exhibit import LOOKS, STRETCH, Exhibit
from reilab.lab.imagetools import tool
from reilab.lab.library import Library
from reilab.lab.numbers import number_text
from reilab.lab.put import put
from reilab.lab.redraw import Redraw
from reilab.lab.several import content_of_several, letters, methods_of
from reilab.lab.style import TALL
from reilab.lab.summary import run_title
from reilab.lab.text import block, set_html
from reilab.lab.view import View
from reilab.lab.web.components import Browser
from reilab.record.history import History
from reilab.show.words import method_colour, method_title

HINT = "Tick runs of one task in the list of all runs: they are shown here side by side."


class Comparison(pn.viewable.Viewer):
    """Images, curves and results of several runs; ``update`` sends only what has changed."""

    def __init__(self, library: Library, view: View, browser: Browser) -> None:
        super().__init__()
        self._library, self._look = library, view
        self._legend = block()
        self._methods = tool("checks", "compared-methods", "Methods", "inline")
        self.exhibit = Exhibit(view, browser, "reilab-comparison")
        self._view = pn.Column(
            self._legend, self._methods, self.exhibit, styles=dict(TALL), **STRETCH
        )
        self._methods.align = "start"
        self._offered: list[str] = []
        self._busy = False
        self._redraw = Redraw(self.update)
        self._methods.param.watch(self._redraw.ask, "value")
        looks = [*LOOKS, "compared", "tab", "log_losses", "smoothing"]
        view.param.watch(self._redraw.ask, looks)

    def __panel__(self) -> pn.viewable.Viewable:
        return self._view

    def ask(self) -> None:
        """Bring the views up to date as soon as may be."""
        self._redraw.ask()

    def update(self) -> None:
        """Read the runs and show what they have come to, if they are to be seen."""
        # To offer other methods changes their choice, which would come back here.
        if self._look.tab != "compare" or self._busy:
            return
        self._busy = True
        try:
            self._draw()
        finally:
            self._busy = False

    def _draw(self) -> None:
        names = self._library.comparable(self._look.compared)
        read = {name: self._library.history(name) for name in names}
        posed = {name: history for name, history in read.items() if history and history.posed}
        given = letters(list(posed))
        histories = {given[name]: history for name, history in posed.items() if name in given}
        set_html(self._legend, self._words(given))
        self._methods.visible = bool(histories)
        if not histories:
            self.exhibit.hide()
            return
        self._offer(histories)
        methods = set(self._methods.value.split())
        self.exhibit.show(content_of_several(posed, self._look, methods))

    def _offer(self, histories: dict[str, History]) -> None:
        names = methods_of(histories)
        if names == self._offered:
            return
        # A method that was left out stays so, and one that is new is shown.
        chosen = self._methods.value.split()
        kept = [name for name in names if name in chosen or name not in self._offered]
        self._offered = names
        options = [[name, method_title(name), method_colour(name)] for name in names]
        put(self._methods, options=options, value=" ".join(kept))

    def _words(self, given: dict[str, str]) -> str:
        if not given:
            return f'<div class="empty"><strong>Nothing to compare yet</strong><p>{HINT}</p></div>'
        lines = []
        for name, letter in given.items():
            config = self._library.config(name)
            noise = ""
            if config is not None:
                noise = f"noise {number_text(config.noise)}"
                if config.assumed_noise != config.noise:
                    noise += f", assumed {number_text(config.assumed_noise)}"
            lines.append(f"<li><b>{letter}</b>: {escape(run_title(name))}; {noise}</li>")
        left = len(self._look.compared) - len(given)
        rest = f'<p class="quiet">{left} left out: of another task, or without images.</p>'
        return f'<ul class="letters">{"".join(lines)}</ul>{rest if left else ""}'
