"""Do runs outlive their server and their worker? ``python -m benchmarks.killing`` (needs Chromium)

In each round a person opens the page and clicks Train; after a random time the server, the worker
or both are killed with SIGKILL. The run has to go on by itself, or to go on after Resume from where
it stood; nothing may be left of the round: no process, no zombie, no lock, nobody in the queue.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks.measure import Table
from benchmarks.site import Site, served, until
from reilab.events import Stop
from reilab.record.folder import RunFolder, list_runs
from reilab.record.history import history_of
from reilab.runs import jobs, pool, processes, queue, roster
from reilab.runs.jobs import LIVE, RESUMABLE, Status
from reilab.runs.library import Library

ROUNDS, SEED = 21, 1
#: From the click to the kill, at most.
MOST_SECONDS = 8.0
VICTIMS = (("server",), ("worker",), ("server", "worker"))
#: What becomes of a run.
NOT_BEGUN, WENT_ON, RESUMED = "not begun yet", "went on by itself", "went on after Resume"
NOTE = f"""{ROUNDS} rounds: the page is opened, Train is clicked (MRI, `quick`), and after at most
{MOST_SECONDS:g} s (random, seed {SEED}) the server, the worker or both get SIGKILL."""


def measure() -> Table:
    """All rounds, by who was killed and what became of the run."""
    rng = random.Random(SEED)
    found: dict[tuple[str, str], int] = {}
    left: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for number in range(ROUNDS):
            victims = VICTIMS[number % len(VICTIMS)]
            with served(root) as site:
                outcome = play(site, victims, rng.uniform(0, MOST_SECONDS))
            left += leftovers(root)
            key = (" and ".join(victims), outcome)
            found[key] = found.get(key, 0) + 1
            print(number, *key, *left, file=sys.stderr, flush=True)
    rows = [[*key, str(count)] for key, count in sorted(found.items())]
    rows.append(["left behind", ", ".join(left) or "nothing", str(len(left))])
    return Table("Killing", NOTE, ["killed", "the run", "rounds"], rows)


def play(site: Site, victims: tuple[str, ...], seconds: float) -> str:
    """One round; what became of the run."""
    before = {run.name for run in list_runs(site.root)}
    page = site.open("task=mri&preset=quick")
    page.get_by_role("button", name="Train", exact=True).click()
    time.sleep(seconds)
    fresh = [run for run in list_runs(site.root) if run.name not in before]
    if "server" in victims:
        site.server.kill()
    if not fresh:
        return NOT_BEGUN
    (run,) = fresh
    pid = roster.worker_pid(run)
    if "worker" in victims and pid is not None and roster.worker_alive(run):
        psutil.Process(pid).kill()
    outcome = go_on(run)
    run.send(Stop())
    until(lambda: Library(site.root).idle, "the run to stop")
    return outcome


def go_on(run: RunFolder) -> str:
    """See a run take ten steps more, with a click on Resume where it needs one."""
    began, outcome = steps(run), WENT_ON
    deadline = time.monotonic() + 120
    while steps(run) < began + 10:
        standing = jobs.standing(run, history_of(run.events()))
        if standing.status in RESUMABLE:
            outcome = RESUMED
            jobs.resume(run)
        elif standing.status is Status.QUEUED or standing.status in LIVE:
            # As the page of the next person would.
            jobs.advance(run.path.parent)
        if time.monotonic() > deadline:
            raise TimeoutError(f"{run.path} is {standing} and does not go on")
        time.sleep(0.2)
    return outcome


def steps(run: RunFolder) -> int:
    """Steps of all methods so far."""
    return sum(track.step for track in history_of(run.events()).tracks.values())


def leftovers(root: Path) -> list[str]:
    """What a round has left: processes that nobody called, zombies, locks, who is in line."""
    for worker in pool.waiting(root):
        # Called here, for Resume.
        if worker.pid in processes.children:
            processes.children[worker.pid].terminate()
            processes.children[worker.pid].wait()
    orphans: list[psutil.Process] = []
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        there = psutil.process_iter(["cmdline"])
        orphans = [process for process in there if _works_below(root, process)]
        if not orphans:
            break
        time.sleep(0.2)
    dead = [c for c in psutil.Process().children() if c.status() == psutil.STATUS_ZOMBIE]
    found = [f"orphan {process.pid}" for process in orphans]
    found += [f"zombie {process.pid}" for process in dead]
    found += [f"in line: {entry.run}" for entry in queue.entries(root)]
    with queue.locked(root):
        return found


def _works_below(root: Path, process: psutil.Process) -> bool:
    words = process.info["cmdline"] or ()
    return "reilab.runs.worker" in words and str(root) in words


if __name__ == "__main__":
    print(measure().markdown())
