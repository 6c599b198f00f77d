"""Comparison: several runs of one task side by side, in one exhibit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from html import escape
from string import ascii_uppercase

import panel as pn

from reilab.lab.board import Redraw
from reilab.lab.content import (
    LOSSES,
    SCORES,
    Content,
    Series,
    loss_series,
    of_several,
    score_series,
)
from reilab.lab.exhibit import LOOKS, STRETCH, Exhibit
from reilab.lab.imagetools import tool
from reilab.lab.library import Library, SummaryRow, rows, run_title
from reilab.lab.style import TALL
from reilab.lab.takehome import Facts
from reilab.lab.text import block, set_html
from reilab.lab.view import View
from reilab.lab.web.components import Browser, put
from reilab.record.history import History
from reilab.runs.facts import facts_of
from reilab.show.panes import PINV
from reilab.show.scene import Scene, Shot, measurement, moments, n_images, shots
from reilab.show.words import method_colour, method_title, number_text


def letters(names: Sequence[str]) -> dict[str, str]:
    """A letter for each run, by its name."""
    return dict(zip(names, ascii_uppercase, strict=False))


def content_of_several(runs: Mapping[str, History], look: View, methods: set[str]) -> Content:
    """The images, curves and results of some methods of runs that have all been posed.

    Args:
        runs: by name; ground truth and A†y are those of the first.
        look: moment and test image.
        methods: those to show.
    """
    given = letters(list(runs))
    histories = {letter: runs[name] for name, letter in given.items()}
    first = next(iter(histories.values()))
    assert first.posed is not None
    n_shown = min(map(n_images, histories.values()))
    sample = min(look.sample, max(n_shown - 1, 0))
    low, high = first.posed.value_range
    shown = [shot for shot in shots(first, sample, look.at) if not shot.judged]
    for letter, history in histories.items():
        shown += [
            _lettered(letter, shot)
            for shot in shots(history, sample, look.at)
            if shot.key in methods and (not shown or _fits(shot, shown[0]))
        ]
    return Content(
        scene=Scene("+".join(given), sample, shown, measurement(first, sample), low, high),
        n_images=n_shown,
        moments=moments(histories.values()),
        kinds={
            **{
                name: of_several(_chosen(histories, methods, partial(score_series, score=name)))
                for name in SCORES
            },
            LOSSES: of_several(_chosen(histories, methods, loss_series)),
        },
        n_steps=max(
            (track.started.n_steps for h in histories.values() for track in h.tracks.values()),
            default=1,
        ),
        marks=[],
        rows=[
            row
            for letter, history in histories.items()
            for row in _rows(letter, history, methods, base=history is first)
        ],
    )


def methods_of(histories: Mapping[str, History]) -> list[str]:
    """The methods of any of these runs, each once."""
    return list(dict.fromkeys(name for history in histories.values() for name in history.tracks))


def _fits(shot: Shot, other: Shot) -> bool:
    # Runs of one task may differ in image size; only images of one size move together.
    return shot.image.shape == other.image.shape


def _lettered(letter: str, shot: Shot) -> Shot:
    return replace(shot, key=f"{letter}/{shot.key}", title=f"{letter}: {shot.title}")


def _chosen(
    histories: Mapping[str, History],
    methods: set[str],
    series: Callable[[History], dict[str, Series]],
) -> dict[str, dict[str, Series]]:
    return {
        letter: {key: one for key, one in series(history).items() if key.split()[0] in methods}
        for letter, history in histories.items()
    }


def _rows(letter: str, history: History, methods: set[str], base: bool) -> list[SummaryRow]:
    return [
        row
        if row.key == PINV
        else replace(row, key=f"{letter}/{row.key}", name=f"{letter}: {row.name}")
        for row in rows(history)
        if row.key in methods or (base and row.key == PINV)
    ]


HINT = "Tick runs of one task in the list of all runs: they are shown here side by side."


class Comparison(pn.viewable.Viewer):
    """Images, curves and results of several runs; ``update`` sends only what has changed."""

    def __init__(self, library: Library, view: View, browser: Browser) -> None:
        super().__init__()
        self._library, self._look = library, view
        self._legend = block()
        self._methods = tool("checks", "compared-methods", "Methods", "inline")
        self.exhibit = Exhibit(view, browser, "reilab-comparison", facts=self._facts)
        self._view = pn.Column(
            self._legend, self._methods, self.exhibit, styles=dict(TALL), **STRETCH
        )
        self._methods.align = "start"
        self._offered: list[str] = []
        self._given: dict[str, str] = {}
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

    def _facts(self) -> Facts:
        """Of the runs that are shown, by their letters."""
        return {
            letter: facts_of(config, name)
            for name, letter in self._given.items()
            if (config := self._library.config(name))
        }

    def _draw(self) -> None:
        names = self._library.comparable(self._look.compared)
        read = {name: self._library.history(name) for name in names}
        posed = {name: history for name, history in read.items() if history and history.posed}
        self._given = given = letters(list(posed))
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
