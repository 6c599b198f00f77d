"""Figures: Bokeh's figures among texts in a cell of a notebook, fed by their sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import anywidget
import bokeh
import traitlets
from bokeh.document import Document
from bokeh.document.events import DocumentPatchedEvent
from bokeh.protocol import Protocol
from bokeh.resources import Resources

#: By the name for the style sheet: texts in HTML and figures, below each other.
Cells = Mapping[str, Sequence[Any]]


class NotebookFigures(anywidget.AnyWidget):
    """Cells of texts and figures; what has changed in their models goes out in one message.

    A browser asks for all of it when it begins to show them, however late or often that is, and for
    BokehJS if its page has none: nothing comes from elsewhere, and nothing is kept in the notebook.
    """

    _esm = (Path(__file__).parent / "figures.js").read_text(encoding="utf-8")
    version = traitlets.Unicode(bokeh.__version__).tag(sync=True)

    def __init__(self, name: str) -> None:
        self._document, self._events = Document(), list[DocumentPatchedEvent]()
        self._cells: Cells = {}
        self._asked = False
        super().__init__()
        self.add_class(name)
        self._document.on_change_dispatch_to(self)
        self.on_msg(self._answer)

    @property
    def texts(self) -> list[str]:
        """All that is written among the figures, as HTML."""
        return [part for own in self._cells.values() for part in own if isinstance(part, str)]

    @property
    def figures(self) -> list[Any]:
        """All figures in their order."""
        return [part for own in self._cells.values() for part in own if not isinstance(part, str)]

    def show(self, cells: Cells) -> None:
        """Show these cells, and what has changed in the figures that are in them."""
        texts, form = self.texts, _form(self._cells)
        self._cells = cells
        if _form(cells) != form:
            self._document.clear()
            for figure in self.figures:
                self._document.add_root(figure)
            self._send_all()
        else:
            pairs = enumerate(zip(self.texts, texts, strict=True))
            self._send_changes({place: new for place, (new, old) in pairs if new != old})
        self._events.clear()

    def _answer(self, _: Any, content: Mapping[str, Any], buffers: Any) -> None:
        """A browser has begun to show the figures."""
        self._asked = True
        self._send_all(**({"script": _bokehjs()} if content["script"] else {}))

    def _send_all(self, **more: str) -> None:
        if self._asked:
            places = iter(range(len(self.figures)))
            cells = [
                (name, [part if isinstance(part, str) else next(places) for part in own])
                for name, own in self._cells.items()
            ]
            document = self._document.to_json(deferred=False)
            self.send({"document": document, "cells": cells, **more})

    def _send_changes(self, texts: Mapping[int, str]) -> None:
        if not self._asked or not (texts or self._events):
            return
        content: dict[str, Any] = {"texts": texts, "buffers": []}
        buffers: list[bytes] = []
        if self._events:
            patch = Protocol().create("PATCH-DOC", self._events)
            content |= {"patch": patch.content_json, "buffers": [one.id for one in patch.buffers]}
            buffers = [one.to_bytes() for one in patch.buffers]
        self.send(content, buffers)

    def _document_patched(self, event: DocumentPatchedEvent) -> None:
        self._events.append(event)


def _form(cells: Cells) -> list[tuple[str, list[Any]]]:
    """All but the words."""
    return [(name, [isinstance(p, str) or p for p in own]) for name, own in cells.items()]


def _bokehjs() -> str:
    return "\n".join(Resources(mode="inline", components=["bokeh"]).js_raw)
