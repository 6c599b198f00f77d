"""Weights of the presets: the terms of a method are of the same order, whatever their units."""

from __future__ import annotations

import pytest

from reilab.events import Started, Stepped
from reilab.methods.registry import find_method, methods
from reilab.noise.registry import NOISES
from reilab.runs.config import configure
from reilab.runs.stream import prepare
from reilab.tasks.registry import MODEL, tasks

#: With a weight of 1 the readings of CT, 10⁵ counts, would drown the rest by as much.
MOST = 1000.0


def suited(task: str, name: str) -> bool:
    """Whether the preset has the noise, and the task the operators, that the method needs."""
    spec = tasks()[task].configure("quick", {})
    noise, method = NOISES.find(vars(spec)[MODEL]), find_method(name)
    several = len(method.weights) > 1 and not any(map(noise.lacks, method.needs))
    return several and (not method.crosses or "operators" in vars(spec))


PAIRS = [(task, name) for task in tasks() for name in methods() if suited(task, name)]


@pytest.mark.parametrize(("task", "name"), PAIRS)
def test_no_term_drowns_another(task: str, name: str) -> None:
    """In the second step: in the first A†y may still be what the network gives."""
    own = {"operators": "many"} if find_method(name).crosses else {}
    training = {"steps": 2, "log_every": 1, "milestones": ()}
    weights, losses = dict[str, float](), dict[str, float]()
    for event in prepare(configure(task, "quick", [name], settings=own, training=training)).run():
        match event:
            case Started():
                weights = dict(event.weights)
            case Stepped(step=2):
                losses = dict(event.losses)
    told = {term: weight * losses[term] for term, weight in weights.items()}
    assert len(told) > 1
    assert max(told.values()) < MOST * min(told.values()), told
