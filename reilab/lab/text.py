"""Pieces of text on the page, in HTML; they are changed only when their words do.

``StaticText`` takes half the time of a pane of HTML to change, and there are dozens of them.
"""

from __future__ import annotations

from html import escape

import panel as pn

from reilab.lab.put import put
from reilab.lab.style import TEXT_CSS


def text() -> pn.widgets.StaticText:
    """An empty piece of text for a line of things."""
    return pn.widgets.StaticText(value="", stylesheets=[TEXT_CSS], margin=0, align="center")


def quiet(words: str) -> pn.widgets.StaticText:
    """A remark beside a heading."""
    pane = text()
    pane.value = f'<span class="quiet">{escape(words)}</span>'
    return pane


def block() -> pn.widgets.StaticText:
    """An empty piece of text as wide as the page."""
    return pn.widgets.StaticText(
        value="", stylesheets=[TEXT_CSS], margin=0, sizing_mode="stretch_width"
    )


def heading(words: str, above: int = 14) -> pn.widgets.StaticText:
    """The title of a group of controls or views, with ``above`` pixels of room over it."""
    return pn.widgets.StaticText(
        value=f"<h2>{words}</h2>", stylesheets=[TEXT_CSS], margin=(above, 0, 4, 0)
    )


def set_html(pane: pn.widgets.StaticText, html: str) -> None:
    """Show ``html``, if it is not shown already."""
    put(pane, value=html, visible=bool(html))
