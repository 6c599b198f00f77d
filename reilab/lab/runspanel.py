"""RunsPanel: all runs in a list, and what can be done with those that are chosen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from html import escape
from itertools import islice
from typing import Any

import panel as pn
import panel_material_ui as pmui

from reilab.lab.actions import attempt
from reilab.lab.imagetools import tool
from reilab.lab.markup import notice_html
from reilab.lab.model import Lab
from reilab.lab.onerun import OneRun
from reilab.lab.style import LINE, SIDEWAYS, TALL
from reilab.lab.text import block, quiet, set_html, small_button
from reilab.lab.titles import entry_state, entry_title, idle_words, so_many
from reilab.lab.view import View
from reilab.lab.web.components import Browser, Button, DataTable, put
from reilab.methods.registry import methods
from reilab.record.folder import examples
from reilab.runs.library import Library, RunEntry
from reilab.show.panes import PINV
from reilab.show.results import BASELINE
from reilab.show.table import NOTHING
from reilab.show.words import method_title, number_text
from reilab.tasks.registry import find_task

#: More would take the browser seconds to lay out.
MOST_LINES = 500
EMPTY = "No runs yet. Train one, and it is kept here."


class RunsPanel(pn.viewable.Viewer):
    """The list with a filter; the buttons act on the runs whose boxes are ticked."""

    def __init__(self, library: Library, lab: Lab, view: View, browser: Browser) -> None:
        super().__init__()
        self._library, self._lab, self._look = library, lab, view
        self._entries: dict[str, RunEntry] = {}
        self._doomed: list[str] = []
        self._shown: list[str] = []
        self._one = OneRun(library, lab, view, browser, self._attempt)
        self._filter = tool("text", "filter", "Filter", "inline", 300, eager=True)
        self._filter.param.watch(self._show, "value")
        self._table = DataTable(
            title="Runs",
            columns=columns([]),
            selectable=True,
            css_classes=["reilab-run-table"],
            sizing_mode="stretch_width",
            margin=0,
        )
        self._compare = self._button("Compare", lambda: view.param.update(tab="compare"))
        self._delete = self._button("Delete …", lambda: self._doom(list(view.compared)))
        self._words = block(margin=(0, 0, 8, 0))
        self._refusal, self._question = block(), block()
        self._confirm = self._confirmation()
        tools = pn.Row(
            self._filter,
            self._compare,
            self._delete,
            *self._examples(),
            margin=(0, 0, 10, 0),
            styles=dict(LINE),
            stylesheets=[SIDEWAYS],
            sizing_mode="stretch_width",
        )
        self._view = pn.Column(
            tools,
            self._one,
            self._words,
            self._refusal,
            self._table,
            self._confirm,
            margin=0,
            sizing_mode="stretch_width",
            styles=dict(TALL),
        )
        self._table.listen(self._hear)
        view.param.watch(self._show, "compared")

    def __panel__(self) -> pn.viewable.Viewable:
        return self._view

    def _confirmation(self) -> pmui.Dialog:
        """The question before a deletion; closing it is an answer, too."""
        answers = (
            self._button("Delete for good", self._carry_out),
            self._button("Keep", lambda: self._doom([])),
        )
        line = pn.Row(*answers, margin=(12, 0, 0, 0), styles=dict(LINE))
        made = pmui.Dialog(self._question, line, open=False)
        made.param.watch(lambda event: self._doom(self._doomed if event.new else []), "open")
        return made

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
        self._take(self._library.anew())

    def follow(self) -> None:
        """The same for the heartbeat."""
        self._take(self._library.lately())

    def _take(self, listed: Sequence[RunEntry]) -> None:
        entries = {entry.name: entry for entry in listed}
        if entries != self._entries or self._table.current != self._lab.run:
            self._entries = entries
            self._show()

    def _show(self, *_: Any) -> None:
        methods = methods_of(self._entries.values())
        lines = (_line(entry, methods) for entry in self._entries.values())
        fit = (line for line in lines if _matches(line, self._filter.value))
        shown = list(islice(fit, MOST_LINES))
        self._shown = [line["key"] for line in shown]
        chosen = [name for name in self._look.compared if name in self._entries]
        put(self._table, columns=columns(methods))
        self._table.show(shown)
        put(self._table, chosen=chosen, current=self._lab.run)
        picked = [self._entries[name] for name in chosen]
        self._one.show(picked[0] if len(picked) == 1 else None)
        set_html(self._words, f'<p class="quiet stays">{self._told(picked)}</p>')
        self._compare.disabled = not chosen
        self._delete.disabled = not chosen or any(entry.live for entry in picked)

    def _told(self, chosen: Sequence[RunEntry]) -> str:
        """How many runs there are, are shown and are chosen, and why buttons are at rest."""
        if not self._entries:
            return EMPTY
        told = [so_many(len(self._entries), "run"), f"{len(chosen)} chosen"]
        if unread := self._library.unread:
            told[0] = f"reading {len(self._entries):,} of {len(self._entries) + unread:,} runs"
        if hidden := len(self._entries) - len(self._shown):
            more = f"{MOST_LINES} shown: filter for others"
            full = len(self._shown) == MOST_LINES
            told.append(more if full else f"{hidden} hidden by the filter")
        return f"{' · '.join(told)}. {idle_words(chosen)}"

    def _hear(self, what: str, name: str) -> None:
        chosen = [one for one in self._look.compared if one != name]
        match what:
            case "open":
                self._look.compared = [name]
                self._attempt(self._one.open)
            case "choose":
                self._look.compared = [*chosen, name]
            case "leave":
                self._look.compared = chosen
            case "choose all":
                self._look.compared = list(dict.fromkeys([*chosen, *self._shown]))
            case "leave all":
                self._look.compared = [one for one in chosen if one not in self._shown]

    def _attempt(self, action: Callable[[], None]) -> None:
        trouble = attempt(action)
        set_html(self._refusal, notice_html([trouble] if trouble else []))
        self.update()

    def _doom(self, names: list[str]) -> None:
        # Somebody else may have deleted one, and a link may name what never was.
        names = [name for name in names if name in self._entries]
        self._doomed = names
        titles = ", ".join(entry_title(self._entries[name]) for name in names)
        set_html(self._question, f"<b>Delete {escape(titles)} for good?</b>" if names else "")
        self._confirm.open = bool(names)

    def _carry_out(self) -> None:
        gone = self._doomed
        # What stands in the way is said on the page, which the question would hide.
        self._doom([])
        for name in gone:
            self._lab.hands.do(self._library.delete, name)
            if name == self._lab.run:
                self._lab.close()
        self._look.compared = [name for name in self._look.compared if name not in gone]

    def _button(self, label: str, action: Callable[[], None]) -> Button:
        name = f"runs {label.removesuffix(' …').lower()}"
        return small_button(label, lambda: self._attempt(action), name)


def methods_of(entries: Iterable[RunEntry]) -> list[str]:
    """A†y and the methods of any of these runs, each once, in the order of the registry."""
    found = {name for entry in entries for name in entry.psnr}
    known = [PINV, *methods()]
    return [*(name for name in known if name in found), *sorted(found - set(known))]


def columns(methods: Sequence[str]) -> list[list[str]]:
    """Name, unit and style of each column of the list."""
    titles = [BASELINE if name == PINV else method_title(name) for name in methods]
    return [
        ["Run", "", "words"],
        ["Task", "", "words"],
        ["State", "", "words"],
        *([title, "dB", ""] for title in titles),
        ["Noise", "", ""],
        ["Assumed", "", ""],
        ["Group", "", "words"],
        ["Steps", "", ""],
        ["Seed", "", ""],
        ["Size", "px", ""],
        ["Made", "", "words"],
        ["Note", "", "words note"],
    ]


def _line(entry: RunEntry, methods: Sequence[str]) -> dict[str, Any]:
    asked = entry.asked
    pin = "★ " if entry.notes.pinned else ""
    trained = ", ".join(map(method_title, asked.methods)) if asked else ""
    made = datetime.fromtimestamp(entry.made)
    reason = entry.standing.reason or " ".join(entry.troubles)
    cells = [
        {
            "text": f"{pin}{entry_title(entry)}",
            "title": f"{entry.name}: {trained}" if trained else entry.name,
        },
        _cell(find_task(asked.task).title if asked else None),
        {"text": entry_state(entry), "title": reason},
        *(_cell(entry.psnr.get(name), "z.2f") for name in methods),
        {**_cell(asked.noise if asked else None), "title": asked.noise_unit if asked else ""},
        _cell(asked.assumed_noise if asked else None),
        _cell(asked.group or None if asked else None),
        _cell(asked.steps if asked else None, ","),
        _cell(asked.seed if asked else None),
        _cell(asked.size if asked else None),
        {"text": f"{made:%Y-%m-%d %H:%M}", "order": entry.made},
        _cell(entry.notes.text or None),
    ]
    return {"key": entry.name, "colour": "", "cells": cells}


def _cell(value: float | str | None, form: str = "") -> dict[str, Any]:
    if value is None or isinstance(value, str):
        return {"text": value or NOTHING}
    return {"text": format(value, form) if form else number_text(value), "order": value}


def _matches(line: Mapping[str, Any], words: str) -> bool:
    """Whether all of these words occur in a line of the list."""
    told = " ".join(f"{cell['text']} {cell.get('title', '')}" for cell in line["cells"]).casefold()
    return all(word in told for word in words.casefold().split())
