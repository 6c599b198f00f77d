"""Plain: dataclasses as plain values and as JSON, and back, checked against their types.

Read are scalars, tuples, mappings, optional fields and dataclasses of these. A field that is not
told has its default, and one that is not known is passed over, so that files of other versions
open. NaN and infinities are written as Python's ``json`` writes them.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from cattrs import BaseValidationError, Converter, transform_error

T = TypeVar("T")
#: The same as the safe loader in Python, ten times as fast.
YAML = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _only(wanted: str, *kinds: type) -> Callable[[Any, type], Any]:
    """Takes values of these very types: neither "3" nor True is a number."""

    def take(value: Any, kind: type) -> Any:
        if type(value) not in kinds:
            raise ValueError(f"{value!r} is not {wanted}")
        return kind(value)

    return take


def new_converter() -> Converter:
    """A converter for scalars and what is made of them; more may be taught to it."""
    converter = Converter()
    converter.register_structure_hook(float, _only("a number", float, int))
    converter.register_structure_hook(int, _only("a whole number", int))
    converter.register_structure_hook(bool, _only("true or false", bool))
    converter.register_structure_hook(str, _only("a text", str))
    return converter


USUAL = new_converter()


@contextmanager
def uncollected() -> Iterator[None]:
    """Make many values that stay: to look for garbage among them takes longer than to make them."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def to_plain(value: object, converter: Converter = USUAL) -> Any:
    """Dataclasses, mappings and tuples as dicts and lists of scalars."""
    return converter.unstructure(value)


def from_plain(kind: type[T], plain: Any, where: object, converter: Converter = USUAL) -> T:
    """The value of a type that such plain values tell.

    Args:
        kind: the type.
        plain: the values.
        where: what they come from, for messages.
        converter: what else than the usual is to be read.

    Raises:
        ValueError: they do not fit; names the place, the fields and their values.
    """
    if is_dataclass(kind) and not isinstance(plain, dict):
        found = "is empty" if plain is None else f"holds {plain!r:.40} and no fields"
        raise ValueError(f"{where} is damaged: it {found}; put it right, or delete it")
    try:
        return converter.structure(plain, kind)
    except (BaseValidationError, ValueError, TypeError, KeyError, RecursionError) as error:
        told = (one.rpartition(" @ ") for one in transform_error(error, "", _reason))
        faults = "; ".join(f"{path.lstrip('.')} {reason}".strip() for reason, _, path in told)
        raise ValueError(f"{where} is damaged: {faults}; put it right, or delete it") from error


def to_json(value: object, indent: int | None = None) -> str:
    """JSON, on one line unless it is indented."""
    return json.dumps(to_plain(value), indent=indent)


def from_json(kind: type[T], text: str | bytes, where: object, converter: Converter = USUAL) -> T:
    """The value of a type that a text tells.

    Raises:
        ValueError: it is no JSON, or does not fit; see ``from_plain``.
    """
    return from_plain(kind, parsed(text, where), where, converter)


def parsed(text: str | bytes, where: object) -> Any:
    """The plain values of a text in JSON.

    Raises:
        ValueError: it is none; names the place.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{where} is damaged: {error}; put it right, or delete it") from error


def read_json(kind: type[T], file: Path) -> T:
    """The value of a type that a file tells.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: see ``from_json``.
    """
    return from_json(kind, file.read_bytes(), file)


def parsed_yaml(text: str, where: object) -> Any:
    """The plain values of a text in YAML without aliases, which make much of little.

    Raises:
        ValueError: it is none; names the place.
    """
    try:
        if any(isinstance(one, yaml.AliasEvent) for one in yaml.parse(text, YAML)):
            raise ValueError("it has aliases")
        return yaml.load(text, YAML)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        told = " ".join(str(error).split())
        raise ValueError(f"{where} is damaged: {told}; put it right, or delete it") from error


def _reason(error: BaseException, kind: type | None) -> str:
    """What is wrong with a field; its name comes before."""
    return f"{error} is missing or unknown" if isinstance(error, KeyError) else str(error)
