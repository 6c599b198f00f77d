"""The registry of methods: files of this package, installed plug-ins, and single files.

A method is a frozen dataclass whose fields are its weights and settings, with the loss terms that
they weigh::

    @method("denoise", title="Denoise", colour="#5b4fc7")
    @dataclass(frozen=True)
    class Denoise:
        alpha_sure: AlphaSure = 1.0

        def terms(self, problem: Problem) -> Terms:
            return {"sure": Sure()}

Its fields are options of the command line and controls of the lab, its weights can be turned while
it trains, and its formula is put together from what the weights say of their terms. It is found in
this folder, through the entry-point group ``reilab.methods``, or in a file named by the environment
variable ``REILAB_PLUGINS``. A field that several methods have is one option: their settings agree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from reilab.methods.base import MethodSpec, Weight, weight_fields
from reilab.noise.base import NEEDS
from reilab.registry import Registry, complete_settings
from reilab.settings import Setting, choose


@dataclass(frozen=True)
class Method:
    """A registered way of training; ``oracle`` marks one that needs the ground truth.

    Args:
        name: in configurations and on the command line.
        title: on screen.
        colour: in every picture, as in ``#2b87d1``; at least 3:1 against white and black.
        spec: the dataclass.
        settings: of its fields.
        oracle: whether it sees the ground truth.
    """

    name: str
    title: str
    colour: str
    spec: Callable[..., MethodSpec]
    settings: Mapping[str, Setting]
    oracle: bool = False

    @property
    def summary(self) -> str:
        """The first line of the method's documentation."""
        return (self.spec.__doc__ or "").strip().splitlines()[0]

    @property
    def weights(self) -> Mapping[str, Weight]:
        """Its weights, by the names of their fields."""
        return {n: one for n, one in self.settings.items() if isinstance(one, Weight)}

    @property
    def needs(self) -> tuple[str, ...]:
        """What its terms need of the noise, of ``NEEDS``."""
        return tuple(one.needs for one in self.weights.values() if one.needs)

    @property
    def crosses(self) -> bool:
        """Whether one of its terms goes through the operators of other samples."""
        return any(one.crosses for one in self.weights.values())


T = TypeVar("T", bound=type)
_METHODS: Registry[Method] = Registry(
    "method",
    "reilab.methods",
    "reilab.methods",
    order=lambda one: (not one.oracle, len(one.weights)),
)


def method(name: str, *, title: str, colour: str, oracle: bool = False) -> Callable[[T], T]:
    """Class decorator: register a frozen dataclass as a method.

    Raises:
        ValueError: the name is taken, a field has no setting, or there is no weight.
    """

    def register(spec: T) -> T:
        settings = complete_settings("method", name, spec)
        if not weight_fields(spec):
            raise ValueError(f"method {name!r} needs a field with a Weight for each of its terms")
        for weight in weight_fields(spec).values():
            choose(f"need of the method {name!r}", weight.needs, ("", *NEEDS))
        _METHODS.add(Method(name, title, colour, spec, settings, oracle))
        return spec

    return register


def methods() -> Mapping[str, Method]:
    """All methods by name: supervised training first, then those with few terms."""
    return _METHODS.all()


def find_method(name: str) -> Method:
    """The method of that name.

    Raises:
        ValueError: there is none; the message has the nearest match.
    """
    return _METHODS.find(name)


def method_of(spec: MethodSpec) -> Method:
    """The entry of a method that is asked for.

    Raises:
        ValueError: its class is not registered.
    """
    return _METHODS.of(spec)


def method_settings(names: Iterable[str] | None = None) -> dict[str, Setting]:
    """The settings of these methods, or of all, by field; each once."""
    known = methods()
    chosen = known.values() if names is None else [known[name] for name in names]
    return {field: one for each in chosen for field, one in each.settings.items()}


def weights() -> dict[str, Weight]:
    """The weights of all methods, by field; each once."""
    return {n: one for n, one in method_settings().items() if isinstance(one, Weight)}


def users(field: str) -> tuple[str, ...]:
    """The methods that have a field."""
    return tuple(name for name, one in methods().items() if field in one.settings)
