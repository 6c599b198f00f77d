"""The training generator: repeatable, resumable, steerable, and alike for all methods."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from reilab.datasets.samples import InMemory
from reilab.events import (
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
)
from reilab.key import Key
from reilab.problem import MEASURE
from reilab.runs.config import RunConfig, build, configure
from reilab.runs.drive import drive
from reilab.runs.execute import execute
from reilab.runs.folder import RunFolder
from reilab.runs.replay import replay
from reilab.runs.stream import prepare, stream
from reilab.tasks.registry import tasks
from reilab.training.checkpoint import load_checkpoint, save_checkpoint
from reilab.training.methods import METHODS
from reilab.training.state import new_state
from reilab.training.train import sample_index, train

TASKS = sorted(tasks())


def smoke(
    task: str = "mri", methods: Iterable[str] = ("supervised", "ei", "rei"), **training: Any
) -> RunConfig:
    changes = {"steps": 6, "log_every": 1, "evaluate_every": 3, **training}
    return configure(task, "smoke", tuple(methods), training=changes)


def comparable(events: Iterable[Event], method: str) -> list[Any]:
    """The events of one method, without times, arrays as bytes."""
    kept = []
    for event in events:
        if getattr(event, "method", None) != method:
            continue
        if isinstance(event, Stepped):
            kept.append(replace(event, seconds=0.0))
        elif isinstance(event, Evaluated):
            kept.append((event.step, event.metrics, np.asarray(event.images).tobytes()))
        else:
            kept.append(event)
    return kept


def learned(events: Iterable[Event], method: str) -> list[Any]:
    """What a method did, without starts and repeated evaluations of a resumed run."""
    done = [e for e in comparable(events, method) if not isinstance(e, Started)]
    return list({repr(e): e for e in done}.values())


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("method", METHODS)
def test_every_method_trains_on_every_task(task: str, method: str) -> None:
    events = list(stream(smoke(task, [method], steps=12, learning_rate=1e-3)))
    totals = [event.total for event in events if isinstance(event, Stepped)]
    assert isinstance(events[-1], Finished)
    assert len(totals) == 12
    assert all(np.isfinite(totals))
    # SURE subtracts the noise, so a falling objective is a smaller number, not a ratio.
    assert min(totals[6:]) < totals[0]


def test_the_same_configuration_gives_the_same_run() -> None:
    first, second = list(stream(smoke())), list(stream(smoke()))
    for method in ("supervised", "ei", "rei"):
        assert comparable(first, method) == comparable(second, method)


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


@pytest.mark.parametrize("measurements", MEASURE)
def test_all_methods_see_equal_measurements(
    measurements: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, list[torch.Tensor]] = {}
    config = smoke(steps=4, measurements=measurements)
    prepared = prepare(config)
    for state in prepared.states:
        boxes = seen.setdefault(state.method, [])
        measure = MEASURE[measurements]

        def spy(
            *args: Any, boxes: list[torch.Tensor] = boxes, measure: Any = measure
        ) -> torch.Tensor:
            boxes.append(measure(*args))
            return boxes[-1]

        monkeypatch.setattr("reilab.training.train.MEASURE", {measurements: spy})
        list(train(state, prepared.problem, config.training, prepared.exam))
    assert len(seen["rei"]) == 4
    for method in ("supervised", "ei"):
        assert all(torch.equal(a, b) for a, b in zip(seen[method], seen["rei"], strict=True))


def test_fixed_measurements_do_not_change_and_online_ones_do() -> None:
    problem = build(smoke())
    batch, key = problem.train.batch(torch.tensor([3, 5])), Key(0)
    other = problem.train.batch(torch.tensor([5, 7]))
    fixed = [
        MEASURE["fixed"](problem, b, key, step) for step, b in enumerate((batch, batch, other))
    ]
    assert torch.equal(fixed[0], fixed[1])
    assert torch.equal(fixed[0][1], fixed[2][0])
    online = [MEASURE["online"](problem, batch, key, step) for step in (0, 0, 1)]
    assert torch.equal(online[0], online[1])
    assert not torch.equal(online[0], online[2])


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


def test_a_steered_run_repeats_from_its_log() -> None:
    config = smoke()
    run, log, left = stream(config), [], list(COMMANDS)
    event: Event | None = next(run)
    while event is not None:
        log.append(event)
        command = left.pop() if left and len(log) % 4 == 0 else None
        event = run.send(command) if command else next(run, None)
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
    assert isinstance(run.send(SetLearningRate(2e-4)), Started)
    assert isinstance(run.send(SetWeight("req", 7.0)), Started)
    answers = [next(run) for _ in range(3)]
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
    answers = [run.send(SetLearningRate(2e-4)), next(run)]
    assert [(type(a), a.method, a.step) for a in answers if isinstance(a, Steered)] == [
        (Steered, "ei", 1),
        (Steered, "rei", 0),
    ]
    while not isinstance(event, Finished):
        event = next(run)
    assert event.method == "ei"
    refused = run.send(SetWeight("mc", 2.0))
    assert isinstance(refused, Refused)
    assert "no method that is at work" in refused.message


def test_impossible_commands_are_refused_and_the_run_goes_on() -> None:
    run = stream(smoke(methods=["rei"]))
    next(run)
    next(run)
    for bad in (SetWeight("rq", 1.0), SetWeight("req", float("nan")), SetLearningRate(-1.0)):
        answers = [run.send(bad), next(run)]
        assert any(isinstance(answer, Refused) for answer in answers), bad
    assert isinstance(list(run)[-1], Finished)


def test_a_loss_that_is_not_finite_stops_the_method_and_spares_its_weights() -> None:
    config = smoke(methods=["rei", "ei"])
    prepared = prepare(config)
    problem = replace(prepared.problem, train=_poisoned(prepared.problem.train))
    state = new_state("rei", problem, config.training)
    before = [p.clone() for p in state.network.parameters()]
    *_, last = train(state, problem, config.training, prepared.exam)
    assert isinstance(last, Failed)
    assert (last.method, last.step, last.term) == ("rei", 1, "sure")
    assert np.isnan(last.value)
    after = state.network.parameters()
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True))


def _poisoned(samples: Any) -> InMemory:
    assert samples.x is not None
    return InMemory(torch.full_like(samples.x, float("nan")))


def test_a_failed_method_lets_the_others_finish(monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = prepare(smoke(methods=["ei", "rei"]))
    prepared.states[0].weights["eq"] = float("inf")
    kinds = [(type(e).__name__, getattr(e, "method", "")) for e in prepared.events()]
    assert ("Failed", "ei") in kinds
    assert ("Finished", "rei") in kinds


def test_measurements_without_ground_truth() -> None:
    """EI and REI learn from y alone; supervised is refused with the reason."""
    config = smoke(methods=["rei"])
    problem = build(config)
    assert isinstance(problem.train, InMemory)
    y = problem.measure_online(problem.train.batch(torch.arange(8)), Key(1))
    blind = replace(problem, train=InMemory(None, y), test=InMemory(None, y[:2]))
    from reilab.training.evaluate import prepare_exam

    exam = prepare_exam(blind, config.training)
    events = list(train(new_state("rei", blind, config.training), blind, config.training, exam))
    assert isinstance(events[-1], Finished)
    assert all(e.metrics is None for e in events if isinstance(e, Evaluated))
    with pytest.raises(ValueError, match="needs ground truth"):
        new_state("supervised", blind, config.training)


def test_checkpoint_round_trip_and_mismatch(tmp_path: Path) -> None:
    config = smoke(methods=["rei"])
    problem = build(config)
    state = new_state("rei", problem, config.training)
    prepared = prepare(config)
    drive(train(state, problem, config.training, prepared.exam))
    save_checkpoint(state, tmp_path / "rei.safetensors")
    other = new_state("rei", problem, replace(config.training, seed=5))
    load_checkpoint(other, tmp_path / "rei.safetensors")
    assert other.step == state.step
    own = zip(state.network.state_dict().values(), other.network.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in own)
    with pytest.raises(ValueError, match="'rei', not 'ei'"):
        load_checkpoint(new_state("ei", problem, config.training), tmp_path / "rei.safetensors")
    wide = configure("mri", "smoke", ["rei"], settings={"width": 16})
    with pytest.raises(ValueError, match="of another shape: down"):
        load_checkpoint(
            new_state("rei", build(wide), config.training), tmp_path / "rei.safetensors"
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
def test_training_on_a_gpu(task: str, precision: str) -> None:
    config = replace(smoke(task, precision=precision), device="cuda")
    events = list(stream(config))
    assert sum(isinstance(event, Finished) for event in events) == 3
