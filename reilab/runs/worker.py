"""``python -m reilab.runs.worker ROOT SECONDS PID BEGAN``: takes runs from the queue.

It ends when nobody has needed it for so many seconds, when the process that called it (its number,
and when it began) has ended and no run is due, or when the root is deleted. While it waits it loads
what runs need.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from reilab.record.folder import RunFolder
from reilab.runs import pool
from reilab.runs.config import configure
from reilab.runs.execute import execute
from reilab.runs.jobs import at_work
from reilab.runs.processes import Process, stop_on_signal
from reilab.runs.queue import entries
from reilab.runs.stream import run
from reilab.show.figures import save_comparison
from reilab.tasks.registry import tasks

POLL_SECONDS = 0.05
#: Between two looks at a line in which every run waits for its device.
PATIENT_SECONDS = 0.5


def work(root: Path, idle_seconds: float, caller: Process) -> None:
    """Carry runs out, one after the other, as long as this process is needed."""
    spare_time = rehearsals()
    while True:
        deadline = time.monotonic() + idle_seconds

        def is_needed(until: float = deadline) -> bool:
            return time.monotonic() < until and caller.is_alive and root.exists()

        folder = next_run(root, is_needed, spare_time)
        if folder is None:
            return
        carry_out(folder)


def next_run(
    root: Path, is_needed: Callable[[], bool], spare_time: Iterator[None]
) -> RunFolder | None:
    """Wait for a run; ``None`` once this process is not needed any more.

    Args:
        root: where runs are kept.
        is_needed: whether to wait on.
        spare_time: something to do meanwhile, in small parts.
    """
    while is_needed():
        folder = pool.take(root)
        if folder is not None:
            return folder
        if next(spare_time, "all done"):
            time.sleep(PATIENT_SECONDS if entries(root) else POLL_SECONDS)
    return pool.take_or_leave(root)


def carry_out(folder: RunFolder) -> None:
    """Train a run to its end, and wait for another one.

    Raises:
        SystemExit: it failed, or this process was asked to end: it takes no other run.
    """
    with (
        at_work(folder),
        output_to(folder.path / "worker.log"),
        stop_on_signal() as box,
    ):
        try:
            history = execute(folder, inbox=box)
            save_comparison(history, folder.path / "figure.png")
        except Exception:
            traceback.print_exc()
            raise SystemExit(1) from None
        if box.rang:
            raise SystemExit(0)
        pool.wait_again(folder.path.parent)
    gc.collect()
    torch.cuda.empty_cache()


def rehearsals() -> Iterator[None]:
    """Take one step on every task: much of what that needs is loaded at its first use."""
    for task in tasks():
        # One that cannot be trained says so when somebody wants to train it.
        with contextlib.suppress(Exception):
            run(configure(task, "smoke", ["rei"], training={"steps": 1}))
        yield


@contextlib.contextmanager
def output_to(log: Path) -> Iterator[None]:
    """Have all that this process prints appended to a file, while the context lasts."""
    streams = (sys.stdout, sys.stderr)
    before = [os.dup(stream.fileno()) for stream in streams]
    with log.open("ab") as file:
        for stream in streams:
            os.dup2(file.fileno(), stream.fileno())
    try:
        yield
    finally:
        for stream, descriptor in zip(streams, before, strict=True):
            stream.flush()
            os.dup2(descriptor, stream.fileno())
            os.close(descriptor)


if __name__ == "__main__":
    root, idle_seconds, pid, began = sys.argv[1:]
    work(Path(root), float(idle_seconds), Process(int(pid), float(began)))
