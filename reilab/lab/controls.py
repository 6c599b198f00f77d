"""Controls of the page: the fields of the form in their groups, as widgets."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import panel as pn
import panel_material_ui as pmui

from reilab.lab import form
from reilab.lab.form import Control, Send
from reilab.lab.model import Lab
from reilab.lab.style import TALL, slug
from reilab.lab.text import heading
from reilab.lab.web.components import Field, put

WIDE: dict[str, Any] = {"sizing_mode": "stretch_width", "margin": 0}


def make_field(lab: Lab, now: Control, send: Send) -> Field:
    """A control that shows a choice, tells what is entered, and says at once what is wrong."""
    field = Field(kind=now.kind, css_classes=[slug(now.name)], **_shown(now), **WIDE)
    field.param.watch(lambda event: send(event.new), "value")

    def check(event: Any) -> None:
        field.error = form.complaint(lab.choices, now.name, event.new)

    field.param.watch(check, "draft")
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
        "eager": now.eager,
        "locked": now.locked,
        "error": now.error,
        "visible": now.shown,
        "value": now.value,
    }


ACCORDION = {
    "boxShadow": "none",
    "background": "none",
    "& .MuiAccordionSummary-root": {"padding": 0, "minHeight": "36px"},
    "& .MuiAccordionDetails-root": {"padding": 0},
    "& :is(h1, h2, h3, .MuiTypography-root)": {"fontSize": "14px", "fontWeight": 600},
}
#: Controls that stand beside each other.
PAIR = ("steps", "seed")


class Controls(pn.viewable.Viewer):
    """The column beside the views; what cannot be changed now is out of use."""

    def __init__(self, lab: Lab) -> None:
        super().__init__()
        self._lab = lab
        self._explored, self._more = (
            pn.Column(margin=0, sizing_mode="stretch_width", styles=dict(TALL)) for _ in range(2)
        )
        self._further: list[Field] = []
        self._accordion = pmui.Accordion(
            (form.FURTHER, self._more), margin=(8, 0), sizing_mode="stretch_width", sx=ACCORDION
        )
        self._accordion.param.watch(self._unfold, "active")
        self.form: form.Form[Field] = form.Form(
            lab, partial(make_field, lab), show_field, self._place
        )
        self._view = self._layout()
        self.form.offer()

    def __panel__(self) -> pn.viewable.Viewable:
        return self._view

    def _layout(self) -> pn.Column:
        parts: list[pn.viewable.Viewable] = []
        for title, names in form.GROUPS.items():
            parts.append(heading(title, margin=(14, 0, 4, 0)))
            parts += [self.form.fields[name] for name in names if name not in PAIR]
            if title == form.PROBLEM:
                parts.append(self._explored)
        pair = pn.Row(
            *(self.form.fields[name] for name in PAIR),
            styles={"gap": "10px"},
            margin=0,
            sizing_mode="stretch_width",
        )
        parts.insert(-1, pair)
        parts.append(self._accordion)
        return pn.Column(*parts, margin=(0, 16, 24, 16), sizing_mode="stretch_width")

    def _place(self, own: Mapping[str, Field]) -> None:
        explored = self._lab.choices.explored()
        self._explored.objects = [own[name] for name in explored]
        self._further = [field for name, field in own.items() if name not in explored]
        self._unfold()

    def _unfold(self, *_: Any) -> None:
        """Make the further settings when they are opened first: half of a new page's controls."""
        if self._accordion.active or self._more.objects:
            self._more.objects = self._further
