"""How soon Stop stops a run. ``python -m benchmarks.stopping``"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measure import Table
from benchmarks.site import until
from reilab.events import Event, Stepped, Stopped
from reilab.record.folder import RunFolder
from reilab.record.log import Follower
from reilab.runs import jobs
from reilab.runs.config import configure
from reilab.runs.roster import worker_alive

TASKS = ("mri", "inpainting", "ct")
N_STOPS, MOST_WAIT_SECONDS = 6, 2.0
#: More than a device takes by default, for the run beside the one that is stopped.
LIMIT = 2
NOTE = f"""From the sending of Stop to ``Stopped`` in the log of a run (`quick` preset), {N_STOPS}
stops of each task at random moments, the run resumed in between; with the machine to itself, and
beside another training on the same cores. The lab in a notebook shows it at most 0.2 s later, the
page at most 0.1 s."""


def measure() -> Table:
    """All tasks, alone and in company."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        rows += [row(task, root / f"alone-{task}", "alone") for task in TASKS]
        other = jobs.submit(configure("inpainting", "quick", training={"steps": 100_000}), root)
        rows += [row(task, root / f"beside-{task}", "another training") for task in TASKS]
        jobs.stop(other)
        _until_over(other)
    return Table("Stop", NOTE, ["task", "beside it", "median [s]", "most [s]"], rows)


def row(task: str, root: Path, company: str) -> list[str]:
    """One task."""
    print("stop", task, company, file=sys.stderr, flush=True)
    pick = random.Random(0)
    run = jobs.submit(configure(task, "quick", training={"steps": 100_000}), root, LIMIT)
    follower, seconds = run.follow(), []
    for count in range(N_STOPS):
        if count:
            jobs.resume(run, LIMIT)
        _wait_for(follower, Stepped)
        time.sleep(pick.uniform(0, MOST_WAIT_SECONDS))
        began = time.perf_counter()
        jobs.stop(run)
        _wait_for(follower, Stopped)
        seconds.append(time.perf_counter() - began)
        _until_over(run)
    return [task, company, f"{statistics.median(seconds):.2f}", f"{max(seconds):.2f}"]


def _wait_for(follower: Follower, kind: type[Event]) -> None:
    until(lambda: any(isinstance(event, kind) for event in follower.poll()), kind.__name__)


def _until_over(run: RunFolder) -> None:
    until(lambda: not worker_alive(run), "the end of the worker")


if __name__ == "__main__":
    print(measure().markdown())
