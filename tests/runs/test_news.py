"""Notifications: runs that came to their end, whoever looks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from reilab.events import Failed, Posed, Started, Stop
from reilab.record.folder import RunFolder
from reilab.runs import roster
from reilab.runs.config import configure
from reilab.runs.execute import execute
from reilab.runs.jobs import Status
from reilab.runs.library import Ended, Library, ended_since
from reilab.runs.processes import process_of

CUBE = np.zeros((1, 4, 4, 1), np.float32)
CONFIG = configure("mri", "smoke", ["rei"], training={"steps": 2})


def ended(root: Path, moment: float) -> list[Ended]:
    return ended_since(Library(root).entries(), moment)


def test_ends_are_told_and_stops_are_not(tmp_path: Path) -> None:
    assert ended(tmp_path / "none", 0) == []
    began = time.time() - 1
    names = ("finished", "failed", "stopped", "lost", "new")
    runs = {name: RunFolder.create(tmp_path / name, CONFIG.to_yaml()) for name in names}
    assert ended(tmp_path, began) == []
    execute(runs["finished"])
    runs["failed"].record(Failed("", 0, "no memory"))
    execute(runs["stopped"], inbox=lambda: [Stop()])
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])
    roster.sign_in(runs["lost"], process_of(child.pid))
    assert [one.run for one in ended(tmp_path, began)] == ["finished", "failed"]
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    told = {one.run: one.standing for one in ended(tmp_path, began)}
    assert told.keys() == {"finished", "failed", "lost"}
    assert told["failed"].reason == "no memory"
    assert told["lost"].status is Status.LOST
    assert ended(tmp_path, time.time() + 1) == []


def test_a_run_that_goes_on_is_no_news(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "run", CONFIG.to_yaml())
    execute(folder)
    (first,) = ended(tmp_path, 0)
    folder.record(Posed("mri", "smoke", 0.1, "", "cpu", 8, 2, CUBE, None, None))
    folder.record(Started("rei", 2, 4, 1, False, {}, 1e-3, 0.1, "online"))
    with roster.signed_in(folder):
        assert ended(tmp_path, 0) == []
        folder.record(Failed("rei", 3, "why"))
    (second,) = ended(tmp_path, 0)
    assert (first.standing.status, second.standing.status) == (Status.FINISHED, Status.FAILED)
    assert second.when >= first.when
