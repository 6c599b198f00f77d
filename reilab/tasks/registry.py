"""The registry of tasks: files of this package, installed plug-ins, and single files.

A task is a frozen dataclass whose fields are the command line's options and the lab's controls,
with a ``build`` that makes the ``Problem``::

    @task("denoising", title="Denoising", noise="sigma", presets=PRESETS)
    @dataclass(frozen=True)
    class Denoising:
        sigma: Annotated[float, Setting("Noise level.", low=0.0)] = 0.1

        def build(self, device: str = "cpu") -> Problem: ...

It is found in this folder, through the entry-point group ``reilab.tasks``, or in a file named by
the environment variable ``REILAB_PLUGINS`` (several are joined as in ``PATH``).
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import pkgutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol, TypeVar

from reilab.problem import Problem
from reilab.settings import Setting, choose, override, settings_of
from reilab.training.config import TrainConfig

#: The setting that names measurements that were acquired; where it is empty they are simulated.
MEASURED = "measured"


class Spec(Protocol):
    """An inverse problem as it is asked for: a frozen dataclass of settings."""

    def build(self, device: str = "cpu") -> Problem:
        """Make the operator, noise, group, images and network on ``device``."""
        ...


@dataclass(frozen=True)
class Preset:
    """A known-good choice of the task's settings and of how to train on it.

    Args:
        settings: values of the task's fields.
        training: how to train.
        levels: the noise levels of its grid, each with what else is changed there.
    """

    settings: Mapping[str, Any]
    training: TrainConfig
    levels: Mapping[float, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Task:
    """A registered inverse problem; ``noise`` names the field that is the noise level."""

    name: str
    title: str
    spec: Callable[[], Spec]
    settings: Mapping[str, Setting]
    noise: str
    presets: Mapping[str, Preset]

    @property
    def summary(self) -> str:
        """The first line of the task's documentation."""
        return (self.spec.__doc__ or "").strip().splitlines()[0]

    def levels(self, preset: str) -> Mapping[float, Mapping[str, Any]]:
        """The noise levels of a preset's grid with their further changes; at least its own level.

        Raises:
            ValueError: an unknown preset.
        """
        own: float = getattr(self.configure(preset, {}), self.noise)
        return self.presets[preset].levels or {own: {}}

    def configure(self, preset: str, settings: Mapping[str, Any]) -> Spec:
        """The spec of a preset with some settings changed, checked.

        Raises:
            ValueError: an unknown preset or setting, or a value out of bounds.
        """
        chosen = self.presets[choose(f"preset of {self.name}", preset, self.presets)]
        return override(self.spec(), {**chosen.settings, **settings})


T = TypeVar("T", bound=type)
_TASKS: dict[str, Task] = {}


def task(name: str, *, title: str, noise: str, presets: Mapping[str, Preset]) -> Callable[[T], T]:
    """Class decorator: register a frozen dataclass as a task.

    Raises:
        ValueError: the name is taken, the noise field has no setting, or a preset that every task
            needs (``smoke``, ``quick``) is missing.
    """

    def register(spec: T) -> T:
        if name in _TASKS and _TASKS[name].spec.__qualname__ != spec.__qualname__:
            raise ValueError(f"two tasks are called {name!r}; rename one of them")
        if missing := {"smoke", "quick"} - presets.keys():
            raise ValueError(f"task {name!r} needs the presets: {', '.join(sorted(missing))}")
        settings = settings_of(spec)
        choose(f"noise field of {name}", noise, settings)
        bare = [f.name for f in fields(spec) if f.name not in settings]
        if bare:
            raise ValueError(f"task {name!r}: these fields need a Setting: {', '.join(bare)}")
        _TASKS[name] = Task(name, title, spec, settings, noise, presets)
        return spec

    return register


def tasks() -> Mapping[str, Task]:
    """All tasks by name, in order of name."""
    _discover()
    return dict(sorted(_TASKS.items()))


def find_task(name: str) -> Task:
    """The task of that name.

    Raises:
        ValueError: there is none; the message has the nearest match.
    """
    known = tasks()
    return known[choose("task", name, known)]


@cache
def _discover() -> None:
    package = importlib.import_module("reilab.tasks")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"reilab.tasks.{module.name}")
    for plugin in entry_points(group="reilab.tasks"):
        plugin.load()
    for file in filter(None, os.environ.get("REILAB_PLUGINS", "").split(os.pathsep)):
        load_plugin(Path(file))


def load_plugin(path: Path) -> None:
    """Carry out a file, which registers its tasks; a second time replaces them.

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
