"""Runs that are damaged, killed, or on a full disk; more of them are in ``benchmarks/faults``."""

from __future__ import annotations

import fcntl
import io
import os
import random
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest
import yaml

from benchmarks.faults import disks, kills, states, strike
from reilab.events import Finished, Started
from reilab.lab.model import Lab
from reilab.plain import to_json
from reilab.record.folder import RunFolder
from reilab.record.history import history_of
from reilab.runs import jobs, pool, processes, queue, roster
from reilab.runs.account import read_run
from reilab.runs.config import from_yaml
from reilab.runs.execute import execute
from reilab.runs.fork import fork
from reilab.runs.jobs import Status
from reilab.runs.library import Library
from reilab.show.scene import lost_words, scene_of


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


#: Holds the lock of a run until it is ended.
HOLDER = """
import sys
from pathlib import Path
from reilab.record.folder import RunFolder
from reilab.runs.roster import signed_in
with signed_in(RunFolder(Path(sys.argv[1]))):
    print("here", flush=True)
    sys.stdin.read()
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("part", "count"), [(states, 10), (disks, 3), (kills, 2)], ids=["states", "disks", "kills"]
)
def test_what_is_promised_of_damage_holds(part: object, count: int, tmp_path: Path) -> None:
    found = part.attacks(random.Random(1), count, tmp_path)  # type: ignore[attr-defined]
    assert {one.name: wrong for one in found if (wrong := strike(one))} == {}


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """A run that nobody has begun with."""
    return RunFolder.create(tmp_path / "run", states.config().to_yaml())


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run, and one that was stopped in the middle."""
    root = tmp_path_factory.mktemp("damage") / "runs"
    states.write_runs(root)
    return root


@pytest.fixture
def finished(runs: Path, tmp_path: Path) -> RunFolder:
    return RunFolder(shutil.copytree(runs / states.OTHER, tmp_path / "run"))


def test_a_damaged_state_is_passed_over_for_an_older_one(finished: RunFolder) -> None:
    expected = states.digits(finished)
    newest = finished.checkpoint("rei")
    newest.with_name("rei-0000004.safetensors").unlink()
    content = bytearray(newest.read_bytes())
    for place in range(8 + int.from_bytes(content[:8], "little"), len(content), 999):
        content[place] ^= 1
    newest.write_bytes(content)
    execute(finished)
    started = [one for one in finished.events() if isinstance(one, Started)]
    assert [one.step for one in started if one.method == "rei"][-1] == 0
    assert states.digits(finished) == expected


def test_a_run_whose_states_are_all_damaged_says_so(finished: RunFolder) -> None:
    for file in (finished.path / "checkpoints").iterdir():
        file.write_bytes(b"x")
    with pytest.raises(ValueError, match="no older state is whole: delete the states of ei"):
        execute(finished)


def test_a_fork_does_not_begin_anywhere_else(finished: RunFolder, tmp_path: Path) -> None:
    made = fork(finished, 0, {}, tmp_path / "fork")
    made.checkpoint("ei").unlink()
    with pytest.raises(FileNotFoundError, match="fork its parent anew"):
        execute(made)


def test_a_fork_that_fails_leaves_nothing(finished: RunFolder, tmp_path: Path) -> None:
    for file in (finished.path / "previews").iterdir():
        file.unlink()
    with pytest.raises(FileNotFoundError):
        fork(finished, 0, {}, tmp_path / "fork")
    assert not (tmp_path / "fork").exists()


def test_a_run_for_another_machine_is_listed_with_what_was_asked(folder: RunFolder) -> None:
    file = folder.path / "config.yaml"
    file.write_text(file.read_text().replace("device: cpu", "device: cuda:7"))
    (entry,) = Library(folder.path.parent).entries()
    assert entry.asked is not None
    assert entry.asked.methods == states.METHODS
    assert entry.troubles == ()
    with pytest.raises(ValueError, match="cuda:7"):
        execute(folder)


@pytest.mark.parametrize("text", ["", "task: [", "- 1", states.BOMB, "task: sonar"])
def test_a_run_that_cannot_be_read_is_listed_with_the_reason(
    finished: RunFolder, text: str
) -> None:
    root = finished.path.parent
    RunFolder.create(root / "other", states.config().to_yaml())
    (finished.path / "config.yaml").write_text(text)
    entries = {entry.name: entry for entry in Library(root).entries()}
    assert entries["other"].troubles == ()
    assert entries["run"].standing.status is Status.UNREADABLE
    assert entries["run"].standing.reason.startswith(str(finished.path / "config.yaml"))
    lab = Lab(root)
    lab.open("run")
    assert lab.history.finished
    assert not lab.resumable
    assert lab.troubles == [entries["run"].standing.reason]


def test_what_an_odd_log_tells_is_shown(finished: RunFolder) -> None:
    log = finished.path / "events.jsonl"
    lines = log.read_text().splitlines(keepends=True)
    # Nobody has heard of the start of EI.
    log.write_text("".join(line for line in lines if '"Started", "method": "ei"' not in line))
    history = history_of(finished.events())
    assert list(history.tracks) == ["rei"]
    assert history.stray > 0


def test_two_cannot_have_a_run_even_if_nobody_can_read_who_has_it(folder: RunFolder) -> None:
    command = [sys.executable, "-c", HOLDER, str(folder.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"here\n"
        (folder.path / "worker.json").write_text("")
        with pytest.raises(RuntimeError, match="already at work"), roster.signed_in(folder):
            pass
        holder.kill()
        holder.wait()
        # The system has taken the lock from it.
        with roster.signed_in(folder):
            assert roster.worker_alive(folder)


def test_a_run_that_somebody_has_is_not_deleted_even_if_nobody_can_read_who(
    folder: RunFolder,
) -> None:
    command = [sys.executable, "-c", HOLDER, str(folder.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"here\n"
        (folder.path / "worker.json").write_text("")
        with pytest.raises(RuntimeError, match="already at work"):
            jobs.delete(folder)
        assert folder.config
        holder.kill()
    jobs.delete(folder)
    assert list(folder.path.parent.iterdir()) == []


def test_nobody_begins_with_a_run_while_it_is_deleted(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is it made anew by somebody who is late; a run of a long name goes like others."""
    taken: list[subprocess.CompletedProcess[str]] = []
    whole = folder.path.with_name("r" * 250)
    folder = RunFolder(folder.path.rename(whole))

    def delete(run: RunFolder, gone: Callable[[RunFolder], None] = RunFolder.delete) -> None:
        for remove in (lambda one: None, gone):
            remove(run)
            command = [sys.executable, "-c", HOLDER, str(run.path)]
            taken.append(
                subprocess.run(command, input="", capture_output=True, text=True, check=False)
            )

    monkeypatch.setattr(RunFolder, "delete", delete)
    jobs.delete(folder)
    told = [one.stderr.splitlines()[-1] for one in taken]
    assert told[0].startswith("RuntimeError: another process is already at work on")
    assert told[1].startswith("FileNotFoundError: there is no run at")
    assert list(whole.parent.iterdir()) == []
    with pytest.raises(FileNotFoundError, match="or not any more"):
        jobs.delete(folder)


def test_a_worker_that_starts_waits_for_who_only_looks(folder: RunFolder) -> None:
    with (folder.path / "worker.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        threading.Timer(0.1, fcntl.flock, (lock.fileno(), fcntl.LOCK_UN)).start()
        with roster.signed_in(folder):
            assert roster.worker_alive(folder)


@pytest.mark.parametrize("name", ["gone", "held"])
def test_a_worker_passes_over_a_run_that_it_cannot_have(
    name: str, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody deletes it, or begins with it, just before the worker signs in."""
    queue.join(folder, 1)
    other = processes.process_of(os.getppid())

    def due(root: Path, found: Callable[[Path], list[queue.QueueEntry]] = queue.due) -> object:
        waiting = found(root)
        if name == "gone":
            folder.delete()
        else:
            (folder.path / "worker.json").write_text(
                to_json(roster.RosterEntry(other.pid, other.began))
            )
        return waiting

    monkeypatch.setattr(queue, "due", due)
    assert pool.take(folder.path.parent) is None
    assert folder.path.exists() is (name == "held")


@pytest.mark.skipif(not psutil.LINUX, reason="elsewhere the system keeps the time of the start")
def test_a_clock_that_is_set_kills_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    here, start, boot = processes.this_process(), psutil.Process.create_time, psutil.boot_time
    monkeypatch.setattr(psutil.Process, "create_time", lambda self: start(self) - 3600)
    monkeypatch.setattr(psutil, "boot_time", lambda: boot() - 3600)
    assert here.is_alive
    assert not processes.Process(here.pid, here.began - 10).is_alive


def test_a_clock_that_was_set_back_loses_nothing(runs: Path, tmp_path: Path) -> None:
    """All that is there was written tomorrow."""
    root, tomorrow = shutil.copytree(runs, tmp_path / "runs"), time.time() + 86400
    for path in root.rglob("*"):
        os.utime(path, (tomorrow, tomorrow))
    looked, hurt = Library(root), RunFolder(root / states.HURT)
    before = {entry.name: entry.standing.status for entry in looked.entries()}
    with jobs.at_work(hurt):
        execute(hurt)
    assert states.digits(hurt) == states.digits(RunFolder(root / states.OTHER))
    after = {entry.name: entry.standing.status for entry in looked.entries()}
    assert before == {states.HURT: Status.STOPPED, states.OTHER: Status.FINISHED}
    assert after == dict.fromkeys(before, Status.FINISHED)


@pytest.mark.parametrize(
    ("field", "value"), [("log_every", "0"), ("steps", "x"), ("seed", "[]"), ("methods", "5")]
)
def test_what_cannot_be_asked_for_is_told_in_one_line(field: str, value: str) -> None:
    told = yaml.safe_load(states.config().to_yaml())
    part = told if field in told else told["training"]
    part[field] = yaml.safe_load(value)
    with pytest.raises(ValueError, match=r"^config\.yaml") as error:
        from_yaml(yaml.safe_dump(told))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"x",
        b"\x93NUMPY\x01\x00\x10\x00{'descr': '<f2', (\n",
        npy(np.array([{}], object)),
        npy(np.zeros((2, 3), np.float16)),
    ],
    ids=["empty", "noise", "broken head", "objects", "no images"],
)
def test_images_that_cannot_be_read_are_named_and_hide_no_other(
    finished: RunFolder, content: bytes
) -> None:
    lost = finished.path / "previews" / "rei-0000004-images.npy"
    lost.write_bytes(content)
    history = history_of(finished.events())
    scene = scene_of("run", history, 0)
    assert scene is not None
    assert [shot.key for shot in scene.panes] == ["truth", "measurement", "pinv", "ei"]
    (words,) = lost_words(history, None)
    assert words.startswith(str(lost))
    assert "allow_pickle" not in words


@pytest.mark.parametrize(
    ("text", "told"), [("", "it is empty"), ("- a\n- b\n", r"it holds \['a', 'b'\] and no fields")]
)
def test_a_configuration_without_fields_is_told_in_words(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=f"config.yaml is damaged: {told}; put it right"):
        from_yaml(text)


def test_a_lost_run_is_read_once_unless_its_worker_told_more(
    folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.record(Started("ei", 0, 2, 1, False, {}, 1e-3, 0.1, "online"))
    account, read = read_run(folder), list[RunFolder]()
    usual = RunFolder.history
    monkeypatch.setattr(RunFolder, "history", lambda one: read.append(one) or usual(one))
    assert account.standing.status is Status.LOST
    assert read == []
    folder.record(Finished("ei", 2))
    assert account.standing.status is Status.FINISHED
    assert len(read) == 1
