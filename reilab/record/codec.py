"""Codec: events and commands as lines of JSON, with images in files beside them.

Each line ends with a seal, the CRC-32 of what stands before it, as one more field: so a reader
tells what is damaged from what a newer version has written. Lines of older versions have none.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from sys import intern
from typing import Any, get_args

import msgspec

from reilab.events import Command, Control, Event, Images, Stepped
from reilab.plain import from_plain, new_converter, parsed
from reilab.record.pictures import Stored
from reilab.settings import field_types

#: What a line may tell; ``is`` says which.
MESSAGE: Any = Event | Command | Control
KINDS: dict[str, type] = {kind.__name__: kind for kind in get_args(MESSAGE)}

SEAL = b', "seal": "'
#: Most lines of a long log begin so.
STEP, STEPS = b'{"is": "Stepped", ', msgspec.json.Decoder(list[Stepped])
#: What numbers of steps and the like must not exceed.
MOST = 2**63


class NewerError(ValueError):
    """A line is as it was written, but of a kind or with a value that is not known here."""


def _image_file(plain: Any, _: type) -> Stored:
    path = Path(plain["array"])
    if path.is_absolute() or ".." in path.parts:
        raise ValueError(f"{plain['array']!r} is not in the folder of the run")
    return Stored(path)


def _whole_number(value: Any, _: type) -> int:
    if type(value) is not int or abs(value) >= MOST:
        raise ValueError(f"{value!r} is not a whole number")
    return value


def _text(value: Any, _: type) -> str:
    if type(value) is not str:
        raise ValueError(f"{value!r} is not a text")
    # Half of a pair of surrogates could be shown nowhere.
    value.encode()
    # Each line tells the same few names.
    return intern(value)


CONVERTER = new_converter()
CONVERTER.register_structure_hook(int, _whole_number)
CONVERTER.register_structure_hook(str, _text)
CONVERTER.register_unstructure_hook(Stored, lambda images: {"array": images.path.as_posix()})
CONVERTER.register_structure_hook(Images, _image_file)
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
    text = json.dumps(CONVERTER.unstructure(message, MESSAGE))
    return f'{text[:-1]}{SEAL.decode()}{zlib.crc32(text.encode()):08x}"}}'


def from_line(line: str | bytes, where: object) -> Any:
    """The event, command or control of a line; images have the paths that it tells.

    Raises:
        NewerError: it is of a newer version.
        ValueError: it is damaged; names the place, the fields and their values.
    """
    line = line.strip() if isinstance(line, bytes) else line.encode()
    told, sealed, seal = line.rpartition(SEAL)
    if sealed and seal != _seal(told):
        raise ValueError(f"{where} is damaged: it is not what was written there")
    plain = parsed(line, where)
    try:
        return from_plain(MESSAGE, plain, where, CONVERTER)
    except ValueError as error:
        kind = plain.get("is") if isinstance(plain, dict) else None
        if sealed or (isinstance(kind, str) and kind not in KINDS):
            raise NewerError(f"{where} is of a newer version: {kind}") from error
        raise


def steps_of(lines: Sequence[bytes]) -> list[Stepped] | None:
    """The steps that lines without their ends tell, as ``from_line`` has them, but much sooner.

    None where one does not begin like a step, or there is anything odd about it.
    """
    told = [line.rpartition(SEAL) for line in lines if line.startswith(STEP)]
    if len(told) < len(lines) or any(seal != _seal(one) for one, _, seal in told):
        return None
    try:
        steps = STEPS.decode(b"[%b}]" % b"},".join([one for one, *_ in told]))
    except (msgspec.DecodeError, RecursionError):
        return None
    fine = len(steps) == len(lines) and all(abs(one.step) < MOST for one in steps)
    return steps if fine else None


def _seal(told: bytes) -> bytes:
    return b'%08x"}' % zlib.crc32(told + b"}")


def with_images(message: Any, turn: Callable[[str, Any], Stored]) -> Any:
    """The message with all its images put through ``turn(field, images)``."""
    names = _image_fields(message.__class__)
    if not names:
        return message
    found = {name: getattr(message, name) for name in names}
    turned = {name: turn(name, images) for name, images in found.items() if images is not None}
    return replace(message, **turned) if turned else message


@cache
def _image_fields(kind: type) -> tuple[str, ...]:
    return tuple(n for n, one in field_types(kind).items() if one in (Images, Images | None))
