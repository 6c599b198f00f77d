"""RunConfig: all that a run is, in one frozen value; its YAML form opens every run folder."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import torch
import yaml

from reilab.problem import Problem
from reilab.settings import choose, override
from reilab.tasks.registry import MEASURED, Spec, find_task
from reilab.training.config import TrainConfig
from reilab.training.methods import METHODS
from reilab.training.team import ALONE, Team, share

#: The comparison that the paper makes.
USUAL_METHODS = ("supervised", "ei", "rei")


@dataclass(frozen=True)
class RunConfig:
    """A task with its settings, the methods to train on it, and how."""

    task: str
    preset: str
    methods: tuple[str, ...]
    spec: Spec
    training: TrainConfig
    assumed_noise: float
    device: str

    @property
    def noise(self) -> float:
        """The true noise level."""
        level: float = getattr(self.spec, find_task(self.task).noise)
        return level

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as in the YAML form."""
        return {
            "task": self.task,
            "preset": self.preset,
            "methods": list(self.methods),
            "device": self.device,
            "assumed_noise": self.assumed_noise,
            "settings": asdict(self.spec),  # type: ignore[call-overload]
            "training": {**asdict(self.training), "milestones": list(self.training.milestones)},
        }

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


def configure(
    task: str,
    preset: str = "quick",
    methods: Sequence[str] = USUAL_METHODS,
    *,
    settings: Mapping[str, Any] | None = None,
    training: Mapping[str, Any] | None = None,
    assumed_noise: float | None = None,
    device: str = "cpu",
) -> RunConfig:
    """A checked configuration: a preset with some changes.

    Args:
        task: name of a registered task.
        preset: which of its presets to start from.
        methods: names from ``METHODS``, each once.
        settings: changes to the task's fields, the noise level among them.
        training: changes to the fields of ``TrainConfig``.
        assumed_noise: what the losses believe the noise level to be; the true one if left out.
        device: ``cpu``, ``cuda``, ``cuda:1`` …

    Raises:
        ValueError: anything unknown (with the nearest match) or out of bounds.
    """
    found = find_task(task)
    spec = found.configure(preset, settings or {})
    changed = override(found.presets[preset].training, training or {})
    for method in methods:
        choose("method", method, METHODS)
    if not methods or len(set(methods)) < len(methods):
        raise ValueError(f"methods = {' '.join(methods)!r} must name at least one, each once")
    needy = [name for name in methods if METHODS[name].oracle]
    if needy and vars(spec).get(MEASURED):
        raise ValueError(needs_truth(needy[0]))
    level = getattr(spec, found.noise) if assumed_noise is None else assumed_noise
    override(spec, {found.noise: level})
    check_device(device)
    return RunConfig(task, preset, tuple(methods), spec, changed, float(level), device)


def from_yaml(text: str) -> RunConfig:
    """The configuration of a run folder.

    Raises:
        ValueError: an unknown task, setting or value.
    """
    plain = yaml.safe_load(text)
    training = {**plain["training"], "milestones": tuple(plain["training"]["milestones"])}
    return configure(
        plain["task"],
        plain["preset"],
        plain["methods"],
        settings=plain["settings"],
        training=training,
        assumed_noise=plain["assumed_noise"],
        device=plain["device"],
    )


def build(config: RunConfig, team: Team = ALONE) -> Problem:
    """The problem of a configuration, with its images loaded, on this process's device.

    Raises:
        ValueError: the batch is larger than the training data or cannot be shared equally, or a
            method needs ground truth that the data does not have.
        FileNotFoundError: missing data.
    """
    share(torch.arange(config.training.batch), team)
    problem = config.spec.build(team.device(config.device))
    if config.training.batch > len(problem.train):
        raise ValueError(
            f"batch = {config.training.batch} is larger than the training data "
            f"({len(problem.train)} images); choose at most that"
        )
    needy = [name for name in config.methods if METHODS[name].oracle]
    if needy and not problem.train.has_truth:
        raise ValueError(needs_truth(needy[0]))
    return problem


def needs_truth(method: str) -> str:
    """Why a method cannot learn from measurements alone."""
    return (
        f"method {method!r} needs ground truth and the training data has none: of measurements "
        "that were acquired nobody knows it; choose other methods, such as ei and rei"
    )


def check_device(device: str) -> None:
    """Raise ``ValueError`` if there is no such device here."""
    try:
        kind = torch.device(device).type
    except RuntimeError:
        raise ValueError(f"device = {device!r} is unknown; use cpu, cuda or cuda:N") from None
    if kind == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device = {device!r}, but this machine has no CUDA GPU; use cpu")
