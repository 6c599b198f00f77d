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


def settings_for(task: str, name: str) -> dict[str, str]:
    """What of the quick preset must be otherwise for a method."""
    spec, method = tasks()[task].configure("quick", {}), find_method(name)
    noise = NOISES.find(vars(spec)[MODEL])
    lacking = any(map(noise.lacks, method.needs))
    return ({"operators": "many"} if method.crosses else {}) | (
        {MODEL: "gaussian"} if lacking else {}
    )


PAIRS = [
    (task, name)
    for task, kind in tasks().items()
    for name, method in methods().items()
    if len(method.weights) > 1 and (not method.crosses or "operators" in kind.settings)
]


@pytest.mark.parametrize(("task", "name"), PAIRS)
def test_no_term_drowns_another(task: str, name: str) -> None:
    """In the second step: in the first A†y may still be what the network gives."""
    own = settings_for(task, name)
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
