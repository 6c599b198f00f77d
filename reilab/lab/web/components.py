"""Parts of the page: parameters on this side, JavaScript of our own on the other."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import param
from panel.custom import JSComponent
from param.parameterized import batch_call_watchers

from reilab.lab import compat
from reilab.lab.style import slug


def put(part: Any, **values: Any) -> None:
    """Set those attributes that differ, as one change.

    ``param.update`` does the same, but first reads all that the part has, which took a third of an
    update of the page.
    """
    with batch_call_watchers(part):
        for name, value in values.items():
            if getattr(part, name) != value:
                setattr(part, name, value)


HERE = Path(__file__).parent
FIELD_CSS = (HERE / "field.css").read_text(encoding="utf-8")
BUTTON_CSS = (HERE / "button.css").read_text(encoding="utf-8")
TABLE_CSS = (HERE / "table.css").read_text(encoding="utf-8")
KINDS = ("number", "text", "choice", "checks", "toggles", "segments", "slide", "window")


class Field(JSComponent):
    """A control with a label, a unit and a help text; its value is text, whatever its kind."""

    kind = param.Selector(default="number", objects=list(KINDS))
    place = param.String(doc="Style classes: inline, silent (its label is not seen), header.")
    label = param.String()
    unit = param.String()
    help = param.String()
    value = param.String()
    options = param.List(doc="Value, words and perhaps colour of each option.")
    span = param.List(doc="Least and greatest number of the slider, and its step; or empty.")
    words = param.String(doc="What the place of a slider means, for those who cannot see it.")
    eager = param.Boolean(doc="Whether to tell of a slider while it is being moved.")
    scaled = param.Boolean(doc="Whether to offer a tenth and ten times the number.")
    locked = param.String(doc="Why it cannot be used now; empty if it can.")
    error = param.String(doc="What is wrong with what stands in it.")
    draft = param.String(doc="What is being typed, before it counts.")

    _bundle = HERE / "field.js"
    stylesheets = param.List(default=[FIELD_CSS])


class Button(JSComponent):
    """A button, as the browser has it.

    Those of the Material library take it 20 ms each to make, 0.6 s of a new page.

    Args:
        action: what is done when it is pressed.
    """

    label = param.String()
    look = param.String(doc="Style classes: full, text, large.")
    disabled = param.Boolean()

    _bundle = HERE / "button.js"
    stylesheets = param.List(default=[BUTTON_CSS])

    def __init__(self, action: Callable[[], None], **params: Any) -> None:
        super().__init__(**params)
        self.press = action
        # A double click's second message may have been sent before the browser heard of it.
        self.on_msg(lambda event: None if self.disabled else self.press())


class DataTable(JSComponent):
    """A table that its reader sorts."""

    title = param.String()
    columns = param.List(doc="Name and unit of each column, and `words` if it holds no numbers.")
    rows = param.String(default="[]", doc="In JSON, as ``table.js`` reads them.")
    selectable = param.Boolean(doc="Whether rows can be chosen and opened.")
    chosen = param.List(item_type=str)
    current = param.String(doc="Key of the row that is shown elsewhere.")

    _bundle = HERE / "table.js"
    stylesheets = param.List(default=[TABLE_CSS])

    def show(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Replace the rows.

        Bokeh would look at each cell four times if it knew of them.
        """
        put(self, rows=json.dumps(rows))

    def listen(self, heard: Callable[[str, str], None]) -> None:
        """Call ``heard`` with ``open``, ``choose`` or ``leave`` and the key of the row.

        ``choose all`` and ``leave all`` are of all rows that are shown.
        """
        self.on_msg(lambda event: heard(event.data["what"], event.data["row"]))


class Browser(JSComponent):
    """Keys, address, colour scheme, downloads and clipboard of the browser; shows nothing."""

    keys = param.List(item_type=str, doc="The keys to tell of.")
    awake = param.Boolean(doc="Whether the page answers; until then nothing on it can be used.")
    address = param.String(doc="The query of the page's address.")
    title = param.String(doc="What the browser's tab is called.")

    _bundle = HERE / "browser.js"

    def listen(self, heard: Callable[[dict[str, Any]], None]) -> None:
        """Call ``heard`` with what is said: ``key``, ``back``, ``dark``, ``slower`` …."""
        self.on_msg(lambda event: heard(event.data))

    def copy(self, text: str) -> None:
        """Put a text on the clipboard."""
        compat.send(self, {"copy": text})

    def focus(self, name: str) -> None:
        """Put the keyboard where the part of this style class is."""
        compat.send(self, {"focus": slug(name)})

    def point(self, name: str) -> None:
        """Bring the part of this style class into view, and draw a line around it for a while."""
        compat.send(self, {"point": slug(name)})

    def download(self, name: str, content: bytes, kind: str) -> None:
        """Hand a file to the person in front of the browser."""
        packed = base64.b64encode(content).decode()
        compat.send(self, {"name": name, "content": packed, "type": kind})
