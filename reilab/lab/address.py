"""Address: the state of a page as the query of its address, so that a link opens the same view."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from reilab.lab.choices import Choices
from reilab.lab.model import Lab
from reilab.lab.view import View
from reilab.show.words import number_text, parse_number
from reilab.tasks.registry import find_task

#: Parameters of the view that are written as they are, by their name in the address.
PLAIN = (
    *("tab", "sample", "at", "part", "profile", "colours", "swipe", "over", "left", "right"),
    *("divide", "log_losses"),
)
LISTS = ("hidden", "compared")
RANGES = ("window", "zoom")
OTHER = ("smoothing", "theme", "watch")
NEW = "new"


def write(lab: Lab, view: View) -> str:
    """The query that brings this state back; what is as usual is left out."""
    found: dict[str, str] = {}
    if lab.run:
        found["run"] = lab.run
    if not lab.run or not lab.as_asked:
        choices = lab.choices
        found |= {"task": choices.task, "preset": choices.preset}
        found |= {name: _text(value) for name, value in choices.changes().items()}
    for name in (*PLAIN, *LISTS, *RANGES, *OTHER):
        value = getattr(view, name)
        if value != view.param[name].default:
            found[name] = _text(value)
    return urlencode(found, safe=",/")


def read_view(query: Mapping[str, str], view: View) -> None:
    """Set a view to what an address says; what makes no sense is left as it is."""
    for name in (*PLAIN, *LISTS, *RANGES, *OTHER):
        if name in query:
            try:
                setattr(view, name, _value(name, query[name], view))
            except (ValueError, OverflowError):
                continue


def read_choices(query: Mapping[str, str], choices: Choices) -> None:
    """Set the choices to what an address says.

    Raises:
        ValueError: an unknown task or preset.
    """
    if "task" not in query:
        return
    task, preset = query["task"], query.get("preset", choices.preset)
    # Raises before anything is chosen.
    find_task(task).preset(preset)
    choices.task, choices.preset = task, preset
    own = {name: query[name] for name in choices.own if name in query}
    if "methods" in own:
        choices.methods = own.pop("methods").split(",")
    if "device" in own and own["device"] in choices.param.device.objects:
        choices.device = own["device"]
    own.pop("device", None)
    if "same_noise" in own:
        choices.same_noise = own.pop("same_noise") == "1"
    choices.param.update(**{name: parse_number(text) for name, text in own.items()})
    further = {name: parse_number(query[name]) for name in choices.further if name in query}
    choices.further = {**choices.further, **further}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, list | tuple):
        return ",".join(_text(item) for item in value)
    return number_text(value)


def _value(name: str, text: str, view: View) -> Any:
    if name in LISTS:
        return [item for item in text.split(",") if item]
    if name in RANGES:
        return tuple(_finite(item) for item in text.split(","))
    usual = view.param[name].default
    if isinstance(usual, bool):
        return text == "1"
    if isinstance(usual, str):
        return text
    number = _finite(text)
    return int(number) if name in ("sample", "at") else number


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is no finite number")
    return number
