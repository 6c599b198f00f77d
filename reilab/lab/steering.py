"""Steering: the numbers that can be changed while a run is going, and the commands for it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from reilab.events import Command, Event, SetAssumedNoise, SetLearningRate, SetWeight, Steered
from reilab.runs.config import RunConfig
from reilab.settings import override

#: The loss term of each weight.
TERMS: Mapping[str, str] = {
    "alpha_mc": "mc",
    "alpha_eq": "eq",
    "alpha_sure": "sure",
    "alpha_req": "req",
}
#: The methods in which each weight counts.
METHODS_OF: Mapping[str, tuple[str, ...]] = {
    "alpha_mc": ("mc", "ei"),
    "alpha_eq": ("ei",),
    "alpha_sure": ("sure", "rei"),
    "alpha_req": ("rei",),
}
STEERABLE = (*TERMS, "learning_rate", "assumed_noise")
#: Those of them that are fields of ``TrainConfig``.
TRAINED = (*TERMS, "learning_rate")


def numbers_at_start(config: RunConfig) -> dict[str, float]:
    """What a run starts with."""
    trained = {name: getattr(config.training, name) for name in TRAINED}
    return {**trained, "assumed_noise": config.assumed_noise}


def equal_but_for_steering(mine: RunConfig, asked: RunConfig) -> bool:
    """Whether two configurations differ in nothing but what can be steered."""
    training = override(mine.training, {n: getattr(asked.training, n) for n in TRAINED})
    return replace(mine, training=training, assumed_noise=asked.assumed_noise) == asked


def numbers_since(events: Iterable[Event]) -> dict[str, float]:
    """What a run has been steered to; later events count."""
    return {
        _name(event.command): event.command.value for event in events if isinstance(event, Steered)
    }


@dataclass
class Sent:
    """What this session has sent, to tell the echoes of that from what others steer."""

    values: dict[str, list[float]] = field(default_factory=dict)

    def add(self, name: str, value: float) -> None:
        """Remember a value that was sent."""
        self.values.setdefault(name, []).append(value)

    def foreign(self, events: Iterable[Event]) -> dict[str, float]:
        """The numbers that somebody else has set; the last of each."""
        found: dict[str, float] = {}
        for event in events:
            if not isinstance(event, Steered):
                continue
            name, value = _name(event.command), event.command.value
            mine = self.values.get(name, [])
            if value in mine:
                # Every method answers by itself: the value stays until a later one is answered.
                del mine[: mine.index(value)]
                found.pop(name, None)
            else:
                mine.clear()
                found[name] = value
        return found


def commands(name: str, value: float, terms: Collection[str]) -> list[Command]:
    """The commands that set a number in a run that has these loss terms."""
    if name == "learning_rate":
        return [SetLearningRate(value)]
    if name == "assumed_noise":
        return [SetAssumedNoise(value)]
    return [SetWeight(TERMS[name], value)] if TERMS[name] in terms else []


def _name(command: Command) -> str:
    match command:
        case SetLearningRate():
            return "learning_rate"
        case SetAssumedNoise():
            return "assumed_noise"
        case SetWeight(term=term):
            return next((name for name, own in TERMS.items() if own == term), term)
