"""OneRun: what can be done with the one run that is chosen in the list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import panel as pn

from reilab.lab import exports
from reilab.lab.explain import label
from reilab.lab.imagetools import tool
from reilab.lab.model import Lab
from reilab.lab.style import LINE, SIDEWAYS
from reilab.lab.text import quiet, small_button
from reilab.lab.view import View
from reilab.lab.web.components import Browser, Field, put
from reilab.record.folder import RunFolder
from reilab.record.history import History
from reilab.record.notes import Notes, read_notes, write_notes
from reilab.runs.library import Library, RunEntry

Attempt = Callable[[Callable[[], None]], None]


class OneRun(pn.viewable.Viewer):
    """Open, repeat, resume, pin, name, note and export a run.

    Args:
        library: knows the run.
        lab: opens it.
        view: which moment and image are exported.
        browser: takes files to the person.
        attempt: acts, and says what stood in the way.
    """

    def __init__(
        self, library: Library, lab: Lab, view: View, browser: Browser, attempt: Attempt
    ) -> None:
        super().__init__()
        self._library, self._lab, self._look = library, lab, view
        self._browser, self._attempt = browser, attempt
        self._entry: RunEntry | None = None
        self._resume = self._button("Resume", self._go_on)
        self._pin = self._button("Pin", self._turn_pin)
        self._title = self._text("title", 220, "title")
        self._note = self._text("note", 300, "text")
        self._buttons = [
            self._button("Open", self.open),
            self._button("Duplicate settings", self._duplicate),
            self._resume,
            self._pin,
            self._button("Pictures", self._pictures),
            self._button("Curves", self._curves),
            self._button("Report", self._report),
            self._button("Command", self._command),
        ]
        # It is there whether a run is chosen or not, so that the list below it stays in its place.
        self._view = pn.Row(
            *self._buttons[:4],
            quiet("Export"),
            *self._buttons[4:],
            self._title,
            self._note,
            margin=(0, 0, 10, 0),
            sizing_mode="stretch_width",
            styles=dict(LINE),
            stylesheets=[SIDEWAYS],
        )
        self.show(None)

    def __panel__(self) -> pn.viewable.Viewable:
        return self._view

    def show(self, entry: RunEntry | None) -> None:
        """Offer what can be done with this run; nothing if there is not exactly one."""
        self._entry = entry
        notes = entry.notes if entry else Notes()
        for button in self._buttons:
            button.disabled = entry is None
        if entry is not None:
            self._resume.disabled = not entry.resumable
        self._pin.label = "Unpin" if notes.pinned else "Pin"
        locked = "Choose one run." * (entry is None) or "This page only watches." * (
            self._lab.hands.tied
        )
        put(self._title, value=notes.title, locked=locked)
        put(self._note, value=notes.text, locked=locked)

    def open(self) -> None:
        """Look at the run."""
        if self._entry:
            self._lab.open(self._entry.name)
            self._look.param.update(tab="run", at=None, zoom=None)

    def _go_on(self) -> None:
        self.open()
        self._lab.resume()

    def _duplicate(self) -> None:
        config = self._library.config(self._entry.name) if self._entry else None
        if config is not None:
            self._lab.close()
            self._lab.choices.show(config)
            self._look.tab = "run"

    def _turn_pin(self) -> None:
        if self._entry:
            self._write(pinned=not self._entry.notes.pinned)

    def _write(self, **changed: Any) -> None:
        """Change what differs from what is shown of the run, and nothing else of its notes."""
        shown = self._entry.notes if self._entry else None
        if shown and replace(shown, **changed) != shown:
            # Somebody may have changed the rest since the list was read.
            notes = replace(read_notes(self._folder()), **changed)
            own = replace(notes, title=notes.title.strip())
            self._lab.hands.do(write_notes, self._folder(), own)

    def _folder(self) -> RunFolder:
        assert self._entry is not None
        return RunFolder(self._library.root / self._entry.name)

    def _history(self) -> History:
        history = self._library.history(self._entry.name) if self._entry else None
        if history is None:
            raise ValueError("This run has been deleted.")
        return history

    def _give(self, file: exports.File) -> None:
        self._browser.download(file.name, file.content, file.kind)

    def _pictures(self) -> None:
        history, look = self._history(), self._look
        self._give(exports.pictures(self._folder(), history, look.sample, look.at))

    def _curves(self) -> None:
        self._give(exports.curves(self._folder(), self._history()))

    def _report(self) -> None:
        exports.hand_out(self._browser, partial(exports.report, self._folder()))

    def _command(self) -> None:
        self._give(exports.command(self._folder()))

    def _text(self, name: str, width: int, part: str) -> Field:
        field = tool("text", name, label(name), "inline", width, locked="Choose one run.")

        def write(event: Any) -> None:
            self._attempt(partial(self._write, **{part: event.new}))

        field.param.watch(write, "value")
        return field

    def _button(self, label: str, action: Callable[[], None]) -> Any:
        return small_button(label, lambda: self._attempt(action), f"runs {label.lower()}")
