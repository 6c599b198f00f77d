"""Registry: what can be added to reilab, by name.

Tasks, methods and networks are frozen dataclasses whose fields are settings; noise models and
groups are made by functions. A decorator puts each into its registry. It is found in the files of a
package, through the entry points of a group, or in a file named by the environment variable
``REILAB_PLUGINS`` (several are joined as in ``PATH``).
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import pkgutil
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from reilab.settings import Setting, choose, settings_of


class Registered(Protocol):
    """What a registry holds: a name, and the dataclass or function that stands behind it."""

    @property
    def name(self) -> str: ...

    @property
    def spec(self) -> Callable[..., Any]:
        """What was decorated."""
        ...


E = TypeVar("E", bound=Registered)


def by_name(entry: Registered) -> object:
    """All are alike: their names alone say which comes first."""
    return ()


@dataclass(eq=False)
class Registry(Mapping[str, E]):
    """Entries by name; plug-ins are loaded when it is first looked at.

    Args:
        kind: what an entry is called in messages.
        package: the package each of whose files may hold entries, or the module that holds them.
        group: the group of entry points of installed plug-ins.
        order: says which entry comes first; of those that are alike it is the name that does.
    """

    kind: str
    package: str
    group: str
    order: Callable[[E], Any] = by_name
    _entries: Mapping[str, E] = field(default_factory=dict)

    def add(self, entry: E) -> None:
        """Put in an entry; the same dataclass, defined again, takes its own place.

        Raises:
            ValueError: the name is taken by another.
        """
        known = self._entries.get(entry.name)
        if known is not None and known.spec.__qualname__ != entry.spec.__qualname__:
            raise ValueError(f"two {self.kind}s are called {entry.name!r}; rename one of them")
        entries = {**self._entries, entry.name: entry}.items()
        # They are looked up many times a second, maybe by another thread: made anew, not changed.
        self._entries = dict(sorted(entries, key=lambda one: (self.order(one[1]), one[0])))

    def all(self) -> Mapping[str, E]:
        """All entries by name, in their order."""
        _import_files(self.package)
        _load_entry_points(self.group)
        _load_named_files()
        return self._entries

    # There is one of each: a part of settings, which are looked up by hash.
    __eq__ = object.__eq__
    __hash__ = object.__hash__

    def __getitem__(self, name: str) -> E:
        return self.all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.all())

    def __len__(self) -> int:
        return len(self.all())

    @property
    def told(self) -> tuple[str, ...]:
        """Each name with the first line of what its entry says of itself."""
        return tuple(_told(entry) for entry in self.all().values())

    def find(self, name: str) -> E:
        """The entry of that name.

        Raises:
            ValueError: there is none; the message has the nearest match.
        """
        known = self.all()
        return known[choose(self.kind, name, known)]

    def of(self, spec: object) -> E:
        """The entry of the dataclass that ``spec`` is an instance of.

        Raises:
            ValueError: it is not registered.
        """
        for entry in self.all().values():
            if isinstance(spec, entry.spec):  # type: ignore[arg-type]
                return entry
        raise ValueError(
            f"{type(spec).__name__} is no registered {self.kind}; decorate it with @{self.kind}"
        )


@dataclass(frozen=True, eq=False)
class Those(Collection[str], Generic[E]):
    """The names of those entries for which something holds, looked up whenever it is asked for."""

    registry: Registry[E]
    holds: Callable[[E], bool]

    @property
    def told(self) -> tuple[str, ...]:
        """See ``Registry.told``."""
        return tuple(_told(entry) for entry in self.registry.all().values() if self.holds(entry))

    def __iter__(self) -> Iterator[str]:
        return (name for name, entry in self.registry.all().items() if self.holds(entry))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return name in tuple(self)


def _told(entry: Registered) -> str:
    words = (entry.spec.__doc__ or "").strip().partition("\n")[0].rstrip(".")
    return f"{entry.name} ({words[:1].lower()}{words[1:]})" if words else entry.name


def complete_settings(kind: str, name: str, spec: type) -> dict[str, Setting]:
    """The settings of a dataclass, of which every field has to have one.

    Raises:
        ValueError: names the fields without.
    """
    settings = settings_of(spec)
    bare = [one.name for one in fields(spec) if one.name not in settings]
    if bare:
        raise ValueError(f"{kind} {name!r}: these fields need a Setting: {', '.join(bare)}")
    return settings


def load_plugin(path: Path) -> None:
    """Carry out a file, which registers what it holds; a second time replaces that.

    Raises:
        FileNotFoundError: there is no such file.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no plug-in at {path}; REILAB_PLUGINS names files, joined as PATH")
    spec = importlib.util.spec_from_file_location(f"reilab_plugin_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up by name to resolve annotations.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)


@cache
def _import_files(package: str) -> None:
    place = getattr(importlib.import_module(package), "__path__", ())
    for module in pkgutil.iter_modules(place):
        importlib.import_module(f"{package}.{module.name}")


@cache
def _load_entry_points(group: str) -> None:
    for plugin in entry_points(group=group):
        plugin.load()


@cache
def _load_named_files() -> None:
    for file in filter(None, os.environ.get("REILAB_PLUGINS", "").split(os.pathsep)):
        load_plugin(Path(file))
