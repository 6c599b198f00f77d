"""Setting: what a person must know of one number, said once for CLI, widgets and validation.

A field of a frozen dataclass carries its setting in its type::

    sigma: Annotated[float, Setting("Noise level.", unit="1", low=0.0, slider=(0.0, 0.3))] = 0.05
"""

from __future__ import annotations

import dataclasses
import difflib
import sys
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import Any, TypeVar, get_type_hints

from typing_extensions import Doc

S = TypeVar("S")
#: What is counted in 64 bits.
MOST_WHOLE = 2**63 - 1


@dataclasses.dataclass(frozen=True)
class Setting(Doc):
    """Help text, unit and hard bounds of a field; ``slider`` is the range worth exploring.

    ``choices`` may be a registry, to which plug-ins add.
    """

    help: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    slider: tuple[float, float] | None = None
    log: bool = False
    choices: Collection[str] = ()
    multiple_of: int | None = None
    positive: bool = False

    @property
    def documentation(self) -> str:  # type: ignore[override]
        """What the command line says of it."""
        unit = f"[{self.unit}]" if self.unit else ""
        return " ".join(filter(None, (self.help, unit, self.offered)))

    @property
    def offered(self) -> str:
        """The choices as a sentence, with what a registry says of each; empty without any."""
        names = getattr(self.choices, "told", self.choices)
        return f"One of: {', '.join(names)}." if names else ""


@cache
def settings_of(cls: type) -> dict[str, Setting]:
    """The settings of a dataclass, by field name, in order; fields without one are left out."""
    hints = get_type_hints(cls, include_extras=True)
    found: dict[str, Setting] = {}
    for field in dataclasses.fields(cls):
        for extra in getattr(hints[field.name], "__metadata__", ()):
            if isinstance(extra, Setting):
                found[field.name] = extra
    return found


@cache
def field_types(cls: type) -> dict[str, Any]:
    """The plain type of each field of a dataclass, without its setting."""
    hints = get_type_hints(cls)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls)}


def choose(kind: str, name: str, options: Iterable[str]) -> str:
    """``name`` if it is one of ``options``.

    Raises:
        ValueError: it is not; the message has the nearest option and all of them.
    """
    known = list(options)
    if name in known:
        return name
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"unknown {kind} {name!r}.{hint} Known: {', '.join(known)}.")


def override(spec: S, values: Mapping[str, Any]) -> S:
    """A copy of the dataclass ``spec`` with some fields replaced, checked against its settings.

    Raises:
        ValueError: an unknown field (with the nearest match) or a value out of bounds.
    """
    names = [field.name for field in dataclasses.fields(spec)]  # type: ignore[arg-type]
    for name in values:
        choose(f"setting of {type(spec).__name__}", name, names)
    # Files and notebooks know lists alone.
    own = {n: tuple(one) if isinstance(one, list) else one for n, one in values.items()}
    changed: S = dataclasses.replace(spec, **own)  # type: ignore[type-var]
    validate(changed)
    return changed


def validate(spec: Any) -> None:
    """Check each field that has a setting.

    Raises:
        ValueError: a value of the wrong type, not finite, or out of bounds; names field, value and
            remedy.
    """
    cls: type = type(spec)
    types = field_types(cls)
    for name, setting in settings_of(cls).items():
        problem = complaint(getattr(spec, name), types[name], setting)
        if problem:
            value = getattr(spec, name)
            raise ValueError(f"{name} = {value!r} {problem} ({setting.help})")


def complaint(value: Any, expected: Any, setting: Setting) -> str:
    """What is wrong with a value of a field of that type, as what follows on it; or nothing."""
    if setting.choices:
        allowed = ", ".join(setting.choices)
        return "" if value in setting.choices else f"is not one of: {allowed}."
    if expected not in (int, float):
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"is not a {'whole ' if expected is int else ''}number."
    # Whole numbers of hundreds of digits are infinite as soon as anything is computed with them.
    if not abs(value) <= sys.float_info.max:
        return "is not finite; give an ordinary number."
    if expected is int and value != int(value):
        return "is not a whole number."
    if expected is int and abs(value) > MOST_WHOLE:
        return f"is too large; the most is {MOST_WHOLE}."
    unit = f" {setting.unit}" if setting.unit else ""
    if setting.positive and value <= 0:
        return f"must be greater than 0{unit}."
    if setting.low is not None and value < setting.low:
        return f"is too small; the least is {setting.low:g}{unit}."
    if setting.high is not None and value > setting.high:
        return f"is too large; the most is {setting.high:g}{unit}."
    if setting.multiple_of and value % setting.multiple_of:
        return f"must be a multiple of {setting.multiple_of}."
    return ""
