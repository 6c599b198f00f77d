"""Fields: the controls of the form on the page, one to each choice."""

from __future__ import annotations

from typing import Any

from reilab.lab.form import Control, answer, control
from reilab.lab.model import Lab
from reilab.lab.put import put
from reilab.lab.style import slug
from reilab.lab.web.components import Field

WIDE: dict[str, Any] = {"sizing_mode": "stretch_width", "margin": 0}


def make_field(lab: Lab, name: str) -> Field:
    """A control that shows a choice and takes over what is entered."""
    first = control(lab, name)
    field = Field(kind=first.kind, css_classes=[slug(name)], **_shown(first), **WIDE)

    def read(*_: Any) -> None:
        if field.value != control(lab, name).value:
            answer(lab.choices, name, field.value)
            # What means the same number may be written in other ways.
            show_field(field, control(lab, name))

    field.param.watch(read, "value")
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
