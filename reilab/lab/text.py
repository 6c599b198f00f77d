"""Pieces of text on the page: panes of HTML that are changed only when their words do."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import panel as pn

from reilab.lab.style import TEXT_CSS


def text() -> pn.pane.HTML:
    """An empty piece of text for a line of things."""
    return pn.pane.HTML("", stylesheets=[TEXT_CSS], margin=0, align="center")


def quiet(words: str) -> pn.pane.HTML:
    """A remark beside a heading."""
    pane = text()
    pane.object = f'<span class="quiet">{escape(words)}</span>'
    return pane


def block() -> pn.pane.HTML:
    """An empty piece of text as wide as the page."""
    return pn.pane.HTML("", stylesheets=[TEXT_CSS], margin=0, sizing_mode="stretch_width")


def heading(words: str, above: int = 14) -> pn.pane.HTML:
    """The title of a group of controls or views, with ``above`` pixels of room over it."""
    return pn.pane.HTML(f"<h2>{words}</h2>", stylesheets=[TEXT_CSS], margin=(above, 0, 4, 0))


def list_html(lines: Sequence[str]) -> str:
    """A list of lines, or nothing."""
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<ul>{items}</ul>" if lines else ""


def set_html(pane: pn.pane.HTML, html: str) -> None:
    """Show ``html``, if it is not shown already."""
    if pane.object != html:
        pane.param.update(object=html, visible=bool(html))
