"""Elements of the lab in a notebook: texts, buttons, boxes, the table, and their style."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from reilab.lab.content import SummaryRow
from reilab.lab.style import TEXT_CSS, slug
from reilab.methods.registry import methods
from reilab.show.table import COLUMNS
from reilab.show.words import method_colour

#: The sheet of the page's texts, with the notebook's colours.
_TEXTS = f"""
.reilab-lab {{
  --panel-primary-color: var(--jp-brand-color1, #1a5fb4);
  --panel-on-surface-color: var(--jp-ui-font-color1, inherit);
  --border-color: var(--jp-border-color1, #8888);
  {TEXT_CSS}
}}
"""
_CHIPS = "".join(
    f".reilab-lab .{slug(f'check {name}')} {{ --chip: {one.colour}; }}\n"
    for name, one in methods().items()
)
_OWN = (Path(__file__).parent / "lab.css").read_text(encoding="utf-8")
STYLE = _TEXTS + _CHIPS + _OWN


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


def table_html(rows: Sequence[SummaryRow]) -> str:
    """One row for A†y and for every method; units are in the heads."""
    heads = "".join(
        f'<th scope="col">{escape(one.title)}{one.unit and f" <small>{one.unit}</small>"}</th>'
        for one in COLUMNS
    )
    body = "".join(_row(row) for row in rows)
    return (
        '<table class="reilab-results"><caption>Means over all test images</caption>'
        f'<thead><tr><th scope="col">Method</th>{heads}</tr></thead><tbody>{body}</tbody></table>'
    )


def _row(row: SummaryRow) -> str:
    chip = f'<span class="chip" style="background:{row.colour or method_colour(row.key)}"></span>'
    cells = "".join(f"<td>{column.shown(row.result)}</td>" for column in COLUMNS)
    return f'<tr><th scope="row">{chip}{escape(row.name)}</th>{cells}</tr>'
