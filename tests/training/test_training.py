"""The training generator: repeatable, resumable, steerable, and alike for all methods."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from kit.device import BIT_BY_BIT
from kit.trainings import comparable, learned, smoke
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from reilab.datasets.samples import Batch, InMemory, Samples
from reilab.events import (
    Checkpointed,
    Evaluated,
    Event,
    Failed,
    Finished,
    Posed,
    Refused,
    SetAssumedNoise,
    SetLearningRate,
    SetWeight,
    Started,
    Steered,
    Stepped,
    Stop,
    Ticked,
)
from reilab.key import Key
from reilab.methods.ei import EI
from reilab.methods.registry import methods as known_methods
from reilab.methods.rei import REI
from reilab.methods.supervised import Supervised
from reilab.nets.registry import networks
from reilab.nets.unet import UNetSpec
from reilab.problem import MEASUREMENTS, Measurement, Problem
from reilab.record.folder import RunFolder
from reilab.runs.config import RunConfig, build, configure
from reilab.runs.drive import replay
from reilab.runs.execute import execute
from reilab.runs.stream import prepare, stream
from reilab.tasks.registry import tasks
from reilab.testing import Z_LIMIT, z_score
from reilab.training.checkpoint import load_checkpoint, save_checkpoint
from reilab.training.state import new_state
from reilab.training.step import sample_index, take_step
from reilab.training.train import train

pytestmark = pytest.mark.slow

TASKS = sorted(tasks())


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("method", known_methods())
def test_every_method_trains_on_every_task(task: str, method: str) -> None:
    events = list(stream(smoke(task, [method], steps=12, learning_rate=1e-3)))
    totals = [event.total for event in events if isinstance(event, Stepped)]
    assert isinstance(events[-1], Finished)
    assert len(totals) == 12
    assert all(np.isfinite(totals))
    # SURE subtracts the noise, so a falling objective is a smaller number, not a ratio.
    assert min(totals[6:]) < totals[0]


@BIT_BY_BIT
def test_the_same_configuration_gives_the_same_run() -> None:
    first, second = list(stream(smoke())), list(stream(smoke()))
    for method in ("supervised", "ei", "rei"):
        assert comparable(first, method) == comparable(second, method)


@BIT_BY_BIT
def test_metrics_of_each_preview_are_those_of_the_shown_images() -> None:
    config = smoke("inpainting", ["rei"], previews=3)
    posed, *events = stream(config)
    assert isinstance(posed, Posed)
    assert posed.truth is not None
    assert posed.measurement is not None
    assert len(posed.measurement) == len(posed.pinv) == len(posed.truth) == 3
    last = next(event for event in reversed(events) if isinstance(event, Evaluated))
    for images, each in ((posed.pinv, posed.pinv_per_image), (last.images, last.per_image)):
        assert each is not None
        found = -10 * np.log10(((images - posed.truth) ** 2).mean((1, 2, 3)))
        np.testing.assert_allclose([one.psnr for one in each], found, rtol=1e-5)
    whole = list(stream(replace(config, training=replace(config.training, previews=1000))))
    final = next(event for event in reversed(whole) if isinstance(event, Evaluated))
    assert final.per_image is not None
    assert last.metrics is not None
    assert last.metrics.ssim == pytest.approx(np.mean([one.ssim for one in final.per_image]))


def test_another_seed_gives_another_run() -> None:
    first, second = list(stream(smoke())), list(stream(smoke(seed=1)))
    assert comparable(first, "rei") != comparable(second, "rei")


def test_global_random_state_is_untouched() -> None:
    before = torch.random.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()  # type: ignore[index]
    list(stream(smoke("ct")))
    list(stream(smoke("mri")))
    assert torch.equal(torch.random.get_rng_state(), before[0])
    assert np.random.get_state()[1].tolist() == before[1]  # type: ignore[index]
    assert random.getstate() == before[2]


@pytest.mark.parametrize("measurements", MEASUREMENTS)
def test_all_methods_see_equal_measurements(
    measurements: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[torch.Tensor] = []
    measure = Problem.measure

    def spy(*args: Any) -> Measurement:
        found = measure(*args)
        seen.append(found.y)
        return found

    config = smoke(steps=4, measurements=measurements)
    prepared = prepare(config)
    monkeypatch.setattr(Problem, "measure", spy)
    for state in prepared.states:
        list(train(state, prepared.problem, config.training, prepared.exam))
    rows = [seen[n : n + 4] for n in (0, 4, 8)]
    assert len(seen) == 12
    assert all(torch.equal(a, b) for other in rows[1:] for a, b in zip(rows[0], other, strict=True))


def test_online_measurements_change_from_step_to_step() -> None:
    problem = build(smoke())
    batch = problem.train.batch(torch.tensor([3, 5]))
    online = [problem.measure(batch, Key(0) / step).y for step in (0, 0, 1)]
    assert torch.equal(online[0], online[1])
    assert not torch.equal(online[0], online[2])


def test_fixed_measurements_are_made_once_and_their_pseudo_inverse_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = smoke(methods=["supervised"], measurements="fixed")
    prepared = prepare(config)
    problem = prepared.problem
    first, again, other = (
        problem.train.batch(torch.tensor(index)) for index in ([3, 5], [3, 5], [5, 7])
    )
    assert first.y is not None
    assert again.y is not None
    assert other.y is not None
    assert torch.equal(first.y, again.y)
    assert torch.equal(first.y[1], other.y[0])
    found = problem.measure(first, Key(1))
    assert torch.equal(found.y, first.y)
    torch.testing.assert_close(found.start, problem.physics.pinv(first.y))
    calls: list[int] = []
    pinv = type(problem.physics).pinv
    monkeypatch.setattr(type(problem.physics), "pinv", lambda *a: calls.append(0) or pinv(*a))
    take_step(prepared.states[0], problem, config.training)
    assert calls == []


def test_the_reported_risk_is_what_sure_estimates() -> None:
    """Over many steps at a learning rate of nearly zero, in standard errors."""
    changes = {"steps": 200, "log_every": 1, "evaluate_every": 200, "learning_rate": 1e-12}
    events = list(stream(smoke(methods=["sure"], **changes)))
    steps = [event for event in events if isinstance(event, Stepped)]
    assert all(event.risk is not None and event.risk > 0 for event in steps)
    gaps = torch.tensor([event.losses["sure"] - (event.risk or 0.0) for event in steps])
    assert abs(z_score(gaps)) < Z_LIMIT
    # Far off if the risk were of anything else: it is not the distance from the noisy measurement.
    sigma = smoke().noise
    assert abs(z_score(gaps, sigma**2)) > Z_LIMIT


def test_a_step_never_waits_for_the_device() -> None:
    """No operation of a step needs a value on the host; on a GPU each would be a stop."""
    waits = {"aten::_local_scalar_dense", "aten::nonzero", "aten::equal", "aten::is_nonzero"}

    class Witness(TorchDispatchMode):
        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            seen.add(func._schema.name)
            return func(*args, **(kwargs or {}))

    for task in TASKS:
        config = smoke(task)
        prepared = prepare(config)
        for state in prepared.states:
            seen: set[str] = set()
            with Witness():
                take_step(state, prepared.problem, config.training)
            assert "aten::convolution" in seen
            assert not seen & waits, (task, state.method)


def gradients(config: RunConfig) -> dict[str, torch.Tensor]:
    """Of the first step, by parameter."""
    prepared = prepare(config)
    state = prepared.states[0]
    take_step(state, prepared.problem, config.training)
    return {name: p.grad for name, p in state.network.named_parameters() if p.grad is not None}


def test_the_order_in_memory_does_not_change_the_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {}
    for capability in ("AVX2", "AVX512"):
        monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda own=capability: own)
        found[capability] = gradients(
            replace(smoke(methods=["sure"], engine="eager"), device="cpu")
        )
    rows, last = (found[capability]["images.down.1.0.weight"] for capability in found)
    assert rows.is_contiguous()
    assert last.is_contiguous(memory_format=torch.channels_last)
    for name, slope in found["AVX2"].items():
        # The biases before a normalisation have no gradient, only rounding errors.
        if slope.ndim == 4:
            difference = float((found["AVX512"][name] - slope).norm())
            assert difference < 1e-3 * float(slope.norm()), name


def test_networks_start_equal() -> None:
    first, *others = prepare(smoke()).states
    for other in others:
        pairs = zip(first.network.parameters(), other.network.parameters(), strict=True)
        assert all(torch.equal(a, b) for a, b in pairs)


def test_samples_come_once_a_pass_in_a_new_order() -> None:
    key = Key(3)
    passes = [
        torch.cat([sample_index(step, 10, 3, key) for step in range(start, start + 3)])
        for start in (0, 3)
    ]
    assert all(len(set(seen.tolist())) == 9 for seen in passes)
    assert passes[0].tolist() != passes[1].tolist()


@BIT_BY_BIT
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("stop_after", [1, 9, 14])
def test_stop_and_resume_is_one_run(task: str, stop_after: int, tmp_path: Path) -> None:
    config = smoke(task, ("ei", "rei"))
    whole = RunFolder.create(tmp_path / "whole", config.to_yaml())
    execute(whole)
    cut = RunFolder.create(tmp_path / "cut", config.to_yaml())
    seen: list[Event] = []

    def stop() -> list[Stop]:
        return [Stop()] if len(seen) >= stop_after else []

    stopped = execute(cut, seen.append, inbox=stop)
    assert stopped.stopped
    assert not stopped.finished
    resumed = execute(cut)
    assert resumed.finished
    expected = [e for e in whole.events() if type(e).__name__ != "Checkpointed"]
    found = [e for e in cut.events() if type(e).__name__ != "Checkpointed"]
    for method in ("ei", "rei"):
        assert learned(found, method) == learned(expected, method)
        assert whole.checkpoint(method).read_bytes() == cut.checkpoint(method).read_bytes()


@BIT_BY_BIT
def test_a_run_that_stops_between_two_reports_goes_on_as_if_it_had_not(tmp_path: Path) -> None:
    config = smoke("mri", ("ei", "rei"), log_every=3)
    whole = RunFolder.create(tmp_path / "whole", config.to_yaml())
    execute(whole)
    cut = RunFolder.create(tmp_path / "cut", config.to_yaml())
    looks = count()

    # The inbox is looked into after Posed, both Started together, two Evaluated, and one step.
    stopped = execute(cut, inbox=lambda: [Stop()] if next(looks) == 4 else [])
    assert stopped.stopped
    assert not stopped.tracks["ei"].stepped
    assert (stopped.tracks["ei"].saved_step, stopped.tracks["rei"].saved_step) == (1, 0)
    assert execute(cut).finished
    for method in ("ei", "rei"):
        # The first report holds the step before the stop, too.
        found, expected = (
            [e for e in learned(run.events(), method) if not isinstance(e, Checkpointed)]
            for run in (cut, whole)
        )
        assert found == expected
        assert whole.checkpoint(method).read_bytes() == cut.checkpoint(method).read_bytes()


def test_every_step_is_a_moment_to_steer() -> None:
    config = smoke("mri", ("rei",), log_every=3)
    run = stream(config)
    told = [(type(event), event.step) for event in run if isinstance(event, Stepped | Ticked)]
    kinds = [Ticked, Ticked, Stepped] * 2
    assert told == list(zip(kinds, range(1, 7), strict=True))
    run = stream(config)
    while not isinstance(next(run), Ticked):
        pass
    assert run.steer(SetLearningRate(2e-4)) == [Steered("rei", 1, SetLearningRate(2e-4))]


@BIT_BY_BIT
def test_a_killed_run_resumes_from_its_last_checkpoint(tmp_path: Path) -> None:
    config = smoke("mri", ("rei",))
    whole = RunFolder.create(tmp_path / "whole", config.to_yaml())
    execute(whole)
    cut = RunFolder.create(tmp_path / "cut", config.to_yaml())

    def crash(event: Event) -> None:
        if isinstance(event, Stepped) and event.step == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        execute(cut, crash)
    history = execute(cut)
    assert history.tracks["rei"].started.step == 3
    assert [event.step for event in history.tracks["rei"].stepped] == [1, 2, 3, 4, 5, 6]
    assert whole.checkpoint("rei").read_bytes() == cut.checkpoint("rei").read_bytes()


COMMANDS = (
    SetWeight("req", 7.0),
    SetLearningRate(2e-4, "ei"),
    SetAssumedNoise(0.03),
    SetWeight("mc", 0.5),
)


@BIT_BY_BIT
def test_a_steered_run_repeats_from_its_log() -> None:
    config = smoke()
    run, log, left = stream(config), [], list(COMMANDS)
    for event in run:
        log.append(event)
        if left and len(log) % 4 == 0:
            log += run.steer(left.pop())
    steered = [event for event in log if isinstance(event, Steered)]
    assert {event.method for event in steered} == {"supervised", "ei", "rei"}
    again = list(replay(stream(config), log))
    plain = list(stream(config))
    for method in ("ei", "rei"):
        # A replayed command is addressed to its one method; what it did is the same.
        assert [e for e in comparable(again, method) if not isinstance(e, Steered)] == [
            e for e in comparable(log, method) if not isinstance(e, Steered)
        ]
        assert comparable(again, method) != comparable(plain, method)


def test_commands_that_come_while_the_methods_are_introduced_are_answered() -> None:
    run = stream(smoke(methods=["ei", "rei"]))
    assert isinstance(next(run), Posed)
    assert run.steer(SetLearningRate(2e-4)) == []
    assert isinstance(next(run), Started)
    assert run.steer(SetWeight("req", 7.0)) == []
    assert run.untold()
    assert isinstance(next(run), Started)
    answers = [next(run) for _ in range(3)]
    assert not run.untold()
    assert [(a.method, a.step) for a in answers if isinstance(a, Steered)] == [
        ("ei", 0),
        ("rei", 0),
        ("rei", 0),
    ]


def test_every_method_answers_at_once_and_those_that_have_ended_do_not() -> None:
    run = stream(smoke(methods=["ei", "rei"], steps=1))
    event: Event = next(run)
    while not isinstance(event, Stepped):
        event = next(run)
    answers = run.steer(SetLearningRate(2e-4))
    assert [(type(a), a.method, a.step) for a in answers if isinstance(a, Steered)] == [
        (Steered, "ei", 1),
        (Steered, "rei", 0),
    ]
    while not isinstance(event, Finished):
        event = next(run)
    assert event.method == "ei"
    (refused,) = run.steer(SetWeight("mc", 2.0))
    assert isinstance(refused, Refused)
    assert "no method that is at work" in refused.message


def test_impossible_commands_are_refused_and_the_run_goes_on() -> None:
    run = stream(smoke(methods=["rei"]))
    while not isinstance(next(run), Evaluated):
        pass
    vast = (SetWeight("req", 1e20), SetLearningRate(1e300))
    for bad in (SetWeight("rq", 1.0), SetWeight("req", math.nan), SetLearningRate(-1.0), *vast):
        (answer,) = run.steer(bad)
        assert isinstance(answer, Refused), bad
    assert isinstance(list(run)[-1], Finished)


@pytest.mark.parametrize("task", ["mri", "inpainting", "ct"])
def test_a_loss_that_is_not_finite_stops_the_method_and_spares_its_weights(task: str) -> None:
    config = smoke(task, methods=["rei", "ei"])
    prepared = prepare(config)
    problem = replace(prepared.problem, train=Poisoned(prepared.problem.train))
    state = new_state(REI(), problem, config.training)
    before = {name: values.clone() for name, values in state.network.state_dict().items()}
    *_, last = train(state, problem, config.training, prepared.exam)
    assert isinstance(last, Failed)
    assert (last.method, last.step, last.term) == ("rei", 1, "sure")
    assert np.isnan(last.value)
    after = state.network.state_dict()
    assert before.keys() == after.keys()
    kept = [name for name in after if torch.equal(before[name], after[name])]
    # Batches are counted, whatever was in them.
    assert {name for name in after if not name.endswith("num_batches_tracked")} <= set(kept)


@dataclass(frozen=True)
class Frozen:
    """The smallest U-Net with a part that is not trained."""

    part: str

    def build(self, channels: int) -> torch.nn.Module:
        made = UNetSpec(width=8).build(channels)
        made.get_submodule(self.part).requires_grad_(False)
        return made


def test_what_is_frozen_stays_and_is_not_trained() -> None:
    config = smoke(methods=["ei"])
    prepared = prepare(config)

    problem = replace(prepared.problem, network=Frozen("images.last"))
    state = new_state(EI(), problem, config.training)
    before = {name: p.clone() for name, p in state.network.named_parameters()}
    *_, last = train(state, problem, config.training, prepared.exam)
    assert isinstance(last, Finished)
    moved = {n for n, p in state.network.named_parameters() if not torch.equal(p, before[n])}
    assert moved == {name for name in before if not name.startswith("images.last.")}


@BIT_BY_BIT
def test_a_frozen_network_resumes(tmp_path: Path) -> None:
    config = smoke(methods=["ei"])
    prepared = prepare(config)

    problem = replace(prepared.problem, network=Frozen("images.down.0"))
    state, again = (new_state(EI(), problem, config.training) for _ in range(2))
    take_step(state, problem, config.training)
    save_checkpoint(state, tmp_path / "ei.safetensors")
    load_checkpoint(again, tmp_path / "ei.safetensors")
    for one in (state, again):
        take_step(one, problem, config.training)
    found, expected = again.network.state_dict(), state.network.state_dict()
    assert all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.mark.parametrize(("task", "refused"), [("mri", False), ("inpainting", True), ("ct", True)])
def test_a_noise_level_that_the_model_does_not_have_is_refused(task: str, refused: bool) -> None:
    run = prepare(smoke(task, methods=["rei"])).run()
    while not isinstance(next(run), Stepped):
        pass
    (answer,) = run.steer(SetAssumedNoise(0.0))
    assert isinstance(answer, Refused) == refused
    assert isinstance(list(run)[-1], Finished)


def test_a_run_that_failed_resumes_as_soon_as_its_cause_is_gone(tmp_path: Path) -> None:
    config = smoke(methods=["rei"], log_every=3)
    prepared = prepare(config)
    state = new_state(REI(), prepared.problem, config.training)
    events = train(state, prepared.problem, config.training, prepared.exam)
    while not isinstance(next(events), Ticked):
        pass
    # The second step is not finite; the interval holds the first, which was.
    state.weights["req"] = float("inf")
    while not isinstance(next(events), Ticked):
        pass
    save_checkpoint(state, tmp_path / "rei.safetensors")
    again = new_state(REI(), prepared.problem, config.training)
    load_checkpoint(again, tmp_path / "rei.safetensors")
    again.weights["req"] = 1.0
    assert again.step == 2
    *_, last = train(again, prepared.problem, config.training, prepared.exam)
    assert isinstance(last, Finished)


@dataclass(frozen=True, eq=False)
class Poisoned:
    """Samples whose images are NaN once training asks for them."""

    samples: Samples

    @property
    def has_truth(self) -> bool:
        return True

    @property
    def device(self) -> torch.device:
        return self.samples.device

    def __len__(self) -> int:
        return len(self.samples)

    def batch(self, index: Tensor) -> Batch:
        x = self.samples.batch(index).x
        assert x is not None
        return Batch(torch.full_like(x, float("nan")), None)


def test_a_failed_method_lets_the_others_finish(monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = prepare(smoke(methods=["ei", "rei"]))
    prepared.states[0].weights["eq"] = float("inf")
    kinds = [(type(e).__name__, getattr(e, "method", "")) for e in prepared.run()]
    assert ("Failed", "ei") in kinds
    assert ("Finished", "rei") in kinds


def test_measurements_without_ground_truth() -> None:
    """EI and REI learn from y alone; supervised is refused with the reason."""
    config = smoke(methods=["rei"])
    problem = build(config)
    assert isinstance(problem.train, InMemory)
    y = problem.measure(problem.train.batch(torch.arange(8)), Key(1)).y
    blind = replace(problem, train=InMemory(None, y), test=InMemory(None, y[:2]))
    from reilab.training.evaluate import prepare_exam

    exam = prepare_exam(blind, config.training)
    events = list(train(new_state(REI(), blind, config.training), blind, config.training, exam))
    assert isinstance(events[-1], Finished)
    assert all(e.metrics is None for e in events if isinstance(e, Evaluated))
    with pytest.raises(ValueError, match="needs ground truth"):
        new_state(Supervised(), blind, config.training)


def test_checkpoint_round_trip_and_mismatch(tmp_path: Path) -> None:
    config = smoke(methods=["rei"])
    problem = build(config)
    state = new_state(REI(), problem, config.training)
    prepared = prepare(config)
    list(train(state, problem, config.training, prepared.exam))
    save_checkpoint(state, tmp_path / "rei.safetensors")
    other = new_state(REI(), problem, replace(config.training, seed=5))
    load_checkpoint(other, tmp_path / "rei.safetensors")
    assert other.step == state.step
    own = zip(state.network.state_dict().values(), other.network.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in own)
    with pytest.raises(ValueError, match="'rei', not 'ei'"):
        load_checkpoint(new_state(EI(), problem, config.training), tmp_path / "rei.safetensors")
    wide = configure("mri", "smoke", ["rei"], settings={"width": 16})
    with pytest.raises(ValueError, match=r"of another shape: images\.down"):
        load_checkpoint(
            new_state(REI(), build(wide), config.training), tmp_path / "rei.safetensors"
        )
    (tmp_path / "junk").write_bytes(b"not a checkpoint")
    with pytest.raises(ValueError, match="not a reilab checkpoint"):
        load_checkpoint(state, tmp_path / "junk")


@pytest.mark.parametrize("task", TASKS)
def test_mixed_precision_trains(task: str) -> None:
    events = list(stream(smoke(task, ["rei"], precision="bfloat16")))
    assert isinstance(events[-1], Finished)


@pytest.mark.gpu
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_step_never_waits_for_a_gpu(task: str, precision: str) -> None:
    check_no_waits(replace(smoke(task, known_methods(), precision=precision), device="cuda"))


@pytest.mark.gpu
@pytest.mark.parametrize("network", networks())
def test_no_network_waits_for_a_gpu(network: str) -> None:
    check_no_waits(configure("mri", "smoke", ["rei"], network=network, device="cuda"))


def check_no_waits(config: RunConfig) -> None:
    """After a first step, which may fill caches, whatever waits for the device raises."""
    prepared = prepare(config)
    for state in prepared.states:
        take_step(state, prepared.problem, config.training)
        torch.cuda.set_sync_debug_mode("error")
        try:
            take_step(state, prepared.problem, config.training)
        finally:
            torch.cuda.set_sync_debug_mode("default")


@pytest.mark.gpu
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_training_on_a_gpu(task: str, precision: str) -> None:
    config = replace(smoke(task, precision=precision), device="cuda")
    events = list(stream(config))
    assert sum(isinstance(event, Finished) for event in events) == 3
