"""RunConfig: all that a run is, in one frozen value; its YAML form opens every run folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any, cast

import torch
import yaml

from reilab.methods.base import MethodSpec
from reilab.methods.registry import (
    find_method,
    method_of,
    method_settings,
)
from reilab.methods.registry import (
    methods as known_methods,
)
from reilab.nets.registry import (
    NetworkKind,
    NetworkSpec,
    described,
    find_network,
    from_description,
    network_of,
)
from reilab.noise.base import NEEDS
from reilab.noise.registry import NOISES
from reilab.plain import from_plain, parsed_yaml, to_plain
from reilab.problem import Problem, check_samples
from reilab.record.folder import RunFolder
from reilab.settings import Setting, choose, field_types, override, settings_of
from reilab.tasks.registry import MEASURED, MODEL, Spec, Task, find_task
from reilab.training.baselines import check_baselines
from reilab.training.config import TrainConfig
from reilab.training.engines import precision_on
from reilab.training.team import ALONE, Team, share

#: The comparison that the paper makes.
USUAL_METHODS = ("supervised", "ei", "rei")


@dataclass(frozen=True)
class RunConfig:
    """A task with its settings, the network, the methods to train on it, and how.

    Args:
        task: name of the task.
        preset: where its numbers come from.
        spec: the inverse problem.
        network: what is trained.
        objectives: the methods with their weights and settings, each once.
        training: how.
        assumed_noise: the noise level that the losses believe in.
        device: ``cpu``, ``cuda``, ``cuda:1`` …
        start_from: checkpoint file or run folder whose networks are trained further, or nothing.
    """

    task: str
    preset: str
    spec: Spec
    network: NetworkSpec
    objectives: tuple[MethodSpec, ...]
    training: TrainConfig
    assumed_noise: float
    device: str
    start_from: str = ""

    @cached_property
    def methods(self) -> tuple[str, ...]:
        """The names of the methods."""
        return tuple(method_of(one).name for one in self.objectives)

    @property
    def noise(self) -> float:
        """The true noise level."""
        return find_task(self.task).level_of(self.spec)

    @property
    def noise_unit(self) -> str:
        """The unit of the noise level."""
        return find_task(self.task).unit_of(self.spec)

    @property
    def method_values(self) -> dict[str, Any]:
        """The values of the methods' fields; of a field that several have, the first one's."""
        return values_of(self.objectives)

    @property
    def values(self) -> dict[str, Any]:
        """Every setting of task, network, methods and training by name, and which network."""
        return {
            **vars(self.spec),
            "network": network_of(self.network).name,
            **vars(self.network),
            **self.method_values,
            **vars(self.training),
        }

    def only(self, *methods: str) -> RunConfig:
        """The same with some of its methods alone.

        Raises:
            ValueError: it does not have one of them.
        """
        known = dict(zip(self.methods, self.objectives, strict=True))
        chosen = tuple(known[choose("method of this run", name, known)] for name in methods)
        return replace(self, objectives=chosen)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as in the YAML form."""
        pairs = zip(self.methods, self.objectives, strict=True)
        told = _Told(
            task=self.task,
            preset=self.preset,
            device=self.device,
            start_from=self.start_from,
            assumed_noise=self.assumed_noise,
            settings=to_plain(self.spec),
            network=described(self.network),
            methods={name: to_plain(one) for name, one in pairs},
            training=to_plain(self.training),
        )
        return cast("dict[str, Any]", to_plain(told))

    def to_yaml(self) -> str:
        text: str = yaml.safe_dump(self.as_dict(), sort_keys=False)
        return text

    def fingerprint(self) -> str:
        """Eight hexadecimal digits that differ when anything in the configuration does."""
        canonical = json.dumps(self.as_dict(), sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()[:8]

    def new_name(self) -> str:
        """A folder name for a new run: when, what, and the fingerprint."""
        now = datetime.now().strftime("%Y%m%d-%H%M%S")
        return f"{now}-{self.task}-{self.preset}-{self.fingerprint()}"


@dataclass(frozen=True, kw_only=True)
class _Told:
    """A configuration as files tell it: what depends on a name has its fields by name."""

    task: str
    preset: str
    device: str
    start_from: str = ""
    assumed_noise: float
    settings: Mapping[str, Any]
    network: Mapping[str, Any]
    methods: Mapping[str, Mapping[str, Any]]
    training: Mapping[str, Any]


def configure(
    task: str,
    preset: str = "quick",
    methods: Sequence[str] = USUAL_METHODS,
    *,
    network: str = "",
    settings: Mapping[str, Any] | None = None,
    training: Mapping[str, Any] | None = None,
    assumed_noise: float | None = None,
    device: str = "cpu",
    start_from: str = "",
) -> RunConfig:
    """A checked configuration: a preset with some changes.

    Args:
        task: name of a registered task.
        preset: which of its presets to start from.
        methods: names of registered methods, each once.
        network: name of a registered network; that of the preset if left out.
        settings: changes to the fields of the task, the noise level among them, of the network,
            and of methods: a name counts in every chosen method that has it. At a noise level of
            the preset's grid its further changes count, too, where nothing else is asked for.
        training: changes to the fields of ``TrainConfig``.
        assumed_noise: what the losses believe the noise level to be; the true one if left out.
        device: ``cpu``, ``cuda``, ``cuda:1`` …
        start_from: see ``RunConfig``.

    Raises:
        ValueError: anything unknown (with the nearest match) or out of bounds.
    """
    found = find_task(task)
    usual = network_of(found.preset(preset).network)
    chosen = find_network(network) if network else usual
    own, layers, shared = _shared_out(settings or {}, found, chosen)
    spec, start = found.configure(preset, own), found.preset(preset, own)
    body = start.network if chosen is usual else chosen.spec()
    check_each_once(methods)
    config = RunConfig(
        task=task,
        preset=preset,
        spec=spec,
        network=override(body, layers),
        objectives=objectives(methods, {**start.methods, **shared}),
        training=override(start.training, training or {}),
        assumed_noise=float(found.level_of(spec) if assumed_noise is None else assumed_noise),
        device=device,
        start_from=start_from,
    )
    return checked(config)


def objectives(names: Sequence[str], values: Mapping[str, Any]) -> tuple[MethodSpec, ...]:
    """Methods with those of the ``values`` that they have a field for.

    Raises:
        ValueError: an unknown method, or a value out of bounds.
    """
    found = [find_method(name) for name in names]
    return tuple(
        override(one.spec(), {n: v for n, v in values.items() if n in one.settings})
        for one in found
    )


def values_of(methods: Sequence[MethodSpec]) -> dict[str, Any]:
    """The values of methods' fields; of a field that several have, the first one's."""
    return {name: value for one in reversed(methods) for name, value in vars(one).items()}


def checked(config: RunConfig) -> RunConfig:
    """The configuration, if its parts fit together, with what depends on the machine decided.

    Raises:
        ValueError: they do not, or there is no such device here; says what, and the remedy.
    """
    check_together(config)
    return replace(config, training=settled(config.training, config.device))


def check_together(config: RunConfig) -> None:
    """Raise ``ValueError`` unless the parts of a configuration fit together, on any machine."""
    needy = [name for name in config.methods if find_method(name).oracle]
    if needy and vars(config.spec).get(MEASURED):
        raise ValueError(needs_truth(needy[0]))
    if model := NOISES.get(vars(config.spec).get(MODEL, "")):
        check_noise(config.methods, model.name, model.lacks)
    level = find_task(config.task).level_name(vars(config.spec))
    override(config.spec, {level: config.assumed_noise})


def settled(training: TrainConfig, device: str) -> TrainConfig:
    """How to train on a device, with what depends on the machine decided.

    So the run tells, and keeps, what it has.

    Raises:
        ValueError: there is no such device here.
    """
    check_device(device)
    return replace(training, precision=precision_on(device, training.precision))


def every_setting(task: Task, network: NetworkKind) -> dict[str, Setting]:
    """The settings of a run by name: of the task, the network, all methods, and the training.

    Raises:
        ValueError: two of them have a setting of the same name.
    """
    owners = {
        f"task {task.name!r}": task.settings,
        f"network {network.name!r}": network.settings,
        "a method": method_settings(),
        "the training": settings_of(TrainConfig),
    }
    found: dict[str, Setting] = {}
    owner_of: dict[str, str] = {}
    for owner, settings in owners.items():
        for name, setting in settings.items():
            if name in found:
                raise ValueError(
                    f"{owner_of[name]} and {owner} both have a setting {name!r}; rename one"
                )
            found[name], owner_of[name] = setting, owner
    return found


def every_type(task: Task, network: NetworkKind) -> dict[str, Any]:
    """The plain types of those settings."""
    specs = [task.spec, network.spec, *(one.spec for one in known_methods().values()), TrainConfig]
    return {n: kind for one in specs for n, kind in field_types(one).items()}


def _shared_out(
    settings: Mapping[str, Any], task: Task, network: NetworkKind
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """The values that are meant for the task, for the network, and for methods."""
    of_methods = method_settings()
    known = {**task.settings, **network.settings, **of_methods}
    parts: tuple[dict[str, Any], ...] = ({}, {}, {})
    for name, value in settings.items():
        choose(f"setting of {task.name} with the network {network.name}", name, known)
        for part, owner in zip(parts, (task.settings, network.settings, of_methods), strict=True):
            if name in owner:
                part[name] = value
    own, layers, shared = parts
    return own, layers, shared


def config_of(folder: RunFolder) -> RunConfig:
    """What was asked of a run; its device may be one that this machine lacks.

    Raises:
        ValueError: see ``from_yaml``.
        OSError: the file is not there, or may not be read.
    """
    return from_yaml(folder.config, folder.path / "config.yaml")


def from_yaml(text: str, where: object = "config.yaml") -> RunConfig:
    """The configuration that a text tells.

    Args:
        text: YAML, see ``RunConfig.to_yaml``.
        where: what it comes from, for messages.

    Raises:
        ValueError: an unknown task, network, method, setting or value, or something is missing.
    """
    told = from_plain(_Told, _modern(parsed_yaml(text, where)), where)
    try:
        return _config(told)
    except Exception as error:
        # What the checks of a task or a method make of values of any kind is theirs.
        raise ValueError(f"{where}: {error}") from error


def _config(told: _Told) -> RunConfig:
    found, training = find_task(told.task), override(TrainConfig(), told.training)
    config = RunConfig(
        task=found.name,
        preset=choose(f"preset of {found.name}", told.preset, found.presets),
        spec=override(found.spec(), told.settings),
        network=from_description(told.network),
        objectives=tuple(override(find_method(n).spec(), own) for n, own in told.methods.items()),
        # Its device may be one of another machine, which is no reason not to read it.
        training=replace(training, precision=precision_on(told.device, training.precision)),
        assumed_noise=told.assumed_noise,
        device=told.device,
        start_from=told.start_from,
    )
    check_together(config)
    return config


def _modern(plain: Any) -> Any:
    """A configuration in today's form.

    Before networks and methods had settings of their own, the U-Net's were the task's, and the
    weights of all methods were the training's.
    """
    parts = ("settings", "training", "methods")
    if not isinstance(plain, dict) or "network" in plain or not all(map(plain.get, parts)):
        return plain
    layers = find_network("unet").settings
    settings = {n: v for n, v in plain["settings"].items() if n not in layers}
    own = {n: v for n, v in plain["settings"].items() if n in layers}
    values = {n: v for n, v in plain["training"].items() if n in method_settings()}
    training = {n: v for n, v in plain["training"].items() if n not in values}
    named = {
        name: {n: v for n, v in values.items() if n in find_method(name).settings}
        for name in plain["methods"]
    }
    network = {"name": "unet", **own}
    return {
        **plain,
        "settings": settings,
        "network": network,
        "methods": named,
        "training": training,
    }


def build(config: RunConfig, team: Team = ALONE) -> Problem:
    """The problem of a configuration, with its images loaded, on this process's device.

    Raises:
        ValueError: the batch is larger than the training data or cannot be shared equally, or a
            method needs ground truth that the data does not have.
        FileNotFoundError: missing data.
    """
    share(torch.arange(config.training.batch), team)
    problem = replace(config.spec.build(team.device(config.device)), network=config.network)
    check_fits(problem, config.objectives, config.training)
    return problem


def check_fits(problem: Problem, methods: Sequence[MethodSpec], training: TrainConfig) -> None:
    """Check that these methods can be trained on a problem like that.

    Raises:
        ValueError: the batch is larger than the training data, a method is there twice or not at
            all, or it needs ground truth that the data does not have, or what the noise does not
            have; see ``check_samples``.
    """
    found = [method_of(one) for one in methods]
    check_samples(problem)
    check_each_once([one.name for one in found])
    if training.batch > len(problem.train):
        raise ValueError(
            f"batch = {training.batch} is larger than the training data "
            f"({len(problem.train)} images); choose at most that"
        )
    check_baselines(problem, training)
    needy = [one.name for one in found if one.oracle]
    if needy and not problem.train.has_truth:
        raise ValueError(needs_truth(needy[0]))
    noise, shape = problem.noise, problem.physics.range
    names, kind = [one.name for one in found], type(noise).__name__
    check_noise(names, kind, lambda need: NEEDS[need](noise, shape))


def check_each_once(methods: Sequence[str]) -> None:
    """Raise ``ValueError`` unless there is a method, and none twice."""
    if not methods or len(set(methods)) < len(methods):
        raise ValueError(f"methods = {' '.join(methods)!r} must name at least one, each once")


def needs_truth(method: str) -> str:
    """Why a method cannot learn from measurements alone."""
    return (
        f"method {method!r} needs ground truth and the training data has none: of measurements "
        "that were acquired nobody knows it; choose other methods, such as ei and rei"
    )


def check_noise(methods: Sequence[str], noise: str, lacks: Callable[[str], str]) -> None:
    """Check that a noise has what the methods need of it.

    Args:
        methods: names of registered methods.
        noise: what the noise is called.
        lacks: why it has none of what is needed, of ``NEEDS``; empty where it has.

    Raises:
        ValueError: it has not; names the methods that do without.
    """
    for name in methods:
        for need in filter(lacks, find_method(name).needs):
            fit = (n for n, one in known_methods().items() if not any(map(lacks, one.needs)))
            raise ValueError(
                f"method {name!r} needs {need}, and {noise} noise has none: {lacks(need)}; choose "
                f"from: {', '.join(fit)}"
            )


def check_device(device: str) -> None:
    """Raise ``ValueError`` if there is no such device here."""
    try:
        kind = torch.device(device).type
    except RuntimeError:
        raise ValueError(f"device = {device!r} is unknown; use cpu, cuda or cuda:N") from None
    if kind == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device = {device!r}, but this machine has no CUDA GPU; use cpu")
