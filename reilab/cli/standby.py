"""``python -m reilab.cli.standby ROOT SECONDS``: imports everything and waits for a run."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from reilab.cli.runs import resume_run
from reilab.runs.config import configure
from reilab.runs.standby import wait_for_run
from reilab.runs.stream import run
from reilab.tasks.registry import tasks


def main(root: Path, idle_seconds: float) -> None:
    """Stand by, and carry out one run as a worker would."""
    _import_everything()
    folder = wait_for_run(root, idle_seconds)
    if folder is None:
        return
    log = os.open(folder / "worker.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
        os.dup2(log, stream.fileno())
    resume_run(str(folder), quiet=True)


def _import_everything() -> None:
    """Take one step on every task: much of what that needs is loaded at its first use."""
    for task in tasks():
        # One that cannot be trained says so when somebody wants to train it.
        with contextlib.suppress(Exception):
            run(configure(task, "smoke", ["rei"], training={"steps": 1}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
