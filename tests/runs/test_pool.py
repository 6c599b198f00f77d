"""Workers wait for runs, take one after the other, and leave nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from reilab.events import Stop
from reilab.record.history import history_of
from reilab.runs import jobs, pool, processes, roster
from reilab.runs.config import configure
from reilab.runs.library import Library

pytestmark = pytest.mark.slow
SECONDS = 120
CONFIG = configure("mri", "smoke", ["rei"], training={"steps": 2})


def wait(reached: Callable[[], object]) -> None:
    deadline = time.monotonic() + SECONDS
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def numbers(root: Path) -> list[int]:
    return [worker.pid for worker in pool.waiting(root)]


def test_one_worker_waits_takes_a_run_and_waits_for_the_next(tmp_path: Path) -> None:
    jobs.warm(tmp_path)
    jobs.warm(tmp_path)
    (pid,) = numbers(tmp_path)
    # It is asked for before it has started, then while it waits.
    for _ in range(2):
        folder = jobs.submit(CONFIG, tmp_path)
        assert jobs.standing(folder, history_of(folder.events())).status is jobs.Status.STARTING
        wait(lambda: Library(tmp_path).idle)
        assert history_of(folder.events()).finished
        assert roster.worker_pid(folder) == pid
        assert numbers(tmp_path) == [pid]
        assert (folder.path / "figure.png").exists()
    os.kill(pid, signal.SIGTERM)
    processes.children[pid].wait(timeout=SECONDS)
    assert numbers(tmp_path) == []
    # Nobody waits now: the next one starts from nothing.
    other = jobs.submit(CONFIG, tmp_path)
    wait(lambda: history_of(other.events()).finished)
    assert roster.worker_pid(other) != pid


def test_a_run_that_fails_says_why_and_another_worker_takes_the_next(tmp_path: Path) -> None:
    broken = jobs.RunFolder.create(
        tmp_path / "broken", CONFIG.to_yaml().replace("data: knee", "data: keen")
    )
    jobs.resume(broken)
    folder = jobs.submit(CONFIG, tmp_path)
    wait(lambda: history_of(folder.events()).finished)
    pid = roster.worker_pid(broken)
    assert pid is not None
    assert processes.children[pid].wait(timeout=SECONDS) == 1
    assert pid != roster.worker_pid(folder)
    assert "keen" in (broken.path / "worker.log").read_text()
    assert "keen" not in (tmp_path / ".workers" / "log").read_text()


def test_a_worker_that_is_asked_to_end_stops_its_run_first(tmp_path: Path) -> None:
    folder = jobs.submit(configure("mri", "smoke", ["rei"], training={"steps": 4000}), tmp_path)
    wait(lambda: history_of(folder.events()).tracks)
    pid = roster.worker_pid(folder)
    assert pid is not None
    os.kill(pid, signal.SIGTERM)
    assert processes.children[pid].wait(timeout=SECONDS) == 0
    assert jobs.standing(folder, history_of(folder.events())).status is jobs.Status.STOPPED
    assert numbers(tmp_path) == []


def test_it_goes_on_waiting_after_a_run_that_was_stopped(tmp_path: Path) -> None:
    folder = jobs.submit(configure("mri", "smoke", ["rei"], training={"steps": 4000}), tmp_path)
    wait(lambda: history_of(folder.events()).tracks)
    folder.send(Stop())
    wait(lambda: numbers(tmp_path) == [roster.worker_pid(folder)])
    wait(lambda: jobs.standing(folder, history_of(folder.events())).status is jobs.Status.STOPPED)


def test_it_ends_when_nobody_needs_it(tmp_path: Path) -> None:
    pool.warm(tmp_path, idle_seconds=0.0)
    (pid,) = numbers(tmp_path)
    assert processes.children[pid].wait(timeout=SECONDS) == 0
    assert list((tmp_path / ".workers").glob("*.json")) == []


def test_one_that_was_killed_is_not_counted_on(tmp_path: Path) -> None:
    pool.warm(tmp_path)
    (pid,) = numbers(tmp_path)
    os.kill(pid, signal.SIGKILL)
    processes.children[pid].wait(timeout=SECONDS)
    assert numbers(tmp_path) == []
    pool.warm(tmp_path)
    (new,) = numbers(tmp_path)
    assert new != pid


def test_it_ends_with_the_process_that_asked_for_it_when_no_run_is_due(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from reilab.runs import pool;"
        "pool.warm(Path(sys.argv[1])); time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)])
    wait(lambda: numbers(tmp_path))
    (pid,) = numbers(tmp_path)
    first = jobs.submit(CONFIG, tmp_path)
    second = jobs.submit(CONFIG, tmp_path)
    parent.kill()
    parent.wait()
    wait(lambda: history_of(second.events()).finished)
    assert roster.worker_pid(first) == roster.worker_pid(second) == pid
    wait(lambda: not psutil.pid_exists(pid))
    assert list((tmp_path / ".workers").glob("*.json")) == []
