"""Which random numbers are drawn, and which noise is believed: noted draw by draw.

Witnesses stand in for the noise model and the group. They note where the streams that they are
given stand, so what is seen here is what is drawn, however the streams were addressed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from kit.trainings import fitting
from torch import Tensor, nn

from reilab.events import SetAssumedNoise, Steered, Stepped, Ticked
from reilab.groups import Group
from reilab.key import Key, Streams
from reilab.methods.base import LearnsNoise
from reilab.methods.registry import methods
from reilab.nets.registry import FromStart
from reilab.noise import Estimator, Noise, Recorruptible
from reilab.problem import MEASUREMENTS
from reilab.runs.config import RunConfig, build, configure
from reilab.runs.stream import Prepared, prepare_problem
from reilab.tasks.registry import tasks
from reilab.training.checkpoint import load_checkpoint, save_checkpoint
from reilab.training.state import TrainState
from reilab.training.step import take_step

pytestmark = [pytest.mark.usefixtures("random_states_untouched"), pytest.mark.slow]
every_task = pytest.mark.parametrize("task", tasks())
#: Witnesses have a level that is told; what learns it is looked at in methods/test_unsure.py.
TOLD = [name for name, one in methods().items() if not isinstance(one.spec(), LearnsNoise)]
every_method = pytest.mark.parametrize("method", TOLD)
N_STEPS, BATCH = 6, 3


@dataclass(frozen=True)
class Draw:
    """What was drawn, by a noise model of which level, from streams that stood where.

    ``about`` is what the noise was put on, or the measurement that the probes were for.
    """

    what: str
    level: float
    places: tuple[str, ...]
    about: Tensor | None = None


def places_of(streams: Streams) -> tuple[str, ...]:
    states = [own.get_state().numpy().tobytes() for own in streams]
    return tuple(hashlib.blake2b(state, digest_size=16).hexdigest() for state in states)


@dataclass(frozen=True)
class WitnessedNoise:
    model: Noise
    log: list[Draw]

    @property
    def level(self) -> float:
        return self.model.level

    def at(self, level: float) -> WitnessedNoise:
        return replace(self, model=self.model.at(level))

    def sample(self, u: Tensor, rng: Streams) -> Tensor:
        self.log.append(Draw("noise", self.level, places_of(rng), u.detach()))
        return self.model.sample(u, rng)

    def recorrupt(self, y: Tensor, alpha: float, rng: Streams) -> Tensor:
        self.log.append(Draw("pair", self.level, places_of(rng), y.detach()))
        assert isinstance(self.model, Recorruptible)
        return self.model.recorrupt(y, alpha, rng)

    def sure(self, y: Tensor, h: Estimator, hy: Tensor, rng: Streams) -> Tensor:
        self.log.append(Draw("probe", self.level, places_of(rng), y.detach()))
        return self.model.sure(y, h, hy, rng)


@dataclass(frozen=True)
class WitnessedGroup:
    group: Group
    log: list[Draw]

    def sample(self, n: int, rng: torch.Generator) -> Tensor:
        self.log.append(Draw("transforms", 0.0, places_of([rng])))
        return self.group.sample(n, rng)

    def act(self, g: Tensor, x: Tensor) -> Tensor:
        return self.group.act(g, x)

    def inverse(self, g: Tensor) -> Tensor:
        return self.group.inverse(g)


@dataclass(frozen=True)
class OneLayer:
    """The cheapest network that learns."""

    def build(self, channels: int) -> nn.Module:
        return FromStart(nn.Conv2d(channels, channels, 3, padding=1))


def small(task: str, method: str, assumed: float | None = None, **training: Any) -> RunConfig:
    changes = {"steps": N_STEPS, "batch": BATCH, "log_every": 2, **training}
    own = fitting(task, [method])
    config = configure(
        task, "smoke", [method], settings=own, training=changes, assumed_noise=assumed
    )
    return replace(config, network=OneLayer())


def watched(config: RunConfig) -> tuple[Prepared, list[Draw]]:
    """A run, and what is drawn for it from now on."""
    problem, log = build(config), list[Draw]()
    noise, group = WitnessedNoise(problem.noise, log), WitnessedGroup(problem.group, log)
    return prepare_problem(config, replace(problem, noise=noise, group=group)), log


def draws(config: RunConfig) -> list[Draw]:
    """All draws of a run, from its preparation to its end."""
    prepared, log = watched(config)
    list(prepared.run())
    return log


def draws_by_step(config: RunConfig) -> list[list[Draw]]:
    prepared, log = watched(config)
    (state,) = prepared.states
    found = []
    for _ in range(N_STEPS):
        log.clear()
        take_step(state, prepared.problem, config.training)
        found.append(list(log))
    return found


def places(log: Sequence[Draw]) -> list[str]:
    return [place for draw in log for place in draw.places]


# Addresses

parts = st.one_of(st.integers(-3, 10**6), st.text(max_size=4))
addresses = st.builds(
    lambda seed, path: Key(seed, tuple(path)), st.integers(0, 99), st.lists(parts)
)


@given(addresses, addresses)
def test_another_address_is_another_stream(one: Key, other: Key) -> None:
    equal = one.generator().initial_seed() == other.generator().initial_seed()
    assert equal == (one == other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Key(1) / 2 / 3, Key(1) / 3 / 2),
        (Key(1) / 1 / 12, Key(1) / 11 / 2),
        (Key(1) / "1", Key(1) / 1),
        (Key(1) / 2, Key(2) / 1),
        (Key(12), Key(1) / 2),
        (Key(1) / "a", Key(2) / "a"),
        (Key(1) / "a", Key(1) / "a" / "a"),
        (Key(1) / "a" / 2, Key(1) / "b" / 2),
    ],
)
def test_addresses_that_are_alike_are_not_the_same(one: Key, other: Key) -> None:
    numbers = [torch.rand(4, generator=key.generator()).tolist() for key in (one, other)]
    assert numbers[0] != numbers[1]


def test_there_are_streams_enough() -> None:
    """Of as many as a run of 225,000 steps opens, no two are the same."""
    found = {(Key(0) / step).generator().initial_seed() for step in range(20_000)}
    assert len(found) == 20_000
    # The seeds fill 63 bits: two of a million streams meet once in ten million such runs.
    assert max(found) > 2**62


# Fresh at every step, and one's own


@pytest.mark.parametrize("measurements", MEASUREMENTS)
@every_task
@every_method
def test_no_random_number_is_drawn_twice(task: str, method: str, measurements: str) -> None:
    """From the test measurements to the last step: what is drawn anew is drawn afresh."""
    log = draws(small(task, method, measurements=measurements))
    drawn = places(log)
    assert len(drawn) > (BATCH * N_STEPS if measurements == "online" else 16)
    assert len(set(drawn)) == len(drawn)


@every_task
@every_method
def test_every_sample_has_streams_of_its_own(task: str, method: str) -> None:
    """One for the noise of each measurement, real or virtual, and one for each probe."""
    for step in draws_by_step(small(task, method)):
        for draw in step:
            assert draw.about is None or len(draw.places) == len(draw.about)


@every_task
def test_methods_see_the_same_numbers_wherever_they_can(task: str) -> None:
    """The noise of the data; the probes where there are some; the transforms of one term."""
    found = {name: draws_by_step(small(task, name)) for name in TOLD}
    data = {name: [step[0] for step in steps] for name, steps in found.items()}
    for one, other in combinations(data.values(), 2):
        for mine, yours in zip(one, other, strict=True):
            assert (mine.what, mine.places) == ("noise", yours.places)
            assert mine.about is not None
            assert yours.about is not None
            assert torch.equal(mine.about, yours.about)
    probes = [
        [draw.places for step in found[name] for draw in step if draw.what == "probe"]
        for name in ("sure", "rei")
    ]
    assert len(probes[0]) == N_STEPS
    assert probes[0] == probes[1]


@pytest.mark.parametrize("measurements", MEASUREMENTS)
@every_task
def test_another_seed_draws_nothing_that_the_first_one_drew(task: str, measurements: str) -> None:
    first, second = (
        set(places(draws(small(task, "rei", measurements=measurements, seed=seed))))
        for seed in (0, 1)
    )
    assert len(first) == len(second)
    assert not first & second


def test_another_seed_makes_another_network() -> None:
    weights = []
    for seed in (0, 1):
        (state,) = watched(small("mri", "rei", seed=seed))[0].states
        weights.append(torch.cat([p.detach().flatten() for p in state.network.parameters()]))
    assert not (weights[0] == weights[1]).any()


@pytest.mark.parametrize("task", tasks())
def test_the_measurements_of_a_step_are_online_or_fixed_as_asked(task: str) -> None:
    """Fixed ones are drawn once, before the first step, and each image has its own."""
    online, fixed = (small(task, "mc", measurements=kind) for kind in ("online", "fixed"))
    assert all([draw.what for draw in step] == ["noise"] for step in draws_by_step(online))
    assert not any(draws_by_step(fixed))
    prepared, log = watched(fixed)
    assert len(set(places(log))) >= len(prepared.problem.train) + len(prepared.problem.test)


# The true noise and the assumed one


def assert_levels(step: Sequence[Draw], true: float, assumed: float) -> None:
    """Of the data, and of all that the losses draw."""
    data, *rest = [draw for draw in step if draw.what != "transforms"]
    assert (data.what, data.level) == ("noise", true)
    assert [draw.level for draw in rest] == [assumed] * len(rest)


@every_task
@every_method
def test_data_have_the_true_noise_and_losses_believe_the_assumed_one(
    task: str, method: str, tmp_path: Path
) -> None:
    """As configured, as steered, and as resumed."""
    true = small(task, method).noise
    config = small(task, method, assumed=2 * true)
    prepared, log = watched(config)
    run = prepared.run()

    def step() -> list[Draw]:
        log.clear()
        while not isinstance(next(run), Stepped | Ticked):
            pass
        return list(log)

    # The test measurements, which every method is judged by.
    assert {draw.level for draw in log} == {true}
    for _ in range(2):
        assert_levels(step(), true, 2 * true)
    (answer,) = run.steer(SetAssumedNoise(3 * true))
    assert isinstance(answer, Steered)
    for _ in range(2):
        assert_levels(step(), true, 3 * true)
    (state,) = prepared.states
    save_checkpoint(state, tmp_path / "saved")

    again, log = watched(config)
    (resumed,) = again.states
    load_checkpoint(resumed, tmp_path / "saved")
    log.clear()
    take_step(resumed, again.problem, config.training)
    assert_levels(log, true, 3 * true)


@every_task
def test_what_the_losses_believe_is_the_true_noise_unless_told_otherwise(task: str) -> None:
    """The level that is asked for, not that of the preset."""
    level = 3 * configure(task, "smoke", ["rei"]).noise
    field = tasks()[task].noise
    config = configure(task, "smoke", ["rei"], settings={field: level}, training={"batch": BATCH})
    assert config.assumed_noise == level
    for step in draws_by_step(replace(config, network=OneLayer())):
        assert_levels(step, level, level)


@every_task
def test_probes_are_for_the_data_and_noise_is_put_on_what_a_gives(task: str) -> None:
    """The virtual measurements are as many as there are transforms of each image."""
    config = small(task, "rei")
    prepared, log = watched(config)
    (state,) = prepared.states
    seen: list[Tensor] = []
    measured = prepared.problem.measure(prepared.problem.train.batch(torch.arange(BATCH)), Key(1))
    log.clear()
    terms = {name: _noting(loss, seen) for name, loss in state.terms.items()}
    take_step(_with_terms(state, terms), prepared.problem, config.training)
    data, probe, virtual = (draw for draw in log if draw.what != "transforms")
    assert data.about is not None
    assert virtual.about is not None
    assert data.about.shape == measured.y.shape
    assert torch.equal(seen[0], seen[1])
    assert probe.about is not None
    assert torch.equal(probe.about, seen[0])
    n_transforms = config.method_values["transforms"]
    assert len(virtual.about) == n_transforms * BATCH


def _noting(loss: Any, seen: list[Tensor]) -> Any:
    def noting(m: Any, xhat: Tensor, f: Any, key: Key) -> Tensor:
        seen.append(m.y)
        values: Tensor = loss(m, xhat, f, key)
        return values

    return noting


def _with_terms(state: TrainState, terms: Any) -> TrainState:
    state.terms = terms
    return state
