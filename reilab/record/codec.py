"""Codec: events and commands as lines of JSON, with images in files beside them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, get_args

from reilab.events import Command, Control, Event, Images
from reilab.plain import from_json, new_converter
from reilab.record.pictures import Stored
from reilab.settings import field_types

#: What a line may tell; ``is`` says which.
MESSAGE: Any = Event | Command | Control
KINDS: dict[str, type] = {kind.__name__: kind for kind in get_args(MESSAGE)}

CONVERTER = new_converter()
CONVERTER.register_unstructure_hook(Stored, lambda images: {"array": images.path.as_posix()})
CONVERTER.register_structure_hook(Images, lambda plain, _: Stored(Path(plain["array"])))
for _union in (Command, MESSAGE):
    # The like in cattrs makes the code for all of them at once, which takes 40 ms.
    CONVERTER.register_structure_hook(
        _union, lambda plain, _: CONVERTER.structure(plain, KINDS[plain["is"]])
    )
    CONVERTER.register_unstructure_hook(
        _union, lambda one: {"is": type(one).__name__, **CONVERTER.unstructure(one)}
    )


def to_line(message: Any) -> str:
    """One line of JSON; it tells images by their paths.

    Raises:
        TypeError: there are images in memory; see ``with_images``.
    """
    return json.dumps(CONVERTER.unstructure(message, MESSAGE))


def from_line(line: str | bytes, where: object) -> Any:
    """The event, command or control of a line; images have the paths that it tells.

    Raises:
        ValueError: it is damaged; names the place, the fields and their values.
    """
    return from_json(MESSAGE, line, where, CONVERTER)


def with_images(message: Any, turn: Callable[[str, Any], Stored]) -> Any:
    """The message with all its images put through ``turn(field, images)``."""
    found = {name: getattr(message, name) for name in _image_fields(message.__class__)}
    turned = {name: turn(name, images) for name, images in found.items() if images is not None}
    return replace(message, **turned) if turned else message


@cache
def _image_fields(kind: type) -> tuple[str, ...]:
    return tuple(n for n, one in field_types(kind).items() if one in (Images, Images | None))
