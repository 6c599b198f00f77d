"""Steering: the numbers that can be changed while a run is going, and the commands for it."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from reilab.events import (
    Command,
    Refused,
    SetAssumedNoise,
    SetLearningRate,
    SetWeight,
    Steered,
)
from reilab.methods.base import Weight, weight_fields
from reilab.methods.registry import weights
from reilab.record.folder import RunFolder
from reilab.record.history import Told
from reilab.runs.config import RunConfig
from reilab.runs.roster import worker_alive
from reilab.settings import override

#: The weights of all methods, by the names of their controls.
WEIGHTS: Mapping[str, Weight] = weights()
#: A run answers between two steps; one that is paused, too.
PATIENCE_SECONDS = 60.0
STEERABLE = (*WEIGHTS, "learning_rate", "assumed_noise")


def numbers_at_start(config: RunConfig) -> dict[str, float]:
    """What a run starts with."""
    trained = {name: value for name, value in config.method_values.items() if name in WEIGHTS}
    numbers = {
        "learning_rate": config.training.learning_rate,
        "assumed_noise": config.assumed_noise,
    }
    return {**trained, **numbers}


def equal_but_for_steering(mine: RunConfig, asked: RunConfig) -> bool:
    """Whether two configurations differ in nothing but what can be steered, and in the order."""
    if set(mine.methods) != set(asked.methods):
        return False
    # Methods know nothing of each other.
    mine = mine.only(*asked.methods)
    training = override(mine.training, {"learning_rate": asked.training.learning_rate})
    pairs = zip(mine.objectives, asked.objectives, strict=True)
    objectives = tuple(
        override(one, {n: getattr(other, n) for n in weight_fields(type(one))})
        for one, other in pairs
    )
    steered = replace(mine, training=training, objectives=objectives)
    return replace(steered, assumed_noise=asked.assumed_noise) == asked


@dataclass
class Numbers:
    """The numbers of a run as its log has them, and those that wait for its answer.

    Args:
        known: of each that can be steered, as far as the log has been read.
        pending: what has been sent and not been answered yet.
    """

    known: dict[str, float]
    pending: dict[str, float] = field(default_factory=dict)

    def read(self, events: Iterable[Told]) -> dict[str, float]:
        """Fold events in; what is expected otherwise since, and so is to be shown."""
        before = self.expected
        for event in events:
            if not isinstance(event, Steered | Refused):
                continue
            name, value = _name(event.command), event.command.value
            if name not in self.known:
                continue
            if isinstance(event, Steered):
                self.known[name] = value
            if self.pending.get(name) == value:
                # Each method answers by itself; the first answer says that it has been heard.
                del self.pending[name]
        return {name: value for name, value in self.expected.items() if value != before[name]}

    @property
    def expected(self) -> dict[str, float]:
        """What the run has, or will have as soon as it answers."""
        return self.known | self.pending


def commands(name: str, value: float, terms: Collection[str]) -> list[Command]:
    """The commands that set a number in a run that has these loss terms."""
    if name == "learning_rate":
        return [SetLearningRate(value)]
    if name == "assumed_noise":
        return [SetAssumedNoise(value)]
    term = WEIGHTS[name].term
    return [SetWeight(term, value)] if term in terms else []


def ask(folder: RunFolder, asked: Sequence[Command]) -> list[Steered | Refused]:
    """Send commands to a run that is at work, and wait for its answers, one of each method.

    Raises:
        RuntimeError: it ended, or did not answer, meanwhile.
    """
    reader, found = folder.follow(), list[Steered | Refused]()
    reader.poll()
    for command in asked:
        folder.send(command)
    deadline = time.monotonic() + PATIENCE_SECONDS
    fresh = [*found]
    # The methods answer one after the other: all have when nothing more comes.
    while fresh or not set(asked) <= {answer.command for answer in found}:
        if not worker_alive(folder) or time.monotonic() > deadline:
            raise RuntimeError(f"{folder.name} has not answered; its log says what it heard")
        time.sleep(0.1)
        fresh = [event for event in reader.poll() if isinstance(event, Steered | Refused)]
        found += fresh
    return [answer for answer in found if answer.command in asked]


def _name(command: Command) -> str:
    match command:
        case SetLearningRate():
            return "learning_rate"
        case SetAssumedNoise():
            return "assumed_noise"
        case SetWeight(term=term):
            return next((name for name, own in WEIGHTS.items() if own.term == term), term)
