"""Forks: a run that goes on from the past of another, with other settings."""

from __future__ import annotations

import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from reilab.disk import replace_text
from reilab.events import (
    Continue,
    Evaluated,
    Event,
    Pause,
    SetAssumedNoise,
    SetLearningRate,
    SetWeight,
    Started,
    Steered,
    Stepped,
    Stop,
)
from reilab.record import folder as folders
from reilab.record.folder import RunFolder
from reilab.record.history import history_of
from reilab.runs import jobs
from reilab.runs.config import build, config_of, configure, from_yaml
from reilab.runs.execute import execute
from reilab.runs.fork import Parent, fork, forkable_steps, forked_name, parent_of
from reilab.runs.kept import keep_state, kept_states, states
from reilab.runs.steering import Numbers, numbers_at_start
from reilab.training.checkpoint import load_checkpoint, read_position
from reilab.training.multipliers import Multipliers
from reilab.training.state import new_state

pytestmark = pytest.mark.slow

TRAINING = {"steps": 12, "log_every": 1, "evaluate_every": 2, "kept_states": 4}


def new_run(path: Path, **training: Any) -> RunFolder:
    config = configure("mri", "smoke", ["ei", "rei"], training={**TRAINING, **training})
    return RunFolder.create(path, config.to_yaml())


@pytest.fixture(scope="module")
def parent(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A finished run; weight and assumed noise were steered after step 4."""
    folder = new_run(tmp_path_factory.mktemp("runs") / "parent")
    seen: list[Event] = []
    asked = [SetWeight("sure", 0.5), SetAssumedNoise(0.07)]

    def inbox() -> list[Any]:
        last = seen[-1] if seen else None
        due = isinstance(last, Stepped) and (last.method, last.step) == ("ei", 5)
        return [asked.pop(0), asked.pop(0)] if due and asked else []

    execute(folder, seen.append, inbox=inbox)
    return folder


@pytest.mark.parametrize("most", [0, 1, 4, 8])
def test_a_long_run_keeps_few_evenly_spaced_states(tmp_path: Path, most: int) -> None:
    folder = new_run(tmp_path / "run")
    for step in range(0, 1000, 10):
        replace_text(folder.checkpoint("rei"), str(step))
        keep_state(folder, "rei", step, every=10, most=most)
        kept = kept_states(folder, "rei")
        assert len(kept) <= most
        assert len(kept) >= min(step // 10 + 1, (most + 1) // 2)
        assert len({later - earlier for earlier, later in pairwise(kept)}) <= 1
    assert all(path.read_text() == str(step) for step, path in kept.items())


def test_states_are_kept_where_there_are_no_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*paths: Path) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(folders.os, "link", refuse)
    folder = new_run(tmp_path / "run")
    replace_text(folder.checkpoint("rei"), "first")
    keep_state(folder, "rei", 0, every=10, most=4)
    replace_text(folder.checkpoint("rei"), "second")
    assert kept_states(folder, "rei")[0].read_text() == "first"


def test_a_fork_that_changes_nothing_is_the_same_run(parent: RunFolder, tmp_path: Path) -> None:
    assert forkable_steps(parent) == (0, 4, 8, 12)
    made = fork(parent, 8, {}, tmp_path / "fork")
    history = execute(made)
    assert history.finished
    for method in ("ei", "rei"):
        assert made.checkpoint(method).read_bytes() == parent.checkpoint(method).read_bytes()
        own, other = history.tracks[method], history_of(parent.events()).tracks[method]
        assert [e.losses for e in own.stepped] == [e.losses for e in other.stepped]
        assert own.steered == other.steered
        for mine, its in zip(own.evaluated, other.evaluated, strict=True):
            assert mine.metrics == its.metrics
            np.testing.assert_array_equal(mine.images, its.images)


def test_a_fork_shows_its_parent_and_then_its_own_settings(
    parent: RunFolder, tmp_path: Path
) -> None:
    made = fork(parent, 8, {"alpha_req": 3.0, "learning_rate": 1e-4, "steps": 10}, tmp_path / "f")
    before = history_of(made.events())
    assert [event.step for event in before.tracks["rei"].stepped] == list(range(1, 9))
    assert not before.finished
    config, parents = from_yaml(made.config), from_yaml(parent.config)
    assert config.method_values["alpha_req"] == 3
    # Steered before the moment of the fork, and not changed by it.
    assert config.method_values["alpha_sure"] == 0.5
    assert config.assumed_noise == 0.07
    assert config.spec == parents.spec
    assert parent_of(made) == Parent(parent.name, 8)
    assert parent_of(parent) is None
    history = execute(made)
    started = history.tracks["rei"].started
    assert (started.step, started.n_steps) == (8, 10)
    assert started.weights == {"sure": 0.5, "req": 3.0}
    assert (started.learning_rate, started.assumed_noise) == (1e-4, 0.07)
    assert history.tracks["ei"].started.weights["eq"] == parents.method_values["alpha_eq"]
    assert [e.step for e in history.tracks["rei"].stepped] == list(range(1, 11))
    assert history.tracks["rei"].resumed == [started]


def test_a_fork_begins_with_what_was_steered_at_its_step(tmp_path: Path) -> None:
    """While the run was paused at an evaluation that is kept."""
    folder, seen = new_run(tmp_path / "run"), list[Event]()
    asked = iter([[Pause()], [SetLearningRate(1e-5), SetWeight("sure", 0.5)], [Continue()]])

    def inbox() -> Any:
        judged = {e.method for e in seen if isinstance(e, Evaluated) and e.step == 4}
        return next(asked, []) if len(judged) == 2 else []

    execute(folder, seen.append, inbox=inbox)
    assert {e.step for e in seen if isinstance(e, Steered)} == {4}
    made = fork(folder, 4, {}, tmp_path / "fork")
    config, position = config_of(made), read_position(made.checkpoint("rei"))
    numbers = Numbers(numbers_at_start(config))
    numbers.read(made.events())
    own = position.learning_rate, position.weights["sure"]
    assert own == (config.training.learning_rate, config.method_values["alpha_sure"])
    assert own == (numbers.known["learning_rate"], numbers.known["alpha_sure"])
    assert own == (1e-5, 0.5)
    # What is changed again shows as it was changed, and what is not as it was steered.
    other = fork(folder, 4, {"alpha_sure": 3.0}, tmp_path / "other")
    numbers = Numbers(numbers_at_start(config_of(other)))
    numbers.read(other.events())
    assert (numbers.known["learning_rate"], numbers.known["alpha_sure"]) == (1e-5, 3.0)
    assert read_position(other.checkpoint("rei")).weights["sure"] == 3.0
    steered = [(e.method, e.command) for e in other.events() if isinstance(e, Steered)]
    assert steered[-1] == ("rei", SetWeight("sure", 3.0))
    assert execute(other).finished


def test_a_finished_run_is_made_longer(parent: RunFolder, tmp_path: Path) -> None:
    history = execute(fork(parent, 12, {"steps": 14}, tmp_path / "longer"))
    assert history.finished
    assert history.tracks["ei"].step == 14


def test_what_learns_the_noise_goes_on_from_the_level_that_a_fork_sets(tmp_path: Path) -> None:
    own = {"noise_model": "mixed", "sigma": 0.1, "gamma": 0.01}
    training = {"steps": 4, "log_every": 1, "evaluate_every": 2, "kept_states": 4}
    config = configure("inpainting", "smoke", ["unsure", "sure"], settings=own, training=training)
    parent = RunFolder.create(tmp_path / "parent", config.to_yaml())
    execute(parent)

    def learned(folder: RunFolder) -> Multipliers:
        config = from_yaml(folder.config)
        state = new_state(
            config.objectives[0], build(config), config.training, config.assumed_noise
        )
        load_checkpoint(state, folder.checkpoint("unsure"))
        assert state.multipliers
        return state.multipliers

    tensors = load_file(states(parent, "unsure")[2])
    # Whoever forks on the page tells the number of every control.
    for name, changes in {"same": {}, "told": {"assumed_noise": config.assumed_noise}}.items():
        same = learned(fork(parent, 2, changes, tmp_path / name))
        assert torch.equal(same.theta, tensors["noise.theta"])
        assert torch.equal(same.velocity, tensors["noise.velocity"])
    assert same.velocity.all()
    other = learned(fork(parent, 2, {"assumed_noise": 0.05}, tmp_path / "other"))
    assert other.level == pytest.approx(0.05)
    # What is not the level stays as it was learned.
    assert other.theta[0] == same.theta[0] != pytest.approx(0.1**2, rel=1e-6)


@pytest.mark.parametrize(
    ("step", "changes", "told"),
    [
        (6, {}, "step 6 of parent is not kept; those that are: 0, 4, 8, 12"),
        (12, {}, "steps = 12 must be more than 12"),
        (8, {"width": 16}, "'width' is what a fork shares with its parent"),
        (8, {"sigma": 0.3}, "'sigma' is what a fork shares"),
        (8, {"task": "ct"}, "'task' is what a fork shares"),
        (8, {"alpha_rec": 1.0}, "Did you mean 'alpha_req'"),
        (8, {"alpha_req": -1.0}, "alpha_req = -1.0 is too small"),
        (8, {"assumed_noise": -1.0}, "sigma = -1.0 is too small"),
    ],
)
def test_impossible_forks_are_refused_and_leave_nothing(
    step: int, changes: dict[str, Any], told: str, parent: RunFolder, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=told):
        fork(parent, step, changes, tmp_path / "no")
    assert not (tmp_path / "no").exists()


def test_a_run_that_has_just_begun_cannot_be_forked(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="those that are: none yet"):
        fork(new_run(tmp_path / "new"), 0, {}, tmp_path / "no")


def test_states_of_a_future_that_was_left_are_dropped(tmp_path: Path) -> None:
    folder = new_run(tmp_path / "run", kept_states=100)
    first = folder.path / "first.safetensors"

    def keep_first(event: Event) -> None:
        if isinstance(event, Stepped) and event.step == 5 and event.method == "rei":
            first.write_bytes(folder.checkpoint("rei").read_bytes())

    execute(folder, keep_first)
    assert list(kept_states(folder, "rei")) == [0, 2, 4, 6, 8, 10, 12]
    for method in ("ei", "rei"):
        kept_states(folder, method)[4].rename(folder.checkpoint(method))
    execute(folder, inbox=lambda: [Stop()])
    assert max(kept_states(folder, "rei")) <= 4
    assert read_position(folder.checkpoint("rei")).step == 4


def test_a_fork_stands_beside_its_parent_and_runs_as_a_job(
    parent: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = forked_name(parent, 4)
    assert out == parent.path.with_name("parent-from-4")
    made = fork(parent, 4, {"steps": 5}, out)
    assert forked_name(parent, 4).name == "parent-from-4-2"
    jobs.resume(made)
    found = jobs.standing(made, history_of(made.events()))
    assert found.status in jobs.LIVE
    deadline = time.monotonic() + 120
    while not history_of(made.events()).finished:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    starts = [e.step for e in made.events() if isinstance(e, Started)]
    assert starts == [0, 0, 4, 4]
    assert not any(isinstance(e, Steered) and e.step > 4 for e in made.events())
