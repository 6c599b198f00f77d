"""The queue: runs wait for their device, in order, whoever looks and whatever ends."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from reilab.events import SetLearningRate, Steered, Stop
from reilab.record.folder import RunFolder
from reilab.record.history import History, history_of
from reilab.runs import jobs, pool, processes, queue, roster
from reilab.runs.config import RunConfig, configure
from reilab.runs.jobs import Status

pytestmark = pytest.mark.slow

SECONDS = 120
#: A worker that takes a run, and does nothing until it is ended.
SLEEPER = """
import sys, time
from pathlib import Path
from reilab.runs import pool
while pool.take(Path(sys.argv[1])) is None:
    time.sleep(0.02)
time.sleep(600)
"""


def smoke(seed: int = 0, steps: int = 2) -> RunConfig:
    training = {"seed": seed, "steps": steps, "log_every": 1, "evaluate_every": 2}
    return configure("mri", "smoke", ["rei"], training=training)


@pytest.fixture
def sleepers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers that do nothing until they are ended."""
    monkeypatch.setattr(pool, "command", lambda root, seconds: sleeper(root))


def sleeper(root: Path) -> list[str]:
    return [sys.executable, "-c", SLEEPER, str(root)]


def status(folder: RunFolder) -> tuple[Status, int | None]:
    found = jobs.standing(folder, history_of(folder.events()))
    return found.status, found.position


def taken(folder: RunFolder) -> bool:
    # Signing in comes first, leaving the line is the end of it.
    with queue.locked(folder.path.parent):
        return roster.worker_alive(folder)


def kill(folder: RunFolder) -> None:
    """End the worker of a run, once it has taken it."""
    wait(lambda: taken(folder), folder)
    pid = roster.worker_pid(folder)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    processes.children[pid].wait(timeout=30)


def words(folder: RunFolder) -> str:
    logs = [folder.path / "worker.log", folder.path.parent / ".workers" / "log"]
    return "".join(log.read_text() for log in logs if log.exists())


def wait(reached: Callable[[], object], folder: RunFolder) -> None:
    deadline = time.monotonic() + SECONDS
    while not reached():
        assert time.monotonic() < deadline, words(folder)
        time.sleep(0.05)


@pytest.mark.usefixtures("sleepers")
def test_one_worker_at_a_time_in_order_of_asking(tmp_path: Path) -> None:
    first, second, third = (jobs.submit(smoke(seed), tmp_path) for seed in range(3))
    assert status(first) == (Status.STARTING, None)
    assert status(second) == (Status.QUEUED, 1)
    assert status(third) == (Status.QUEUED, 2)
    assert jobs.advance(tmp_path) == []
    kill(first)
    assert jobs.advance(tmp_path) == [second]
    assert status(first)[0] is Status.LOST
    assert [status(run) for run in (second, third)] == [
        (Status.STARTING, None),
        (Status.QUEUED, 1),
    ]
    jobs.resume(first)
    assert status(first) == (Status.QUEUED, 2)
    wait(lambda: taken(second), second)
    with pytest.raises(RuntimeError, match="already at work"):
        jobs.resume(second)
    for expected in (third, first):
        kill([second, third][expected is first])
        assert jobs.advance(tmp_path) == [expected]
    kill(first)
    assert jobs.advance(tmp_path) == []


@pytest.mark.usefixtures("sleepers")
def test_a_limit_lets_several_runs_share_a_device(tmp_path: Path) -> None:
    runs = [jobs.submit(smoke(seed), tmp_path, limit=2) for seed in range(3)]
    assert [status(run)[0] for run in runs] == [Status.STARTING, Status.STARTING, Status.QUEUED]
    # Whoever takes a run calls a worker for the next one, if its turn has come by then.
    wait(lambda: all(map(taken, runs[:2])), runs[1])
    kill(runs[0])
    assert jobs.advance(tmp_path) == [runs[2]]
    for run in runs[1:]:
        kill(run)


def test_nobody_overtakes_who_waits_for_more_room(tmp_path: Path) -> None:
    runs = [RunFolder.create(tmp_path / str(n), smoke(n).to_yaml()) for n in range(3)]
    queue.join(runs[1], limit=1)
    queue.join(runs[2], limit=2)
    assert [entry.run for entry in queue.due(tmp_path)] == ["1", "2"]
    with roster.signed_in(runs[0]):
        assert queue.due(tmp_path) == []


@pytest.mark.usefixtures("sleepers")
def test_devices_do_not_wait_for_each_other(tmp_path: Path) -> None:
    busy = jobs.submit(smoke(), tmp_path)
    waiting = jobs.submit(smoke(1), tmp_path)
    other = RunFolder.create(tmp_path / "gpu", smoke(2).to_yaml().replace("cpu", "cuda"))
    jobs.resume(other)
    assert queue.device_of(other) == "cuda:0"
    assert status(other)[0] is Status.STARTING
    assert status(waiting) == (Status.QUEUED, 1)
    # The other way round the worker called for it might take the run that waits.
    for run in (other, busy):
        kill(run)


@pytest.mark.usefixtures("sleepers")
def test_a_run_in_line_can_be_stopped_resumed_and_deleted(tmp_path: Path) -> None:
    busy, second, third = (jobs.submit(smoke(seed), tmp_path) for seed in range(3))
    jobs.stop(second)
    assert status(second) == (Status.STOPPED, None)
    assert status(third) == (Status.QUEUED, 1)
    jobs.resume(second)
    assert status(second) == (Status.QUEUED, 2)
    jobs.delete(third)
    assert not third.path.exists()
    assert status(second) == (Status.QUEUED, 1)
    wait(lambda: taken(busy), busy)
    with pytest.raises(RuntimeError, match="already at work"):
        jobs.delete(busy)
    assert busy.path.exists()
    kill(busy)
    # A folder that somebody removed by hand holds nobody up.
    gone = jobs.submit(smoke(3), tmp_path)
    wait(lambda: taken(second), second)
    jobs.resume(busy)
    gone_from_line = [entry.run for entry in queue.entries(tmp_path)]
    assert gone_from_line == [gone.name, busy.name]
    gone.delete()
    kill(second)
    assert jobs.advance(tmp_path) == [busy]
    kill(busy)


def start_many(root: Path, barrier: multiprocessing.synchronize.Barrier) -> None:
    pool.command = lambda root, seconds: sleeper(root)
    barrier.wait()
    for _ in range(20):
        jobs.advance(root)


@pytest.mark.usefixtures("sleepers")
def test_several_processes_that_look_at_once_start_a_run_once(tmp_path: Path) -> None:
    busy, second, third = (jobs.submit(smoke(seed), tmp_path) for seed in range(3))
    kill(busy)
    fork = multiprocessing.get_context("fork")
    barrier = fork.Barrier(4)
    lookers = [fork.Process(target=start_many, args=(tmp_path, barrier)) for _ in range(4)]
    for looker in lookers:
        looker.start()
    for looker in lookers:
        looker.join(SECONDS)
        assert looker.exitcode == 0
    assert status(second)[0] is Status.STARTING
    assert status(third) == (Status.QUEUED, 1)
    wait(lambda: taken(second), second)
    assert pool.waiting(tmp_path) == []
    pid = roster.worker_pid(second)
    assert pid is not None
    os.kill(pid, signal.SIGKILL)


def test_the_next_run_starts_when_the_one_before_ends_and_nobody_looks(tmp_path: Path) -> None:
    first = jobs.submit(smoke(steps=4000), tmp_path)
    second = jobs.submit(smoke(1), tmp_path)
    third = jobs.submit(smoke(2), tmp_path)
    config = second.path / "config.yaml"
    config.write_text(config.read_text().replace("data: knee", "data: keen"))
    # Sent while the worker starts: it is heard nevertheless.
    first.send(SetLearningRate(1e-4))
    wait(lambda: history_of(first.events()).tracks, first)
    first.send(Stop())
    wait(lambda: history_of(third.events()).finished, third)
    assert status(first)[0] is Status.STOPPED
    assert any(isinstance(event, Steered) for event in first.events())
    assert status(second)[0] is Status.FAILED
    assert status(third)[0] is Status.FINISHED
    wait(lambda: not roster.worker_alive(third), third)
    assert json.loads((third.path / "worker.json").read_text())["ended"]


@pytest.mark.usefixtures("sleepers")
def test_a_worker_that_dies_before_it_takes_its_run_is_replaced(tmp_path: Path) -> None:
    run = jobs.submit(smoke(), tmp_path)
    (file,) = (tmp_path / ".workers").glob("*.json")
    os.kill(int(file.stem), signal.SIGSTOP)
    assert jobs.advance(tmp_path) == []
    os.kill(int(file.stem), signal.SIGKILL)
    processes.children[int(file.stem)].wait(timeout=30)
    if not roster.worker_pid(run):
        assert jobs.advance(tmp_path) == [run]
        assert status(run)[0] is Status.STARTING
        kill(run)


def test_a_run_that_no_worker_lives_to_take_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "raise SystemExit('no such library: libgone.so')"
    monkeypatch.setattr(pool, "command", lambda root, seconds: [sys.executable, "-c", code])
    first = jobs.submit(smoke(), tmp_path)

    def look() -> Status:
        for child in processes.children.values():
            child.wait(timeout=30)
        jobs.advance(tmp_path)
        return status(first)[0]

    assert [look() for _ in range(pool.CALLS)] == [Status.STARTING, Status.STARTING, Status.FAILED]
    reason = jobs.standing(first, history_of(first.events())).reason
    assert reason == "3 workers ended before they took this run. no such library: libgone.so"
    assert look() is Status.FAILED
    second = jobs.submit(smoke(1), tmp_path)
    assert status(second) == (Status.STARTING, None)
    jobs.stop(second)


def test_commands_to_an_earlier_worker_are_not_heard_by_the_next(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "run", smoke().to_yaml())
    folder.send(Stop())
    with roster.signed_in(folder):
        assert folder.inbox().poll() == []
        folder.send(Stop())
        with roster.signed_in(folder):
            assert folder.inbox().poll() == [Stop()]
            assert jobs.standing(folder, History()).status is Status.STARTING
    assert jobs.standing(folder, History()).status is Status.LOST
