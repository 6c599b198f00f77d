"""Inputs: what each kind of control is made of; they speak text, whatever their kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from html import escape
from typing import Any, Protocol

import ipywidgets as widgets

from reilab.lab.form import Control
from reilab.lab.notebook.elements import box, button, html, replace
from reilab.lab.numbers import number_text, parse_number, scaled_text
from reilab.lab.style import slug

Send = Callable[[str], None]
#: A slider has so many places.
PLACES = 100


class Input(Protocol):
    """What a person enters something with."""

    widget: widgets.Box

    def show(self, now: Control) -> None:
        """Bring it up to date."""
        ...


class NumberInput:
    """A text field; below it a slider or beside it a tenth and ten times, if the control says so.

    Text takes a number as people write it (1e-5), and what is none is explained, not eaten.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._text = widgets.Text(continuous_update=False, description_allow_html=True)
        self._text.observe(lambda change: send(change["new"]), "value")
        self.widget = box("reilab-number", [self._text])
        self._slider: widgets.FloatSlider | None = None
        self._buttons: list[widgets.Button] = []
        self._dress: tuple[object, ...] = (None, False)

    def show(self, now: Control) -> None:
        """Bring it up to date."""
        if (now.span, now.scaled) != self._dress:
            self._dress = (now.span, now.scaled)
            self._buttons = self._make_buttons(now) if now.scaled else []
            self._slider = self._make_slider(now.span) if now.span else None
            slider = [self._slider] if self._slider else []
            replace(self.widget, [self._text, *self._buttons, *slider])
        wanted = {"description": titled(now), "value": now.value, "disabled": now.locked}
        set_traits(self._text, wanted)
        for one in self._buttons:
            set_traits(one, {"disabled": now.locked})
        value = parse_number(now.value)
        if self._slider and not isinstance(value, str):
            place = min(max(value, self._slider.min), self._slider.max)
            set_traits(self._slider, {"value": place, "disabled": now.locked})

    def _make_buttons(self, now: Control) -> list[widgets.Button]:
        return [
            button(words, "scale", partial(self._scale, factor), f"{now.label} {words}")
            for words, factor in (("÷10", 0.1), ("×10", 10.0))
        ]

    def _scale(self, factor: float) -> None:
        self._send(scaled_text(self._text.value, factor))

    def _make_slider(self, span: tuple[float, float]) -> widgets.FloatSlider:
        low, high = span
        slider = widgets.FloatSlider(
            min=low, max=high, step=(high - low) / PLACES, readout=False, continuous_update=False
        )
        slider.observe(lambda change: self._send(number_text(change["new"])), "value")
        return slider


class ChoiceInput:
    """A list to choose one from."""

    def __init__(self, send: Send) -> None:
        self._list = widgets.Dropdown(description_allow_html=True)
        self._list.observe(lambda change: send(change["new"] or ""), "value")
        self.widget = box("reilab-choice", [self._list])

    def show(self, now: Control) -> None:
        """Bring it up to date."""
        options = tuple((one.words, one.value) for one in now.options)
        if self._list.options != options:
            self._list.options = options
        wanted = {"description": titled(now), "value": now.value, "disabled": now.locked}
        set_traits(self._list, wanted)


class ChecksInput:
    """A box to tick for each option."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._label = html("reilab-label")
        self._boxes: dict[str, widgets.Checkbox] = {}
        self.widget = box("reilab-checks")

    def show(self, now: Control) -> None:
        """Bring it up to date."""
        self._label.value = titled(now)
        values = [one.value for one in now.options]
        if list(self._boxes) != values:
            self._boxes = {one.value: self._make(one.value, one.words) for one in now.options}
            replace(self.widget, [self._label, *self._boxes.values()])
        chosen = now.value.split()
        for value, one in self._boxes.items():
            set_traits(one, {"value": value in chosen, "disabled": now.locked})

    def _make(self, value: str, words: str) -> widgets.Checkbox:
        made = widgets.Checkbox(description=words, indent=False)
        made.add_class(slug(f"check {value}"))
        made.observe(self._read, "value")
        return made

    def _read(self, _: Any) -> None:
        self._send(" ".join(value for value, one in self._boxes.items() if one.value))


def titled(now: Control) -> str:
    """The name of a control with its unit."""
    # JupyterLab lets few elements through in a label, this one among them.
    unit = f" <em>{escape(now.unit)}</em>" if now.unit else ""
    return f"{escape(now.label)}{unit}"


def set_traits(widget: widgets.Widget, wanted: Mapping[str, Any]) -> None:
    """Change what differs; each change is a message to the browser."""
    for name, value in wanted.items():
        if getattr(widget, name) != value:
            setattr(widget, name, value)
