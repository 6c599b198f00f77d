"""RunsPanel: all runs in a list, and what can be done with those that are chosen."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from html import escape
from typing import Any

import panel as pn
import panel_material_ui as pmui

from reilab.lab.explain import explain
from reilab.lab.library import Library, RunEntry
from reilab.lab.model import Lab
from reilab.lab.onerun import OneRun
from reilab.lab.style import LINE, TALL
from reilab.lab.text import block, quiet, set_html, small_button
from reilab.lab.view import View
from reilab.lab.web.components import Browser, DataTable, Field, put
from reilab.record.folder import examples
from reilab.show.words import number_text

COLUMNS = [
    ["Run", "", "words"],
    ["Task", "", "words"],
    ["State", "", "words"],
    ["True noise", ""],
    ["Assumed", ""],
    ["PSNR", "dB", "words"],
    ["Note", "", "words"],
]
EMPTY = "No runs yet. Train one, and it is kept here."


class RunsPanel(pn.viewable.Viewer):
    """The list with a filter; the buttons act on the runs whose boxes are ticked."""

    def __init__(self, library: Library, lab: Lab, view: View, browser: Browser) -> None:
        super().__init__()
        self._library, self._lab, self._look = library, lab, view
        self._entries: dict[str, RunEntry] = {}
        self._doomed: list[str] = []
        self._one = OneRun(library, lab, view, browser, self._attempt)
        self._filter = Field(
            kind="text",
            label="Filter",
            help=explain("filter"),
            place="inline",
            css_classes=["reilab-filter"],
            styles={"width": "300px"},
            margin=0,
            align="center",
        )
        self._table = DataTable(
            title="Runs",
            columns=COLUMNS,
            selectable=True,
            css_classes=["reilab-run-table"],
            sizing_mode="stretch_width",
            margin=0,
        )
        self._compare = self._button("Compare", lambda: view.param.update(tab="compare"))
        self._delete = self._button("Delete …", lambda: self._doom(list(view.compared)))
        self._words, self._question = block(), block()
        self._confirm = pn.Column(
            self._question,
            pn.Row(
                self._button("Delete for good", self._carry_out),
                self._button("Keep", lambda: self._doom([])),
                margin=0,
                styles=dict(LINE),
            ),
            visible=False,
            margin=(0, 0, 10, 0),
            sizing_mode="stretch_width",
            styles={**TALL, "gap": "8px"},
        )
        tools = pn.Row(
            self._filter,
            self._compare,
            self._delete,
            *self._examples(),
            margin=(0, 0, 10, 0),
            styles=dict(LINE),
            sizing_mode="stretch_width",
        )
        self._view = pn.Column(
            tools,
            self._one,
            self._confirm,
            self._words,
            self._table,
            margin=0,
            sizing_mode="stretch_width",
            styles=dict(TALL),
        )
        self._table.listen(self._hear)
        self._filter.param.watch(self._show, "value")
        view.param.watch(self._show, "compared")

    def __panel__(self) -> pn.viewable.Viewable:
        return self._view

    def _examples(self) -> list[pn.viewable.Viewable]:
        """Buttons that open finished runs, of which there are some before anything is trained."""
        names = [folder.name for folder in examples()]
        words = [quiet("Examples")] if names else []
        return [*words, *(self._button(name, partial(self._open, name)) for name in names)]

    def _open(self, name: str) -> None:
        self._lab.open(name)
        self._look.param.update(tab="run", at=None, zoom=None)

    def update(self) -> None:
        """Read the list anew."""
        entries = {entry.name: entry for entry in self._library.entries()}
        if entries != self._entries or self._table.current != self._lab.run:
            self._entries = entries
            self._show()

    def _show(self, *_: Any) -> None:
        shown = [entry for entry in self._entries.values() if entry.matches(self._filter.value)]
        chosen = [name for name in self._look.compared if name in self._entries]
        self._table.show([_line(entry) for entry in shown])
        put(self._table, chosen=chosen, current=self._lab.run)
        hidden = len(self._entries) - len(shown)
        words = EMPTY if not self._entries else f"{hidden} hidden by the filter." if hidden else ""
        set_html(self._words, words and f'<p class="quiet">{words}</p>')
        self._one.show(self._entries[chosen[0]] if len(chosen) == 1 else None)
        self._compare.disabled = not chosen
        self._delete.disabled = not chosen or any(self._entries[n].live for n in chosen)

    def _hear(self, what: str, name: str) -> None:
        others = [one for one in self._look.compared if one != name]
        match what:
            case "open":
                self._look.compared = [name]
                self._attempt(self._one.open)
            case "choose":
                self._look.compared = [*others, name]
            case "leave":
                self._look.compared = others

    def _attempt(self, action: Callable[[], None]) -> None:
        try:
            action()
            self.update()
        except (ValueError, RuntimeError, OSError) as error:
            words = escape(str(error))
            set_html(self._words, f'<div class="notice" role="alert">{words}</div>')

    def _doom(self, names: list[str]) -> None:
        self._doomed = names
        titles = ", ".join(self._entries[name].title for name in names)
        set_html(self._question, f"<b>Delete {escape(titles)} for good?</b>" if names else "")
        self._confirm.visible = bool(names)

    def _carry_out(self) -> None:
        for name in self._doomed:
            self._lab.hands.do(self._library.delete, name)
            if name == self._lab.run:
                self._lab.close()
        gone, self._doomed = self._doomed, []
        self._doom([])
        self._look.compared = [name for name in self._look.compared if name not in gone]

    def _button(self, label: str, action: Callable[[], None]) -> pmui.Button:
        name = f"runs {label.removesuffix(' …').lower()}"
        return small_button(label, lambda: self._attempt(action), name)


def _line(entry: RunEntry) -> dict[str, Any]:
    psnr = ", ".join(f"{title} {value:.2f}" for title, value in entry.psnr)
    best = max((value for _, value in entry.psnr), default=None)
    pin = "★ " if entry.notes.pinned else ""
    cells = [
        {"text": f"{pin}{entry.title}", "title": entry.name},
        {"text": entry.task_title or "–"},
        {"text": entry.state, "title": entry.standing.reason or " ".join(entry.troubles)},
        _number(entry.noise),
        _number(entry.assumed_noise),
        {"text": psnr or "–", "order": best},
        {"text": entry.notes.text or "–"},
    ]
    return {"key": entry.name, "colour": "", "cells": cells}


def _number(value: float | None) -> dict[str, Any]:
    return {"text": "–" if value is None else number_text(value), "order": value}
