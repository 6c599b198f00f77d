"""Comparison: several runs of one task side by side: a matrix of images, curves, a table."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from string import ascii_uppercase

import panel as pn

from reilab.lab.board import Redraw
from reilab.lab.content import (
    LOSSES,
    NULL,
    PSNR,
    RANGE,
    SCORES,
    Content,
    Series,
    SummaryRow,
    dash_of,
    length,
    loss_series,
    of_several,
    rows,
    score_series,
)
from reilab.lab.differences import Configs, differing, facts, heads
from reilab.lab.exhibit import LOOKS, STRETCH, Exhibit, section
from reilab.lab.hands import FREE, Hands
from reilab.lab.imagetools import tool
from reilab.lab.markup import key_html, row_head
from reilab.lab.parts import Parts
from reilab.lab.style import LINE, TALL
from reilab.lab.takehome import Facts
from reilab.lab.text import block, set_html
from reilab.lab.titles import title_of
from reilab.lab.view import ERRORS, View
from reilab.lab.web.components import Browser, DataTable, put
from reilab.record.folder import RunFolder
from reilab.record.history import History
from reilab.runs.facts import facts_of
from reilab.runs.library import Library
from reilab.show.panes import PINV, TRUTH
from reilab.show.scene import Scene, moments, n_images, scene_of
from reilab.show.words import method_colour, method_title

#: So many runs have a row of images; of all there are curves and numbers.
MOST_ROWS = 12
#: What the curves may show.
CURVES = {PSNR: "PSNR", NULL: "Null space", RANGE: "What A sees", LOSSES: "Losses"}


def letters(names: Sequence[str]) -> dict[str, str]:
    """A letter for each run, by its name; A to Z, and on with AA, AB …"""
    pairs = (first + second for first in ascii_uppercase for second in ascii_uppercase)
    return dict(zip(names, chain(ascii_uppercase, pairs), strict=False))


def content_of_several(
    runs: Mapping[str, History],
    look: View,
    methods: set[str],
    curves: Collection[str] = (PSNR,),
    split: Callable[[Scene], Scene] = lambda scene: scene,
) -> Content:
    """The images, curves and results of some methods of runs that have all been posed.

    Args:
        runs: by name; each is shown beside its own ground truth and A†y.
        look: moment and test image.
        methods: those to show.
        curves: kinds of curves to show.
        split: the part of the images of a run that is asked for.
    """
    given = letters(list(runs))
    histories = {letter: runs[name] for name, letter in given.items()}
    n_shown = min(map(n_images, histories.values()))
    sample = min(look.sample, max(n_shown - 1, 0))
    rows_of_images = [
        split(_row(name, runs[name], sample, look.at, methods)) for name in list(runs)[:MOST_ROWS]
    ]
    kept = methods | {PINV}
    series: dict[str, Callable[[History], dict[str, Series]]] = {
        **{name: partial(score_series, score=name) for name in SCORES},
        LOSSES: loss_series,
    }
    return Content(
        scene=_together(rows_of_images, given, ERRORS not in look.hidden),
        n_images=n_shown,
        moments=moments(histories.values()),
        kinds={
            kind: of_several(_chosen(histories, kept, series[kind]))
            for kind in series
            if kind in curves
        },
        n_steps=max(map(length, histories.values())),
        marks=[],
        rows=_lines(runs, kept),
        splits=True,
    )


def _lines(runs: Mapping[str, History], methods: set[str]) -> list[SummaryRow]:
    """The table: of each run A†y and these methods."""
    return [
        replace(
            row,
            key=f"{letter}/{row.key}",
            name=f"{letter}: {row.name}",
            colour=method_colour(row.key),
        )
        for name, letter in letters(list(runs)).items()
        for row in rows(runs[name])
        if row.key in methods
    ]


def methods_of(histories: Mapping[str, History]) -> list[str]:
    """The methods of any of these runs, each once."""
    return list(dict.fromkeys(name for history in histories.values() for name in history.tracks))


def _row(name: str, history: History, sample: int, at: int | None, methods: set[str]) -> Scene:
    scene = scene_of(name, history, sample, at)
    assert scene is not None
    return replace(scene, shots=[s for s in scene.shots if not s.judged or s.key in methods])


def _together(rows: Sequence[Scene], given: Mapping[str, str], errors: bool) -> Scene:
    """One scene of all, with one scale of errors; its shots are those that fit over each other.

    Parts that A does not see share their scale, which is another for each scene, too.
    """
    scale = max(row.end for row in rows) if errors else None
    widest = max((row for row in rows if row.span), key=lambda row: row.high, default=None)
    if widest:
        low, high, note = widest.low, widest.high, widest.note
        rows = [replace(r, low=low, high=high, note=note) if r.span else r for r in rows]
    note = " ".join(dict.fromkeys(row.note for row in rows))
    first = replace(rows[0], note=note)
    shots = [shot for shot in first.shots if shot.key == TRUTH]
    size = next((shot.image.shape for row in rows for shot in row.shots), ())
    for row in rows:
        shots += [
            replace(s, key=f"{given[row.run]}/{s.key}", title=f"{given[row.run]}: {s.title}")
            for s in row.shots
            if s.key != TRUTH and s.image.shape == size
        ]
    return replace(
        first,
        run="+".join(row.run for row in rows),
        shots=shots,
        rows=[replace(row, scale=scale, note=note) for row in rows],
        scale=scale,
    )


def _chosen(
    histories: Mapping[str, History],
    methods: set[str],
    series: Callable[[History], dict[str, Series]],
) -> dict[str, dict[str, Series]]:
    return {
        letter: {key: one for key, one in series(history).items() if key.split()[0] in methods}
        for letter, history in histories.items()
    }


CURVES_HINT = "Colours are methods, dashes are runs; the mouse on a line tells which it is."
HINT = "Tick runs of one task in the list of all runs: each gets a row of images here."


class Comparison(pn.viewable.Viewer):
    """Images, curves and results of several runs; ``update`` sends only what has changed."""

    def __init__(self, library: Library, view: View, browser: Browser, hands: Hands = FREE) -> None:
        super().__init__()
        self._library, self._look, self._hands = library, view, hands
        self._parts: dict[str, Parts] = {}
        self._words = block()
        self._methods = tool("checks", "compared-methods", "Methods", "inline")
        self._curves = tool(
            "toggles",
            "compared-curves",
            "Curves",
            "inline",
            options=[list(item) for item in CURVES.items()],
            value=PSNR,
        )
        self._differences = DataTable(
            title="Settings that differ",
            css_classes=["reilab-differences"],
            **STRETCH,
        )
        self._heading = section("What differs", "")
        parts = (self._heading, self._differences)
        self.exhibit = Exhibit(
            view, browser, "reilab-comparison", *parts, hint=CURVES_HINT, facts=self._facts
        )
        self.exhibit.unfold()
        self._tools = pn.Row(self._methods, self._curves, styles=dict(LINE), **STRETCH)
        self._view = pn.Column(self._words, self._tools, self.exhibit, styles=dict(TALL), **STRETCH)
        self._offered: list[str] = []
        self._given: dict[str, str] = {}
        self._busy = False
        self._redraw = Redraw(self.update)
        for field in (self._methods, self._curves):
            field.param.watch(self._redraw.ask, "value")
        looks = [*LOOKS, "compared", "log_losses", "smoothing"]
        view.param.watch(self._redraw.ask, looks)

    def __panel__(self) -> pn.viewable.Viewable:
        return self._view

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

    def look_ahead(self) -> None:
        """Show parts of images as soon as they have been computed."""
        fresh = [parts.poll() for parts in self._parts.values()]
        if any(fresh):
            self.update()

    def _split(self, scene: Scene) -> Scene:
        """The part of the images of one run that is asked for."""
        config = partial(self._library.config, scene.run)
        parts = self._parts.setdefault(scene.run, Parts(self._look, config, self._hands))
        return parts.of(scene)

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
        given = letters(list(posed))
        self._given = given
        set_html(self._words, self._told(len(posed)))
        self._tools.visible = bool(posed)
        if not posed:
            self.exhibit.hide()
            return
        self._offer(posed)
        methods, curves = set(self._methods.value.split()), self._curves.value.split()
        configs = {name: config for name in posed if (config := self._library.config(name))}
        told = facts(configs)
        titles = {name: title_of(RunFolder(self._library.root / name)) for name in posed}
        self._show_differences(configs, given)
        units = heads(configs, list(next(iter(told.values()), {})))
        more = self.exhibit.show(
            replace(
                content_of_several(posed, self._look, methods, curves, self._split),
                heads=[
                    row_head(given[name], titles[name], told.get(name, {}), units)
                    for name in list(posed)[:MOST_ROWS]
                ],
                key=key_html(
                    [
                        (f"{given[name]}: {title}", dash_of(index))
                        for index, (name, title) in enumerate(titles.items())
                    ],
                    [PINV, *(name for name in self._offered if name in methods)],
                ),
            )
        )
        if more:
            self._redraw.ask()

    def _show_differences(self, configs: Configs, given: Mapping[str, str]) -> None:
        """A row for each setting that differs, a column for each run."""
        names, told = differing(configs), facts(configs)
        shown = bool(names)
        put(self._heading, visible=shown)
        columns = [["Setting", ""], *([given[run], "", "words"] for run in configs)]
        put(self._differences, visible=shown, columns=columns)
        self._differences.show(
            [
                {
                    "key": name,
                    "colour": "",
                    "cells": [
                        {"text": f"{words} [{unit}]" if unit else words},
                        *({"text": told[run][name]} for run in configs),
                    ],
                }
                for name, (words, unit) in heads(configs, names).items()
            ]
        )

    def _offer(self, histories: Mapping[str, History]) -> None:
        names = methods_of(histories)
        if names == self._offered:
            return
        # A method that was left out stays so, and one that is new is shown.
        chosen = self._methods.value.split()
        kept = [name for name in names if name in chosen or name not in self._offered]
        self._offered = names
        options = [[name, method_title(name), method_colour(name)] for name in names]
        put(self._methods, options=options, value=" ".join(kept))

    def _told(self, n_shown: int) -> str:
        if not n_shown:
            return f'<div class="empty"><strong>Nothing to compare yet</strong><p>{HINT}</p></div>'
        left, below = len(self._look.compared) - n_shown, n_shown - MOST_ROWS
        told = []
        if left:
            told.append(f"{left} left out: of another task, or without images.")
        if below > 0:
            told.append(f"Images of the first {MOST_ROWS}; the curves and the table have all.")
        return f'<p class="quiet">{" ".join(told)}</p>' if told else ""
