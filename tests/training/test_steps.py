"""What a step goes by: which images, which mode, which rate, which weights, which number format."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from kit.trainings import fitting
from torch import Tensor, nn

from reilab.datasets.samples import Batch, Samples
from reilab.events import (
    Evaluated,
    Event,
    Posed,
    SetAssumedNoise,
    SetLearningRate,
    SetWeight,
    Stepped,
    Ticked,
)
from reilab.key import Key
from reilab.methods.registry import find_method, methods
from reilab.nets.registry import FromStart
from reilab.physics.base import Physics
from reilab.problem import Measurement, Oracle, Problem
from reilab.runs.config import RunConfig, build, configure, from_yaml
from reilab.runs.stream import Prepared, prepare_problem
from reilab.settings import override
from reilab.tasks.registry import tasks
from reilab.training.checkpoint import load_checkpoint, save_checkpoint
from reilab.training.engines import precision_on
from reilab.training.evaluate import previewed
from reilab.training.state import TrainState
from reilab.training.step import take_step

pytestmark = [pytest.mark.usefixtures("random_states_untouched"), pytest.mark.slow]
every_task = pytest.mark.parametrize("task", tasks())
every_method = pytest.mark.parametrize("method", methods())


@dataclass(frozen=True)
class Pass:
    """One pass of a network: in which mode, in which format, and with which sum of the weights."""

    training: bool
    dtype: torch.dtype
    weights: float


class Noting(nn.Module):
    """A normalised convolution that notes how it is used."""

    def __init__(self, channels: int, passes: list[Pass]) -> None:
        super().__init__()
        self.first = nn.Conv2d(channels, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.last = nn.Conv2d(4, channels, 3, padding=1)
        self.passes = passes

    def forward(self, x: Tensor) -> Tensor:
        features = self.first(x)
        own = sum(float(p.detach().double().sum()) for p in self.parameters())
        self.passes.append(Pass(self.training, features.dtype, own))
        image: Tensor = self.last(self.norm(features))
        return image


@dataclass(frozen=True)
class Network:
    passes: list[Pass] = field(default_factory=list)

    def build(self, channels: int) -> nn.Module:
        return FromStart(Noting(channels, self.passes))


def small(task: str, method: str, network: Network | None = None, **training: Any) -> RunConfig:
    changes = {"steps": 6, "batch": 2, "log_every": 1, "evaluate_every": 3, **training}
    own = fitting(task, [method])
    config = configure(task, "smoke", [method], settings=own, training=changes)
    return replace(config, network=network or Network())


def quiet(task: str, method: str, **training: Any) -> RunConfig:
    """With a hundredth of the noise, so that measurements tell of what they are."""
    config = small(task, method, **training)
    field = tasks()[task].noise
    return replace(config, spec=override(config.spec, {field: config.noise / 100}))


def ready(config: RunConfig, change: Callable[[Problem], Problem] = lambda p: p) -> Prepared:
    return prepare_problem(config, change(build(config)))


def weights_of(state: TrainState) -> Tensor:
    return torch.cat([p.detach().flatten() for p in state.network.parameters()])


# Which images


@dataclass(frozen=True, eq=False)
class Witnessed:
    """Samples that note which of them are looked at."""

    samples: Samples
    seen: list[int] = field(default_factory=list)

    @property
    def has_truth(self) -> bool:
        return self.samples.has_truth

    @property
    def device(self) -> torch.device:
        return self.samples.device

    def __len__(self) -> int:
        return len(self.samples)

    def batch(self, index: Tensor) -> Batch:
        self.seen.extend(index.tolist())
        return self.samples.batch(index)


@every_task
@every_method
def test_a_pass_sees_each_training_image_once_and_no_other(task: str, method: str) -> None:
    """Between evaluations nobody looks at the images to validate and to test by."""
    problem = build(small(task, method))
    n = len(problem.train)
    batch = next(size for size in range(n // 4, n + 1) if n % size == 0)
    per_pass = n // batch
    prepared = ready(small(task, method, batch=batch, steps=2 * per_pass))
    posed = prepared.problem
    assert posed.validation is not None
    train, others = Witnessed(posed.train), list[int]()
    test, validation = Witnessed(posed.test, others), Witnessed(posed.validation, others)
    watched = replace(posed, train=train, test=test, validation=validation)
    n_steps = 0
    for event in replace(prepared, problem=watched).run():
        if isinstance(event, Stepped):
            n_steps += 1
            assert others == []
        others.clear()
    assert n_steps == 2 * per_pass
    first, second = train.seen[:n], train.seen[n:]
    assert sorted(first) == sorted(second) == list(range(n))
    assert first != second


@every_task
def test_the_measurements_of_a_step_are_of_its_images(task: str) -> None:
    """And the truth that supervised training sees is theirs."""
    config = quiet(task, "supervised")
    prepared = ready(config)
    (state,) = prepared.states
    train = Witnessed(prepared.problem.train)
    seen: list[Oracle] = []
    state.terms = {"supervised": _noting(state.terms["supervised"], seen)}
    take_step(state, replace(prepared.problem, train=train), config.training)
    x = prepared.problem.train.batch(torch.tensor(train.seen)).x
    assert x is not None
    assert torch.equal(seen[0].x, x)
    # Far nearer to what A makes of these images than to what it makes of them in another order.
    u = prepared.problem.physics(x)
    assert (seen[0].y - u).norm() < 0.5 * (seen[0].y - u.flip(0)).norm()
    assert torch.equal(seen[0].start, prepared.problem.physics.pinv(seen[0].y))


@pytest.mark.parametrize("exam", ["test", "validation"])
@every_task
def test_what_a_network_is_judged_by_is_what_was_asked_for(task: str, exam: str) -> None:
    """Images of the test, or of validation; early stopping goes by those of validation alone."""
    prepared = ready(quiet(task, "supervised", previews=3, exam=exam, ends_with="best"))
    problem, stopping = prepared.problem, prepared.exam.validation
    assert stopping is not None
    for judge, split in ((prepared.exam, exam), (stopping, "validation")):
        samples = vars(problem)[split]
        x = samples.batch(torch.arange(len(samples))).x
        assert judge.truth is not None
        assert torch.equal(judge.truth, problem.image(x))
        u = problem.physics(x)
        assert (judge.y - u).norm() < 0.5 * (judge.y - u.roll(1, 0)).norm()
    posed = next(prepared.run())
    assert isinstance(posed, Posed)
    assert posed.truth is not None
    assert prepared.exam.truth is not None
    shown = prepared.exam.truth[previewed(len(prepared.exam.truth), 3)].permute(0, 2, 3, 1)
    assert torch.equal(torch.from_numpy(posed.truth), shown)


@every_method
def test_only_an_oracle_sees_the_truth(method: str) -> None:
    config = small("mri", method)
    prepared = ready(config)
    (state,) = prepared.states
    seen: list[Measurement] = []
    state.terms = {name: _noting(loss, seen) for name, loss in state.terms.items()}
    take_step(state, prepared.problem, config.training)
    expected = Oracle if find_method(method).oracle else Measurement
    assert seen
    assert {type(m) for m in seen} == {expected}


def _noting(loss: Any, seen: list[Any]) -> Any:
    def noting(m: Any, xhat: Tensor, f: Any, key: Key) -> Tensor:
        seen.append(m)
        values: Tensor = loss(m, xhat, f, key)
        return values

    return noting


# Which mode


@every_method
def test_networks_learn_in_training_mode_and_are_judged_in_evaluation(method: str) -> None:
    network = Network()
    prepared = ready(small("mri", method, network))
    judged = learned = 0
    for event in prepared.run():
        modes = {each.training for each in network.passes}
        network.passes.clear()
        if isinstance(event, Evaluated):
            assert modes == {False}
            judged += 1
        elif isinstance(event, Stepped):
            assert modes == {True}
            learned += 1
    assert (judged, learned) >= (3, 6)


@every_method
def test_to_be_judged_changes_nothing(method: str) -> None:
    """Neither weights nor running statistics: how often one looks is one's own affair."""
    ends = []
    for every in (1, 6):
        prepared = ready(small("mri", method, evaluate_every=every))
        list(prepared.run())
        ends.append(prepared.states[0].network.state_dict())
    assert all(torch.equal(ends[1][name], one) for name, one in ends[0].items())


# Which rate, weights and gradient


@every_method
def test_the_first_step_is_as_long_as_the_rate(method: str) -> None:
    """Of Adam, wherever there is a gradient."""
    config = small("mri", method, learning_rate=3e-3)
    (state,) = (prepared := ready(config)).states
    before = weights_of(state)
    take_step(state, prepared.problem, config.training)
    assert float((weights_of(state) - before).abs().max()) == pytest.approx(3e-3, rel=1e-2)


def rates(run: Any, state: TrainState) -> list[tuple[float, float]]:
    """What the optimiser went by at each step, and what is told of it."""
    return [
        (state.optimizer.param_groups[0]["lr"], event.learning_rate)
        for event in run
        if isinstance(event, Stepped)
    ]


def test_the_rate_of_every_step(tmp_path: Path) -> None:
    """It falls to a tenth at the milestones, as steered in between, and as resumed."""
    config = small("mri", "ei", milestones=(2, 5), learning_rate=1e-3, weight_decay=1e-3)
    prepared = ready(config)
    (state,) = prepared.states
    run = prepared.run()
    events: list[Event] = []
    while not (events and isinstance(events[-1], Stepped) and events[-1].step == 4):
        events.append(next(run))
        if isinstance(events[-1], Stepped):
            expected = 1e-3 if events[-1].step <= 2 else 1e-4
            assert rates([events[-1]], state) == [pytest.approx((expected, expected))]
    run.steer(SetLearningRate(7e-3))
    save_checkpoint(state, tmp_path / "saved")
    again = ready(config)
    load_checkpoint(again.states[0], tmp_path / "saved")
    for events_left, own in ((run, state), (again.run(), again.states[0])):
        found = rates(events_left, own)
        assert found == [pytest.approx((7e-4, 7e-4)), pytest.approx((7e-5, 7e-5))]
    assert state.optimizer.param_groups[0]["weight_decay"] == 1e-3
    assert torch.equal(weights_of(state), weights_of(again.states[0]))


def test_all_that_was_steered_is_resumed(tmp_path: Path) -> None:
    config = small("mri", "rei")
    state, again = (ready(config).states[0] for _ in range(2))
    for command in (SetWeight("req", 7.0), SetLearningRate(2e-4), SetAssumedNoise(0.03)):
        state.apply(command)
    save_checkpoint(state, tmp_path / "saved")
    load_checkpoint(again, tmp_path / "saved")
    for one in (state, again):
        assert (one.weights["req"], one.learning_rate, one.assumed_noise) == (7.0, 2e-4, 0.03)
    assert state.noise == ready(config).problem.noise


@every_method
def test_a_step_forgets_the_gradient_of_the_one_before(method: str) -> None:
    """At a rate that moves no weight, the second step is that of a network that skipped one."""
    config = small("mri", method, learning_rate=1e-30)
    prepared, skipping = ready(config), ready(config)
    (state,), (other,) = prepared.states, skipping.states
    other.step = 1
    take_step(state, prepared.problem, config.training)
    first = state.gradient.clone()
    # What is learned of the noise is no gradient, and is not forgotten.
    other.multipliers = copy.copy(state.multipliers)
    take_step(state, prepared.problem, config.training)
    take_step(other, skipping.problem, config.training)
    torch.testing.assert_close(state.gradient, other.gradient)
    assert not torch.allclose(first, other.gradient)


@every_method
def test_the_total_is_the_weighted_sum_of_the_terms(method: str) -> None:
    """With the weights as they are steered; so is the gradient."""
    prepared = ready(small("ct", method))
    run = prepared.run()
    (state,) = prepared.states
    steered = {name: 0.5 * (place + 1) * value for place, (name, value) in
               enumerate(state.weights.items())}  # fmt: skip
    event = next(run)
    while not isinstance(event, Stepped):
        event = next(run)
    for name, value in steered.items():
        run.steer(SetWeight(name, value))
    totals = [(e.total, e.losses) for e in run if isinstance(e, Stepped)]
    assert len(totals) == 5
    for total, losses in totals:
        expected = sum(steered[name] * value for name, value in losses.items())
        assert total == pytest.approx(expected, rel=1e-5)


def test_a_report_is_the_mean_of_its_steps() -> None:
    single, triple = (
        [e for e in ready(small("mri", "rei", log_every=n)).run() if isinstance(e, Stepped)]
        for n in (1, 3)
    )
    assert [event.step for event in triple] == [3, 6]
    for place, event in enumerate(triple):
        steps = single[3 * place : 3 * place + 3]
        for name, value in event.losses.items():
            assert value == pytest.approx(sum(each.losses[name] for each in steps) / 3)
        assert event.total == pytest.approx(sum(each.total for each in steps) / 3)
        assert event.risk == pytest.approx(sum(each.risk or 0.0 for each in steps) / 3)


def test_weights_move_between_steps_and_only_there() -> None:
    """All passes of a step, the virtual ones too, go through the same network."""
    network = Network()
    prepared = ready(small("mri", "rei", network))
    sums: list[float] = []
    for event in prepared.run():
        if isinstance(event, Stepped | Ticked):
            (own,) = {each.weights for each in network.passes}
            sums.append(own)
        network.passes.clear()
    assert len(set(sums)) == len(sums) == 6


# Which number format


@dataclass(frozen=True, eq=False)
class WitnessedPhysics:
    """An operator that notes the formats that it is given."""

    physics: Physics
    formats: set[torch.dtype] = field(default_factory=set)

    @property
    def domain(self) -> tuple[int, ...]:
        return self.physics.domain

    @property
    def range(self) -> tuple[int, ...]:
        return self.physics.range

    def __call__(self, x: Tensor) -> Tensor:
        self.formats.add(x.dtype)
        return self.physics(x)

    def pinv(self, y: Tensor) -> Tensor:
        self.formats.add(y.dtype)
        return self.physics.pinv(y)


@pytest.mark.parametrize(
    ("precision", "dtype"), [("float32", torch.float32), ("bfloat16", torch.bfloat16)]
)
@every_task
def test_the_network_alone_computes_in_short_numbers(
    task: str, precision: str, dtype: torch.dtype
) -> None:
    network, formats = Network(), set[torch.dtype]()
    config = small(task, "rei", network, precision=precision)
    prepared = ready(config, lambda p: replace(p, physics=WitnessedPhysics(p.physics, formats)))
    found = [event for event in prepared.run() if isinstance(event, Stepped)]
    assert len(found) == 6
    assert {each.dtype for each in network.passes} == {dtype}
    assert formats == {torch.float32}


@pytest.mark.parametrize(
    ("can", "device", "found"),
    [
        ({"avx2": True, "avx512_bf16": False, "l2_cache_size": 1}, "cpu", "float32"),
        ({"avx512_bf16": True}, "cpu", "bfloat16"),
        ({"amx_bf16": True}, "cpu", "bfloat16"),
        ({"amx_bf16": True}, "cuda", "float32"),
    ],
)
def test_auto_is_what_the_processor_can_do(
    can: dict[str, object], device: str, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: can)
    assert precision_on(device, "auto") == found
    assert precision_on(device, "float32") == "float32"


def test_a_run_tells_and_keeps_the_precision_that_it_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"amx_bf16": True})
    config = configure("mri", "smoke", training={"precision": "auto"})
    assert config.training.precision == "bfloat16"
    by_hand = config.to_yaml().replace("precision: bfloat16", "precision: auto")
    assert from_yaml(by_hand) == config
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    assert from_yaml(config.to_yaml()) == config
