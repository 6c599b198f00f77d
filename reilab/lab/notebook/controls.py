"""Controls in a notebook: the fields of the form in their groups, as widgets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from html import escape
from typing import Any

import ipywidgets as widgets

from reilab.lab import form
from reilab.lab.form import Control, Send
from reilab.lab.model import Lab
from reilab.lab.notebook.elements import box, button, html, put_traits, replace, set_html, show
from reilab.lab.style import slug
from reilab.show.words import number_text, parse_number, scaled_text

#: The parts of a field, and what each shows of a control.
Parts = Mapping[widgets.Widget, Callable[[Control], Mapping[str, Any]]]


class NotebookField:
    """A control with its help; its parts speak text, whatever their kind."""

    def __init__(self, now: Control, send: Send) -> None:
        self._send = send
        self._parts: Parts = {}
        self._made: tuple[object, ...] = ()
        self._inputs, self._help = box(f"reilab-{now.kind}"), html("reilab-help")
        self.widget = box("reilab-field", [self._inputs, self._help])
        self.widget.add_class(slug(now.name))
        self.show(now)

    def show(self, now: Control) -> None:
        """Bring it up to date."""
        made = (now.span, now.scaled, now.options)
        if made != self._made:
            self._made, self._parts = made, PARTS[now.kind](now, self._send)
            replace(self._inputs, list(self._parts))
        for part, shown in self._parts.items():
            put_traits(part, disabled=bool(now.locked), **shown(now))
        set_html(self._help, help_html(now))
        show(self.widget, now.shown)


def number_parts(now: Control, send: Send) -> Parts:
    """A text field; below it a slider or beside it a tenth and ten times, if the control says so.

    Text takes a number as people write it (1e-5), and what is none is explained, not eaten.
    """
    text = widgets.Text(continuous_update=False, description_allow_html=True)
    text.observe(lambda change: send(change["new"]), "value")
    parts: dict[Any, Any] = {text: _named_value}

    def scale(factor: float) -> None:
        send(scaled_text(text.value, factor))

    for words, factor in (("÷10", 0.1), ("×10", 10.0)) if now.scaled else ():
        made = button(words, "scale", partial(scale, factor), f"{now.label} {words}")
        parts[made] = lambda now: {}
    if now.span:
        low, high, step = now.span
        slider = widgets.FloatSlider(
            min=low, max=high, step=step, readout=False, continuous_update=False
        )
        slider.observe(lambda change: send(number_text(change["new"])), "value")
        parts[slider] = lambda now: _place(parse_number(now.value), low, high)
    return parts


def choice_parts(now: Control, send: Send) -> Parts:
    """A list to choose one from."""
    options = [(one.words, one.value) for one in now.options]
    chosen = widgets.Dropdown(options=options, value=now.value, description_allow_html=True)
    chosen.observe(lambda change: send(change["new"] or ""), "value")
    return {chosen: _named_value}


def checks_parts(now: Control, send: Send) -> Parts:
    """A box to tick for each option."""
    boxes = {
        one.value: widgets.Checkbox(description=one.words, indent=False) for one in now.options
    }

    def read(_: Any) -> None:
        send(" ".join(value for value, one in boxes.items() if one.value))

    parts: dict[Any, Any] = {html("reilab-label"): lambda now: {"value": titled(now)}}
    for value, one in boxes.items():
        one.add_class(slug(f"check {value}"))
        one.observe(read, "value")
        parts[one] = lambda now, value=value: {"value": value in now.value.split()}
    return parts


PARTS: Mapping[str, Callable[[Control, Send], Parts]] = {
    "number": number_parts,
    "text": number_parts,
    "choice": choice_parts,
    "checks": checks_parts,
}


def titled(now: Control) -> str:
    """The name of a control with its unit."""
    # JupyterLab lets few elements through in a label, this one among them.
    unit = f" <em>{escape(now.unit)}</em>" if now.unit else ""
    return f"{escape(now.label)}{unit}"


def help_html(now: Control) -> str:
    """A question mark that opens the help, by mouse or keyboard, and what is wrong."""
    name = escape(f"Help on {now.label}", quote=True)
    return (
        f'<details><summary aria-label="{name}" title="{name}">?</summary>'
        f"<p>{escape(now.help)}</p></details>"
        + (now.error and f'<p class="reilab-wrong" role="alert">{escape(now.error)}</p>')
    )


def _named_value(now: Control) -> Mapping[str, Any]:
    return {"description": titled(now), "value": now.value}


def _place(value: float | str, low: float, high: float) -> Mapping[str, Any]:
    """Where a slider stands; it stays where it is while there is no number."""
    return {} if isinstance(value, str) else {"value": min(max(value, low), high)}


class NotebookControls:
    """The column beside the views; what cannot be changed now is out of use."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._explored, self._more = box("reilab-group"), box("reilab-group")
        self.form = form.Form(lab, NotebookField, NotebookField.show, self._place)
        groups = [
            box("reilab-group", [_heading(title), *(self.form.fields[n].widget for n in names)])
            for title, names in form.GROUPS.items()
        ]
        accordion = widgets.Accordion([self._more], titles=[form.FURTHER])
        groups.insert(1 + list(form.GROUPS).index(form.PROBLEM), self._explored)
        self.widget = box("reilab-controls", [*groups, accordion])
        self.form.offer()

    def _place(self, own: Mapping[str, NotebookField]) -> None:
        explored = self._lab.choices.explored()
        replace(self._explored, [own[name].widget for name in explored])
        replace(self._more, [own[name].widget for name in own if name not in explored])


def _heading(words: str) -> widgets.HTML:
    return widgets.HTML(f"<h2>{words}</h2>")
