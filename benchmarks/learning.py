"""The ``quick`` comparisons: time, and when REI leads. ``python -m benchmarks.learning``"""

from __future__ import annotations

import sys
import time

from benchmarks.measure import Table
from reilab.events import Evaluated, Event, Posed, Stepped
from reilab.runs.config import configure
from reilab.runs.drive import drive
from reilab.runs.stream import stream

LEAD_DB = 1.0
NOTE = f"""`reilab compare TASK --preset quick`: three methods, as many at once as there are
threads, evaluations included in the wall time. *Lead*: seconds of training of REI until its PSNR on
the test images is {LEAD_DB:g} dB above EI's at the same step, and stays there."""


def measure() -> Table:
    """All tasks."""
    rows = [row(task) for task in ("mri", "inpainting", "ct")]
    columns = ["task", "wall [s]", "training per method [s]", "A†y [dB]", "EI", "REI", "supervised"]
    return Table("The quick comparisons", NOTE, [*columns, "lead [s]", "lead [step]"], rows)


def row(task: str) -> list[str]:
    """One task."""
    print("learning", task, file=sys.stderr, flush=True)
    began = time.perf_counter()
    events: list[Event] = []
    drive(stream(configure(task, "quick")), events.append)
    wall = time.perf_counter() - began
    methods = ("ei", "rei", "supervised")
    psnr: dict[str, dict[int, float]] = {method: {} for method in methods}
    for event in events:
        if isinstance(event, Evaluated) and event.metrics:
            psnr[event.method][event.step] = event.metrics.psnr
    steps = [e for e in events if isinstance(e, Stepped)]
    spent = [sum(e.seconds for e in steps if e.method == m) for m in methods]
    (start,) = (e.pinv_metrics.psnr for e in events if isinstance(e, Posed) and e.pinv_metrics)
    ahead = first_lead(psnr["rei"], psnr["ei"])
    last = [f"{list(psnr[m].values())[-1]:.1f}" for m in methods]
    told = ["never", ""]
    if ahead is not None:
        lead = sum(e.seconds for e in steps if e.method == "rei" and e.step <= ahead)
        told = [f"{lead:.0f}", str(ahead)]
    training = " / ".join(f"{s:.0f}" for s in spent)
    return [task, f"{wall:.0f}", training, f"{start:.1f}", *last, *told]


def first_lead(better: dict[int, float], worse: dict[int, float]) -> int | None:
    """The step from which on ``better`` is never less than the lead ahead."""
    found = None
    for step in sorted(better):
        leads = better[step] - worse[step] >= LEAD_DB
        found = (step if found is None else found) if leads else None
    return found


if __name__ == "__main__":
    print(measure().markdown())
