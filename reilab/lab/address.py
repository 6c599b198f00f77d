"""Address: the state of a page as the query of its address, so that a link opens the same view."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import urlencode

from reilab.lab.actions import attempt
from reilab.lab.choices import OWN, Choices
from reilab.lab.model import Lab
from reilab.lab.view import View
from reilab.show.words import number_text, parse_number
from reilab.tasks.registry import MODEL

#: Parameters of the view that are written as they are, by their name in the address.
PLAIN = (
    *("tab", "sample", "at", "part", "profile", "colours", "swipe", "over", "left", "right"),
    *("divide", "log_losses"),
)
LISTS = ("hidden", "compared")
RANGES = ("window", "zoom")
OTHER = ("smoothing", "levels", "seeds", "swept", "theme", "watch", "present")
VIEWED = (*PLAIN, *LISTS, *RANGES, *OTHER)


def write(lab: Lab, view: View) -> str:
    """The query that brings this state back; what is as usual is left out."""
    found: dict[str, str] = {}
    if lab.run:
        found["run"] = lab.run
    if not lab.run or not lab.as_asked:
        choices = lab.choices
        found |= {"task": choices.task, "preset": choices.preset}
        found |= {name: _text(value) for name, value in choices.changes().items()}
    for name in VIEWED:
        value = getattr(view, name)
        if value != view.param[name].default:
            found[name] = _text(value)
    return urlencode(found, safe=",/")


def read_view(query: Mapping[str, str], view: View) -> list[str]:
    """Set a view to what an address says; what makes no sense is left as it is, and told."""

    def read(name: str) -> None:
        setattr(view, name, _value(name, query[name], view))

    return _told({name: partial(read, name) for name in VIEWED if name in query}, query)


def read_choices(query: Mapping[str, str], choices: Choices) -> list[str]:
    """Set the choices to what an address says, else the preset's; what makes no sense is told."""
    if "task" not in query:
        return []

    def read_task() -> None:
        task, preset, base = query["task"], query.get("preset", "quick"), choices.base
        choices.reset(task, preset)
        start = query.get("start_from", "")
        same = (task, preset, start) == (base.task, base.preset, base.start_from)
        if same and ("run" in query or start):
            # It has what there is no control for; an address by itself opens no file to start from.
            choices.base = base

    def read(name: str) -> None:
        text = query[name]
        match name:
            case "methods":
                choices.methods = text.split(",")
            case "same_noise":
                choices.same_noise = text == "1"
            case _ if name in OWN:
                setattr(choices, name, choices.parsed(name, text))
            case _ if name in choices.further:
                choices.set_further(name, choices.parsed(name, text))

    # A network brings settings of its own, a noise model has a level of its own.
    names = ("network", MODEL, *OWN, *query)
    told = _told({"task": read_task}, query)
    return told or _told({name: partial(read, name) for name in names if name in query}, query)


def strangers(query: Mapping[str, str], choices: Choices) -> list[str]:
    """What of an address means nothing here, in words."""
    known = {"run", "task", "preset", *VIEWED, *OWN, *choices.further, *choices.changes()}
    return [f"the address has “{name}”, which means nothing here" for name in query.keys() - known]


def _told(readers: Mapping[str, Callable[[], None]], query: Mapping[str, str]) -> list[str]:
    """Read each part of an address; in words what could not be."""
    # What param says begins with names of the inside.
    found = {n: re.sub(r"^\w+ parameter '.*?' ", "", attempt(read)) for n, read in readers.items()}
    return [
        f"{name}={query[name]} in the address {words}" for name, words in found.items() if words
    ]


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
        return _range(name, [_finite(item) for item in text.split(",")])
    usual = view.param[name].default
    if isinstance(usual, bool):
        return text == "1"
    if isinstance(usual, str):
        return text
    number = _finite(text)
    return int(number) if name in ("sample", "at") else number


def _range(name: str, ends: Sequence[float]) -> tuple[float, ...]:
    """Lower and upper ends, by turns."""
    many = 2 if name == "window" else 4
    if len(ends) != many or any(ends[i] >= ends[i + 1] for i in range(0, many, 2)):
        raise ValueError(f"must be {many} numbers, of which each second one is the greater")
    return tuple(ends)


def _finite(text: str) -> float:
    number = parse_number(text)
    if isinstance(number, str) or not math.isfinite(number):
        raise ValueError("is no ordinary number")
    return number
