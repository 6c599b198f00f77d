"""Elements: small things that all parts of the notebook's lab are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets as widgets

from reilab.lab.style import slug


def html(*classes: str) -> widgets.HTML:
    """An empty piece of HTML."""
    piece = widgets.HTML()
    for name in classes:
        piece.add_class(name)
    return piece


def set_html(piece: widgets.HTML, words: str) -> None:
    """Show ``words``, if they are not shown already; nothing takes no room."""
    put_traits(piece, value=words)
    show(piece, bool(words))


def put_traits(widget: widgets.Widget, **values: Any) -> None:
    """Change what the widget has and what differs; each change is a message to the browser."""
    for name, value in values.items():
        if widget.has_trait(name) and getattr(widget, name) != value:
            setattr(widget, name, value)


def show(widget: widgets.DOMWidget, shown: bool) -> None:
    """Show a widget, or put it away."""
    put_traits(widget.layout, display=None if shown else "none")


def box(name: str, children: Sequence[widgets.Widget] = ()) -> widgets.Box:
    """A box whose style class says how its children are laid out."""
    made = widgets.Box(list(children))
    made.add_class(name)
    return made


def button(label: str, name: str, action: Callable[[], None], help: str = "") -> widgets.Button:
    """A button; ``name`` is that of its style class."""
    made = widgets.Button(description=label, tooltip=help or label)
    made.add_class(slug(name))
    made.on_click(lambda _: action())
    return made


def close(widget: widgets.Widget) -> None:
    """End a widget with all that it is made of; in the browser it goes as well."""
    close_parts(widget)
    widget.close()


def close_parts(widget: widgets.Widget) -> None:
    """End all that a widget is made of: children, layouts, styles."""
    for value in widget.trait_values().values():
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, widgets.Widget):
                close(part)


def replace(holder: widgets.Box, children: Sequence[widgets.Widget]) -> None:
    """Put other children into a box; those that are not among them are closed."""
    gone = [child for child in holder.children if child not in children]
    holder.children = list(children)
    for child in gone:
        close(child)
