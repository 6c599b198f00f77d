"""Methods that train at the same time do what they do one after the other."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from kit.device import BIT_BY_BIT
from kit.trainings import comparable, learned, smoke

from reilab.events import Event, Posed, Stepped, Stop, Ticked
from reilab.record.folder import RunFolder
from reilab.runs.drive import drive
from reilab.runs.execute import execute
from reilab.runs.stream import prepare, stream
from reilab.training.compare import Lanes, n_lanes
from reilab.training.step import take_step
from reilab.training.team import ALONE, Fleet

pytestmark = pytest.mark.slow

METHODS = ("supervised", "ei", "rei")


@pytest.fixture
def two_threads() -> Iterator[None]:
    """Two methods at once, each with one thread."""
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(1)


def test_on_a_cpu_there_are_as_many_lanes_as_threads(two_threads: None) -> None:
    cpu, gpu = torch.device("cpu"), torch.device("cuda")
    assert [n_lanes(n, cpu, ALONE) for n in (1, 2, 3)] == [1, 2, 2]
    assert n_lanes(3, gpu, ALONE) == 1


def test_a_team_does_everything_in_the_same_order(two_threads: None) -> None:
    class Two:
        global_rank, world_size = 0, 2

    assert n_lanes(3, torch.device("cpu"), Fleet(Two())) == 1


def test_lanes_go_on_at_the_same_time_and_give_the_threads_back(two_threads: None) -> None:
    meeting, threads = threading.Barrier(2, timeout=60), []

    def run(name: str) -> Iterator[Event]:
        while True:
            meeting.wait()  # Nobody gets past it alone.
            threads.append(torch.get_num_threads())
            yield Ticked(name, len(threads))

    runs = {name: run(name) for name in ("ei", "rei")}
    with Lanes(2) as lanes:
        for _ in range(3):
            ((first, second),) = (tuple(events.values()) for events in lanes.rounds(runs))
            assert isinstance(first, Ticked)
            assert isinstance(second, Ticked)
            assert (first.method, second.method) == ("ei", "rei")
    assert threads == [1] * 6
    assert torch.get_num_threads() == 2
    there = []
    later = threading.Thread(target=lambda: there.append(torch.get_num_threads()))
    later.start()
    later.join()
    assert there == [2]


def test_an_error_is_raised_when_the_other_lanes_have_come_to_rest(two_threads: None) -> None:
    failed, rested = threading.Event(), []

    def broken() -> Iterator[Event]:
        failed.set()
        raise OSError("disk full")
        yield

    def slow() -> Iterator[Event]:
        assert failed.wait(60)
        torch.zeros(1).add_(1)
        rested.append(True)
        yield Ticked("rei", 1)

    with Lanes(2) as lanes, pytest.raises(OSError, match="disk full"):
        list(lanes.rounds({"ei": broken(), "rei": slow()}))
    assert rested == [True]


@BIT_BY_BIT
@pytest.mark.parametrize("task", ["mri", "inpainting", "ct"])
def test_lanes_change_no_event(task: str) -> None:
    config = smoke(task, METHODS, log_every=3)
    alone = list(stream(config))
    torch.set_num_threads(2)
    try:
        together = list(stream(config))
    finally:
        torch.set_num_threads(1)
    posed = together[0]
    assert isinstance(posed, Posed)
    assert posed.at_once == 2
    for method in METHODS:
        assert comparable(together, method) == comparable(alone, method)


def test_a_run_is_heard_when_all_is_told(two_threads: None) -> None:
    run, seen, untold = stream(smoke("mri", METHODS)), [], []

    def inbox() -> list[Stop]:
        untold.append(run.untold())
        return [Stop()] if any(isinstance(event, Stepped) for event in seen) else []

    drive(run, seen.append, inbox=inbox)
    assert not any(untold)
    # Those that took the step together are all seen to have taken it.
    assert {event.method for event in seen if isinstance(event, Stepped)} == set(METHODS)


def test_who_has_come_to_a_report_waits_for_the_others(two_threads: None) -> None:
    prepared = prepare(smoke("mri", ("ei", "rei"), log_every=3))
    first = prepared.states[0]
    take_step(first, prepared.problem, prepared.training)
    told = [
        (event.method, event.step)
        for event in prepared.run()
        if isinstance(event, Stepped | Ticked)
    ]
    reported = told.index(("ei", 3)), told.index(("rei", 3))
    assert ("ei", 4) not in told[: max(reported)]


@BIT_BY_BIT
@pytest.mark.parametrize("stop_after", [1, 2, 9, 14])
def test_a_run_in_lanes_that_stops_goes_on_as_if_it_had_not(
    stop_after: int, tmp_path: Path, two_threads: None
) -> None:
    config = smoke("mri", METHODS, log_every=3)
    whole = RunFolder.create(tmp_path / "whole", config.to_yaml())
    execute(whole)
    cut = RunFolder.create(tmp_path / "cut", config.to_yaml())
    seen: list[Event] = []
    inbox = lambda: [Stop()] if len(seen) >= stop_after else []  # noqa: E731
    stopped = execute(cut, seen.append, inbox=inbox)
    assert stopped.stopped
    # No method is further on disk than the log tells.
    assert len({track.saved_step for track in stopped.tracks.values()}) <= 1
    assert execute(cut).finished
    for method in METHODS:
        found, expected = (
            [e for e in learned(run.events(), method) if type(e).__name__ != "Checkpointed"]
            for run in (cut, whole)
        )
        assert found == expected
        assert whole.checkpoint(method).read_bytes() == cut.checkpoint(method).read_bytes()
