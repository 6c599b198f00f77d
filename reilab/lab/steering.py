"""Steering: the numbers that can be changed while a run is going, and the commands for it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from reilab.events import Command, Event, SetAssumedNoise, SetLearningRate, SetWeight, Steered
from reilab.runs.config import RunConfig

#: The loss terms that each weight governs, whatever the method calls them.
TERMS: Mapping[str, tuple[str, ...]] = {"alpha_sure": ("mc", "sure"), "alpha_req": ("eq", "req")}
STEERABLE = (*TERMS, "learning_rate", "assumed_noise")


def steerable_numbers(config: RunConfig) -> dict[str, float]:
    """What a run starts with."""
    return {
        "alpha_sure": config.training.alpha_sure,
        "alpha_req": config.training.alpha_req,
        "learning_rate": config.training.learning_rate,
        "assumed_noise": config.assumed_noise,
    }


def steered_numbers(events: Iterable[Event]) -> dict[str, float]:
    """What a run has been steered to; later events count."""
    return {
        _name(event.command): event.command.value for event in events if isinstance(event, Steered)
    }


def commands(name: str, value: float, terms: Collection[str]) -> list[Command]:
    """The commands that set a number in a run that has these loss terms."""
    if name == "learning_rate":
        return [SetLearningRate(value)]
    if name == "assumed_noise":
        return [SetAssumedNoise(value)]
    return [SetWeight(term, value) for term in TERMS[name] if term in terms]


def _name(command: Command) -> str:
    match command:
        case SetLearningRate():
            return "learning_rate"
        case SetAssumedNoise():
            return "assumed_noise"
        case SetWeight(term=term):
            return next((name for name, governed in TERMS.items() if term in governed), term)
