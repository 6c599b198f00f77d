"""Codec: events and commands as lines of JSON, with images in files beside them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from reilab import events
from reilab.events import Images
from reilab.record.pictures import Array, Stored

_CLASSES: dict[str, type] = {
    cls.__name__: cls
    for cls in vars(events).values()
    if isinstance(cls, type) and dataclasses.is_dataclass(cls)
}

#: Stores an array of a field, and gives the name that it has then.
Keep = Callable[[str, Array | Stored], str]


def to_line(value: object, keep: Keep | None = None) -> str:
    """One line of JSON. ``keep(field, array)`` stores an array and returns the name it has then."""
    return json.dumps(_encode(value, "", keep), separators=(",", ":"))


def from_line(line: str, load: Callable[[str], Images] | None = None) -> Any:
    """The event, command or control of a line. ``load(name)`` gives an array that was kept."""
    return _decode(json.loads(line), load)


def _encode(value: Any, name: str, keep: Keep | None) -> Any:
    if isinstance(value, np.ndarray | Stored):
        if keep is None:
            raise TypeError(f"{name} is an array and there is no place to keep it")
        return {"array": keep(name, value)}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        parts = {
            field.name: _encode(getattr(value, field.name), field.name, keep)
            for field in dataclasses.fields(value)
        }
        return {"is": type(value).__name__, **parts}
    if isinstance(value, Mapping):
        return {str(key): _encode(item, name, keep) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_encode(item, name, keep) for item in value]
    return value


def _decode(value: Any, load: Callable[[str], Images] | None) -> Any:
    if isinstance(value, list):
        return tuple(_decode(item, load) for item in value)
    if not isinstance(value, dict):
        return value
    if "array" in value:
        if load is None:
            raise TypeError("the line names an array and there is no way to load it")
        return load(value["array"])
    parts = {key: _decode(item, load) for key, item in value.items() if key != "is"}
    return _CLASSES[value["is"]](**parts) if "is" in value else parts
