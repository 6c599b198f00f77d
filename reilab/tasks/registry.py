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

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any, Protocol, TypeVar

from reilab.nets.registry import NetworkSpec
from reilab.nets.unet import UNetSpec
from reilab.noise.registry import NOISES
from reilab.problem import Problem
from reilab.registry import Registry, complete_settings
from reilab.settings import Setting, choose, override
from reilab.training.config import TrainConfig

#: The setting that names measurements that were acquired; where it is empty they are simulated.
MEASURED = "measured"
#: The setting that names the noise model, in a task that offers several: a name in ``NOISES``.
MODEL = "noise_model"
NO_CHANGES: Mapping[str, Any] = MappingProxyType({})


class Spec(Protocol):
    """An inverse problem as it is asked for: a frozen dataclass of settings."""

    def build(self, device: str = "cpu") -> Problem:
        """Make the operator, noise, group and images on ``device``."""
        ...


@dataclass(frozen=True)
class Preset:
    """A known-good choice of the task's settings, of a network, and of how to train it.

    Args:
        settings: values of the task's fields.
        training: how to train.
        levels: the noise levels of its grid, each with what else is changed there: fields of the
            task, the network, the methods, or of how to train. Whoever asks for the level gets
            the changes with it.
        network: what is trained.
        methods: values of the fields of methods, by name; each counts in every method that has it.
    """

    settings: Mapping[str, Any]
    training: TrainConfig
    levels: Mapping[float, Mapping[str, Any]] = field(default_factory=dict)
    network: NetworkSpec = field(default_factory=UNetSpec)
    methods: Mapping[str, Any] = field(default_factory=dict)

    def with_changes(self, changes: Mapping[str, Any], own: Collection[str]) -> Preset:
        """The preset with some fields changed.

        Args:
            changes: values of fields of the task, the network, the methods, or of how to train.
            own: the fields of the task.
        """
        of_training, of_network = (
            changes.keys() & {f.name for f in fields(part)}  # type: ignore[arg-type]
            for part in (self.training, self.network)
        )
        of_task = changes.keys() & set(own)
        of_methods = changes.keys() - of_task - of_training - of_network

        def chosen(names: Collection[str]) -> dict[str, Any]:
            return {name: changes[name] for name in changes if name in names}

        return replace(
            self,
            settings={**self.settings, **chosen(of_task)},
            training=override(self.training, chosen(of_training)),
            network=override(self.network, chosen(of_network)),
            methods={**self.methods, **chosen(of_methods)},
        )


@dataclass(frozen=True)
class Task:
    """A registered inverse problem.

    ``noise`` names the field that is the noise level, unless another noise model is chosen: see
    ``level_name``.
    """

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

    @property
    def models(self) -> tuple[str, ...]:
        """The noise models that it offers; none where it has one of its own."""
        return tuple(self.settings[MODEL].choices) if MODEL in self.settings else ()

    def preset(self, name: str, settings: Mapping[str, Any] = NO_CHANGES) -> Preset:
        """The preset of that name, with what it changes at the noise level of the ``settings``.

        Raises:
            ValueError: there is none.
        """
        preset = self.presets[choose(f"preset of {self.name}", name, self.presets)]
        usual = {**vars(self.spec()), **preset.settings}
        asked = {**usual, **settings}
        level = self.level_name(asked)
        if level != self.level_name(usual):
            return preset
        return preset.with_changes(preset.levels.get(asked[level], {}), self.settings)

    def levels(self, preset: str) -> tuple[float, ...]:
        """The noise levels of a preset's grid; at least its own level.

        Raises:
            ValueError: an unknown preset.
        """
        own: float = self.level_of(self.configure(preset, {}))
        return tuple(self.presets[preset].levels) or (own,)

    def level_name(self, settings: Mapping[str, Any]) -> str:
        """The field that is the noise level, where a spec's fields have these values.

        In a task that offers several noise models it is that of the chosen one.
        """
        model = NOISES.get(settings.get(MODEL, ""))
        return self.noise if model is None else model.level

    def level_of(self, spec: Spec) -> float:
        """The noise level of a spec."""
        level: float = getattr(spec, self.level_name(vars(spec)))
        return level

    def unit_of(self, spec: Spec) -> str:
        """The unit of that level."""
        return self.settings[self.level_name(vars(spec))].unit

    def configure(self, preset: str, settings: Mapping[str, Any]) -> Spec:
        """The spec of a preset with some settings changed, checked.

        Raises:
            ValueError: an unknown preset or setting, or a value out of bounds.
        """
        return override(self.spec(), {**self.preset(preset, settings).settings, **settings})

    def pose(
        self, preset: str, settings: Mapping[str, Any] = NO_CHANGES, device: str = "cpu"
    ) -> Problem:
        """The problem of a preset with some settings changed, and its network.

        Raises:
            ValueError: see ``configure``.
            FileNotFoundError: missing data.
        """
        problem = self.configure(preset, settings).build(device)
        return replace(problem, network=self.preset(preset, settings).network)


T = TypeVar("T", bound=type)
_TASKS: Registry[Task] = Registry("task", "reilab.tasks", "reilab.tasks")


def task(name: str, *, title: str, noise: str, presets: Mapping[str, Preset]) -> Callable[[T], T]:
    """Class decorator: register a frozen dataclass as a task.

    Raises:
        ValueError: the name is taken, the noise field has no setting, or a preset that every task
            needs (``smoke``, ``quick``) is missing.
    """

    def register(spec: T) -> T:
        if missing := {"smoke", "quick"} - presets.keys():
            raise ValueError(f"task {name!r} needs the presets: {', '.join(sorted(missing))}")
        settings = complete_settings("task", name, spec)
        choose(f"noise field of {name}", noise, settings)
        _TASKS.add(Task(name, title, spec, settings, noise, presets))
        return spec

    return register


def tasks() -> Mapping[str, Task]:
    """All tasks by name, in order of name."""
    return _TASKS.all()


def find_task(name: str) -> Task:
    """The task of that name.

    Raises:
        ValueError: there is none; the message has the nearest match.
    """
    return _TASKS.find(name)
