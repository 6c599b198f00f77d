"""Fields: the controls of the form on the page, one to each choice."""

from __future__ import annotations

from typing import Any

from reilab.lab.form import Control, Send
from reilab.lab.put import put
from reilab.lab.style import slug
from reilab.lab.web.components import Field

WIDE: dict[str, Any] = {"sizing_mode": "stretch_width", "margin": 0}


def make_field(now: Control, send: Send) -> Field:
    """A control that shows a choice and tells what is entered."""
    field = Field(kind=now.kind, css_classes=[slug(now.name)], **_shown(now), **WIDE)
    field.param.watch(lambda event: send(event.new), "value")
    return field


def show_field(field: Field, now: Control) -> None:
    """Bring a field up to date."""
    put(field, **_shown(now))


def _shown(now: Control) -> dict[str, Any]:
    return {
        "label": now.label,
        "unit": now.unit,
        "help": now.help,
        "options": [[one.value, one.words, *filter(None, [one.colour])] for one in now.options],
        "span": list(now.span or ()),
        "scaled": now.scaled,
        "locked": now.locked,
        "visible": now.shown,
        "value": now.value,
    }
