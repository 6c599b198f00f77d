"""Pieces of text on the page, in HTML, and small buttons beside them.

Texts are changed only when their words do. They are bare models: a widget of Panel takes the server
many times as long to change, and a ``Div`` of Bokeh has the browser lay the whole page out anew,
and there are dozens.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import panel as pn
from panel.models import HTML

from reilab.lab.style import EMPTY, TEXT_CSS, slug
from reilab.lab.web.components import Button


class Text(pn.pane.Bokeh):
    """A pane around one piece of text."""


def text(html: str = "", **layout: Any) -> Text:
    """A piece of text for a line of things."""
    return _piece(html, **{"align": "center", **layout})


def quiet(words: str) -> Text:
    """A remark beside a heading."""
    return text(f'<span class="quiet">{escape(words)}</span>')


def block(html: str = "", **layout: Any) -> Text:
    """A piece of text as wide as the page."""
    return _piece(html, sizing_mode="stretch_width", **layout)


def heading(words: str, **layout: Any) -> Text:
    """The title of a group of controls or views."""
    return _piece(f"<h2>{words}</h2>", **layout)


def set_html(piece: Text, html: str) -> None:
    """Show ``html``, if it is not shown already."""
    packed = escape(html)
    if piece.object.text != packed:
        # What the browser sends is handled without the document's lock; held changes need none.
        with pn.io.hold():
            piece.object.update(text=packed, css_classes=_names(piece.object.css_classes, html))


def _names(names: Sequence[str], html: str) -> list[str]:
    """Style classes by which nothing takes no room.

    Panel 1.9.4 has an error in the browser if ``visible`` changes of a text that is not drawn yet.
    """
    return [*(name for name in names if name != EMPTY), *([] if html else [EMPTY])]


def _piece(html: str, **layout: Any) -> Text:
    """The model is told its layout itself, as the pane passes little of its own on to it."""
    look: dict[str, Any] = {"margin": 0, "stylesheets": [TEXT_CSS], **layout}
    look["css_classes"] = _names(look.get("css_classes", []), html)
    return Text(HTML(text=escape(html), disable_math=True, run_scripts=False, **look))


def small_button(label: str, action: Callable[[], None], name: str, look: str = "") -> Button:
    """A small button; ``name`` is that of its style class, by which tests find it."""
    return Button(
        action, label=label, look=look, css_classes=[slug(name)], margin=0, align="center"
    )
