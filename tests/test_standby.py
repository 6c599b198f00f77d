"""The process that stands by: it takes one run, and leaves nothing behind."""

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

from reilab.record.history import history_of
from reilab.runs import jobs, processes, standby, worker
from reilab.runs.config import configure

pytestmark = pytest.mark.slow

SECONDS = 120
CONFIG = configure("mri", "smoke", ["rei"], training={"steps": 2})


def wait(reached: Callable[[], object]) -> None:
    deadline = time.monotonic() + SECONDS
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def files(root: Path) -> list[str]:
    return sorted(file.suffix for file in (root / ".standby").glob("*.*"))


def test_a_ready_process_takes_the_next_run(tmp_path: Path) -> None:
    jobs.warm(tmp_path)
    jobs.warm(tmp_path)
    assert files(tmp_path) == [".starting"]
    wait(lambda: files(tmp_path) == [".ready"])
    jobs.warm(tmp_path)
    (ready,) = (tmp_path / ".standby").glob("*.ready")
    folder = jobs.submit(CONFIG, tmp_path)
    pid = worker.worker_pid(folder)
    assert pid == int(ready.stem)
    wait(lambda: history_of(folder.events()).finished)
    assert processes.children[pid].wait(timeout=SECONDS) == 0
    assert files(tmp_path) == []
    assert jobs.standing(folder, history_of(folder.events())).status is jobs.Status.FINISHED
    # Nobody stands by now: the next one starts from nothing.
    other = jobs.submit(CONFIG, tmp_path)
    wait(lambda: history_of(other.events()).finished)
    assert worker.worker_pid(other) != pid


def test_its_errors_go_to_the_log_of_the_run(tmp_path: Path) -> None:
    jobs.warm(tmp_path)
    wait(lambda: files(tmp_path) == [".ready"])
    broken = jobs.RunFolder.create(
        tmp_path / "broken", CONFIG.to_yaml().replace("data: knee", "data: keen")
    )
    jobs.resume(broken)
    pid = worker.worker_pid(broken)
    assert pid is not None
    assert processes.children[pid].wait(timeout=SECONDS) == 1
    assert "keen" in (broken.path / "worker.log").read_text()


@pytest.fixture
def quick_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes that stand by without having imported anything."""
    source = str(Path(standby.__file__).parents[1])
    code = (
        "import sys, types; from pathlib import Path;"
        "sys.modules['reilab'] = types.ModuleType('reilab');"
        f"sys.modules['reilab'].__path__ = [{source!r}];"
        "from reilab.runs.standby import wait_for_run;"
        "print(wait_for_run(Path(sys.argv[1]), float(sys.argv[2])))"
    )
    spawn = standby.spawn
    monkeypatch.setattr(
        standby, "spawn", lambda words, log: spawn([sys.executable, "-c", code, *words[-2:]], log)
    )


@pytest.mark.usefixtures("quick_start")
def test_it_ends_when_nobody_needs_it(tmp_path: Path) -> None:
    standby.warm(tmp_path, idle_seconds=0.2)
    (pid,) = [int(file.stem) for file in (tmp_path / ".standby").glob("*.starting")]
    assert processes.children[pid].wait(timeout=SECONDS) == 0
    assert files(tmp_path) == []
    assert standby.claim(tmp_path) is None


@pytest.mark.usefixtures("quick_start")
def test_one_that_was_killed_is_not_claimed(tmp_path: Path) -> None:
    standby.warm(tmp_path)
    wait(lambda: files(tmp_path) == [".ready"])
    (file,) = (tmp_path / ".standby").glob("*.ready")
    os.kill(int(file.stem), signal.SIGKILL)
    processes.children[int(file.stem)].wait(timeout=SECONDS)
    assert standby.claim(tmp_path) is None
    standby.warm(tmp_path, idle_seconds=0.1)
    (new,) = (tmp_path / ".standby").glob("*.starting")
    assert new.stem != file.stem
    assert processes.children[int(new.stem)].wait(timeout=SECONDS) == 0
    assert files(tmp_path) == []


def test_it_ends_with_the_process_that_asked_for_it(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from reilab.runs import standby;"
        "standby.warm(Path(sys.argv[1])); time.sleep(600)"
    )
    parent = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)])
    wait(lambda: files(tmp_path) == [".ready"])
    (file,) = (tmp_path / ".standby").glob("*.ready")
    parent.kill()
    parent.wait()
    wait(lambda: not psutil.pid_exists(int(file.stem)) or files(tmp_path) == [])
    assert files(tmp_path) == []
