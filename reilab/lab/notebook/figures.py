"""Figures in a notebook: the images and curves of the page, fed by their sources."""

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

from reilab.lab.charts import Charts
from reilab.lab.content import Content
from reilab.lab.markup import error_html, head_html, measured_html, scale_html
from reilab.lab.notebook.elements import box, html, set_html
from reilab.lab.pictures import Pictures
from reilab.lab.view import ERRORS, View
from reilab.show.panes import MEASUREMENT
from reilab.show.scene import Shot

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


class NotebookPictures:
    """A cell for each image; in the first one, what was measured of it."""

    def __init__(self, look: View) -> None:
        self._look = look
        self._pictures = Pictures(look)
        self.figures, self._scale = NotebookFigures("reilab-pictures"), html()
        self.widget = box("reilab-stack", [self.figures, self._scale])

    def update(self, content: Content) -> None:
        """Show the moment that is looked at."""
        scene, with_errors = content.scene, ERRORS not in self._look.hidden
        self._pictures.update(scene)
        cells = {f"reilab-pane-{shot.key}": self._cell(shot, with_errors) for shot in scene.shots}
        if with_errors and (measured := scene.measurement):
            figure = self._pictures.by_key[MEASUREMENT].image.figure
            next(iter(cells.values())).extend([measured_html(measured), figure])
        self.figures.show(cells)
        set_html(self._scale, scale_html(scene.end if with_errors else 0.0, scene.note))

    def _cell(self, shot: Shot, with_errors: bool) -> list[Any]:
        pair = self._pictures.by_key[shot.key]
        parts = [head_html(shot), pair.image.figure]
        if with_errors and pair.error:
            parts += [error_html(shot), pair.error.figure]
        return parts


#: Bokeh asks the style sheets of a page for all its colours but those of legends.
LEGEND = """
.bk-label { color: var(--jp-ui-font-color1) !important;
  font-family: var(--jp-ui-font-family) !important; }
"""


class NotebookCurves:
    """The charts in a grid, and behind them the objectives.

    Args:
        look: the moment of the cursor, and the scale.
    """

    def __init__(self, look: View) -> None:
        self.charts = Charts(look)
        self._formulas, self._key = "", ""
        self.widget = NotebookFigures("reilab-charts")

    def update(self, content: Content) -> None:
        """Draw the curves as they are now."""
        if self.charts.update(content):
            for figure in self.charts.figures.values():
                for legend in figure.legend:
                    legend.stylesheets = [LEGEND]
        self._key = content.key
        self._show()

    def explain(self, objectives: str) -> None:
        """Say what is minimised, in HTML."""
        self._formulas = f"<h3>What is minimised</h3>{objectives}"
        self._show()

    def _show(self) -> None:
        charts: dict[str, list[Any]] = {
            f"reilab-chart-{kind}": [figure] for kind, figure in self.charts.figures.items()
        }
        key = {"reilab-key": [self._key]} if self._key else {}
        self.widget.show({**key, **charts, "reilab-minimised": [self._formulas]})
