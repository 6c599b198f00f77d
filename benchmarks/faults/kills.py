"""Processes that are killed while they train: the run goes on by itself, to the same digits.

A child of this process, which has loaded all that a run needs, trains a small one, and gets a
signal after a random time; a second child goes on with it.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import torch

from benchmarks.faults import Attack
from benchmarks.faults.states import Digits, config, digits
from reilab.record.folder import RunFolder
from reilab.record.history import history_of
from reilab.runs import jobs
from reilab.runs.execute import execute
from reilab.runs.processes import stop_on_signal

SUBJECT = "processes that are killed"
COUNT = 200
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
FORK = multiprocessing.get_context("fork")


def train(path: Path) -> None:
    """Begin with a run, or go on with it; a signal that can be heard stops it between two steps."""
    folder = RunFolder(path)
    with stop_on_signal() as box, jobs.at_work(folder):
        execute(folder, inbox=box)


def attacks(rng: random.Random, count: int, scratch: Path) -> Iterator[Attack]:
    """Each at a random moment between the start of the child and the end of its run."""
    # The threads of a parent that has computed are not there in its forks, which wait for them.
    torch.set_num_threads(1)
    whole = RunFolder.create(scratch / "whole", config().to_yaml())
    train(whole.path)
    expected = digits(whole)
    timed = RunFolder.create(scratch / "timed", config().to_yaml())
    began = time.monotonic()
    _wait(_begin(timed.path))
    length = time.monotonic() - began
    for number in range(count):
        seconds, how = rng.uniform(0, length), rng.choice(SIGNALS)
        again = rng.random() < 0.3

        def strike(
            number: int = number, seconds: float = seconds, how: int = how, again: bool = again
        ) -> str | None:
            path = RunFolder.create(scratch / f"{number}", config().to_yaml()).path
            try:
                for _ in range(1 + again):
                    kill(path, seconds, how)
                return gone_on(path, expected)
            finally:
                shutil.rmtree(path)

        yield Attack(f"{number}: {how.name} after {seconds:.3f} s{', twice' * again}", strike)


def kill(path: Path, seconds: float, how: int) -> None:
    """Train for some time in a child, which is then sent a signal."""
    child = _begin(path)
    child.join(seconds)
    if child.pid is not None and child.is_alive():
        os.kill(child.pid, how)
    _wait(child)


def gone_on(path: Path, expected: Digits) -> str | None:
    """What is wrong with a run when somebody goes on with it; nothing if it comes to its digits."""
    _wait(_begin(path))
    history = history_of(RunFolder(path).events())
    if not history.finished or history.unread or history.stray:
        return f"finished: {history.finished}, {history.unread}, {history.stray}"
    left = [file.name for file in path.rglob("*") if file.name.endswith((".partial", ".tmp"))]
    if left:
        return f"left: {left}"
    return None if digits(RunFolder(path)) == expected else "it went on to other digits"


def _begin(path: Path) -> multiprocessing.process.BaseProcess:
    child = FORK.Process(target=train, args=(path,))
    child.start()
    return child


def _wait(child: multiprocessing.process.BaseProcess) -> None:
    child.join(60)
    if child.is_alive():
        child.kill()
        raise TimeoutError("the child did not end")
