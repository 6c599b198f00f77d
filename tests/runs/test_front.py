"""The front door: frozen values in, a history out; the same run as a configuration's."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
import torch

import reilab
from reilab.events import Event, Posed, SetWeight, Started, Stepped
from reilab.methods import EI, REI, Supervised
from reilab.nets import UnrolledSpec
from reilab.tasks import CT, MRI, tasks
from reilab.training.config import TrainConfig

HOW = TrainConfig(steps=2, batch=2, log_every=1, evaluate_every=2)


def smallest() -> MRI:
    return MRI(size=32, center=0.08)


@dataclass(frozen=True)
class Blur:
    """An operator that nobody has registered."""

    physics: Any

    def build(self, device: str = "cpu") -> reilab.Problem:
        return replace(smallest().build(device), physics=self.physics)


@pytest.mark.slow
@pytest.mark.parametrize("task", tasks())
def test_values_give_the_run_of_a_configuration(task: str) -> None:
    training = {"steps": 2, "log_every": 1, "evaluate_every": 2}
    config = reilab.configure(task, "smoke", ["rei", "supervised"], training=training)
    mine: list[Event] = []
    by_name = reilab.run(config)
    by_value = reilab.run(
        config.spec,
        config.objectives,
        config.training,
        network=config.network,
        watch=[mine.append],
    )
    for name, track in by_name.tracks.items():
        assert track.metrics == by_value.tracks[name].metrics
    posed = next(event for event in mine if isinstance(event, Posed))
    assert by_name.posed is not None
    assert (posed.task, posed.noise, posed.noise_unit) == (
        task,
        by_name.posed.noise,
        by_name.posed.noise_unit,
    )
    assert np.array_equal(posed.pinv, by_name.posed.pinv)


@pytest.mark.slow
def test_a_problem_made_by_hand_stands_where_a_task_stands() -> None:
    own = smallest().build()
    problem = reilab.Problem(own.physics, reilab.Gaussian(0.02), own.group, own.train, own.test)
    history = reilab.run(problem, [EI()], HOW, network=UnrolledSpec(stages=1, width=8))
    assert history.finished
    assert history.posed is not None
    assert (history.posed.task, history.posed.noise) == ("", 0.02)
    other = reilab.run(replace(problem, noise=reilab.Gaussian(0.2)), [EI()], HOW)
    assert other.posed is not None
    assert not np.array_equal(other.posed.pinv, history.posed.pinv)


@pytest.mark.slow
def test_a_task_needs_no_registration() -> None:
    history = reilab.run(Blur(smallest().build().physics), [REI(transforms=1)], HOW)
    assert history.finished
    assert history.posed is not None
    assert history.posed.task == "Blur"


def test_what_is_asked_for_is_what_trains() -> None:
    run = reilab.stream(smallest(), [EI(alpha_eq=7.0)], HOW, assumed_noise=0.03)
    started = next(event for event in run if isinstance(event, Started))
    assert started.weights["eq"] == 7.0
    assert started.assumed_noise == 0.03
    next(event for event in run if isinstance(event, Stepped))
    (answer,) = run.steer(SetWeight("eq", 2.0))
    assert answer.method == "ei"


@pytest.mark.parametrize(
    ("problem", "methods", "change", "words"),
    [
        (MRI(sigma=-1.0), [EI()], {}, "sigma = -1.0 is too small"),
        (MRI(size=33), [EI()], {}, "size = 33 must be a multiple of"),
        (smallest(), [REI(alpha_req=-1.0)], {}, "alpha_req = -1.0 is too small"),
        (smallest(), [], {}, "must name at least one"),
        (smallest(), [EI(), EI(alpha_eq=2.0)], {}, "'ei ei' must name at least one, each once"),
        (smallest(), [EI()], {"training": replace(HOW, batch=1000)}, "batch = 1000 is larger"),
        (smallest(), [EI()], {"training": replace(HOW, steps=0)}, "steps = 0 is too small"),
        (smallest(), [EI()], {"network": UnrolledSpec(stages=0)}, "stages = 0 is too small"),
        (smallest(), [EI()], {"assumed_noise": -0.1}, "sigma = -0.1 is too small"),
        (smallest(), [EI()], {"device": "tpu9"}, "device = 'tpu9'"),
        (CT(size=32, gamma=0.0), [Supervised()], {}, "gamma = 0.0"),
    ],
)
def test_bad_values_get_a_clear_error(
    problem: reilab.tasks.Spec, methods: list[Any], change: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match="^.*" + words.replace("(", "\\(")):
        reilab.run(problem, methods, **{"training": HOW, **change})


def test_truth_is_asked_for_where_there_is_none() -> None:
    problem = smallest().build()
    blind = replace(problem, train=problem.measured_once(problem.train, reilab.Key(0)))
    blind = replace(blind, train=replace(blind.train, x=None))
    with pytest.raises(ValueError, match="'supervised' needs ground truth"):
        reilab.run(blind, [Supervised()], HOW)
    assert torch.is_tensor(blind.train.batch(torch.tensor([0])).y)
