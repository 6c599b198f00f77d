"""A lab that many look at: ``python -m benchmarks.load [VISITORS] [CLOSED]`` (needs no browser)"""

from __future__ import annotations

import asyncio
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.lab import DISCARDED_SECONDS, METHODS, _grow, _made_up, lost
from benchmarks.measure import Table
from benchmarks.site import SERVE, free_port, listens, until
from benchmarks.visitors import Visitor
from reilab.events import Finished, Started, Stepped
from reilab.record.codec import to_line
from reilab.record.folder import RunFolder
from reilab.record.history import history_of
from reilab.runs import jobs, pool
from reilab.runs.config import configure

VISITORS, CLOSED = 20, 50
N_RUNS, N_EVENTS = 10_000, 10**6
#: Updates of the run, and seconds between them.
N_UPDATES, PAUSE, SIDE = 150, 0.1, 64
#: Updates that come one by one, each when all visitors know of the one before.
N_SLOW_UPDATES = 10
#: Visitors that are opened and closed at the same time, and how many come before memory is looked
#: at: the first ones make the server grow by what it then keeps for all.
AT_ONCE, BEFORE = 5, 30
NOTE = f"""Visitors speak as the page does, from another process on the same machine. One run writes
{N_UPDATES} updates of five panes of {SIDE}², {1 / PAUSE:g} a second, which a page shows at most 2.5
times a second. *Behind*: from the moment that an update is on disk until each visitor has been told
of its step. *Training lost*: as in the benchmark of the lab, with so many visitors, who take their
share of the processor too. *Closed*: memory of the server after so many visitors came and went,
less that after {BEFORE}, by visitor. *Killed*: the server gets SIGKILL under its visitors and is
started again. *Two servers*: both have the same runs and see a run that is submitted."""


@dataclass
class Lab:
    """A server that can be killed, of the runs below ``root``."""

    root: Path
    port: int
    process: psutil.Popen

    @classmethod
    def served(cls, root: Path, port: int) -> Lab:
        """Start a server and wait until it answers."""
        words = [sys.executable, "-c", SERVE, str(port), str(root)]
        quiet = subprocess.DEVNULL
        lab = cls(root, port, psutil.Popen(words, stdout=quiet, stderr=quiet))
        until(lambda: listens(port), "the server")
        return lab

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def memory(self) -> float:
        """What it takes, in MiB."""
        return float(self.process.memory_info().rss / 2**20)

    def end(self) -> None:
        """Kill it."""
        self.process.kill()
        self.process.wait()


@contextmanager
def lab() -> Iterator[Lab]:
    """A server, and nothing of it left behind."""
    with tempfile.TemporaryDirectory() as folder:
        found = Lab.served(Path(folder), free_port())
        try:
            yield found
        finally:
            found.end()
            for worker in pool.waiting(found.root):
                psutil.Process(worker.pid).kill()


def measure(visitors: int = VISITORS, closed: int = CLOSED) -> Table:
    """All of it."""
    rows: list[list[str]] = []
    crowd = (watched(visitors), behind(visitors), training_lost(visitors), come_and_go(closed))
    for action in (*crowd, killed(visitors), two_servers(), many_runs(N_RUNS), long_log(N_EVENTS)):
        found = asyncio.run(action)
        print(found, file=sys.stderr, flush=True)
        rows += found
    return Table("Many at the lab", NOTE, ["what", "measured", "goal"], rows)


async def watched(count: int) -> list[list[str]]:
    """What each of many visitors sees of a run at full pace, and what it takes the server."""
    with lab() as one:
        run, truth = _made_up(one.root, SIDE)
        every = [await _open(one, f"run={run.name}") for _ in range(count)]
        before = [visitor.heard.get("PATCH-DOC", 0) for visitor in every]
        ears = [asyncio.create_task(_listen(visitor)) for visitor in every]
        began, cpu = time.perf_counter(), sum(one.process.cpu_times()[:2])
        await asyncio.to_thread(_grow, run, truth, N_UPDATES, PAUSE)
        seconds, spent = time.perf_counter() - began, sum(one.process.cpu_times()[:2]) - cpu
        rates = [(v.heard["PATCH-DOC"] - b) / seconds for v, b in zip(every, before, strict=True)]
        for ear in ears:
            ear.cancel()
        told = f"{statistics.median(rates):.2f} a second (least {min(rates):.2f})"
        return [
            [f"messages to each of {count} visitors", told, ""],
            [f"processor of the server, {count} visitors", f"{spent / seconds:.0%} of a core", ""],
            [f"memory of the server, {count} visitors", f"{one.memory():.0f} MiB", ""],
        ]


async def behind(count: int) -> list[list[str]]:
    """How long after the writer each of many visitors knows of a step."""
    with lab() as one:
        run, truth = _made_up(one.root, SIDE)
        every = [await _open(one, f"run={run.name}") for _ in range(count)]
        delays: list[float] = []
        for _ in range(N_SLOW_UPDATES):
            await asyncio.to_thread(_grow, run, truth, 1, 0.0)
            step, wrote = history_of(run.events()).tracks[METHODS[-1]].step, time.perf_counter()
            heard = await asyncio.gather(*(_told(visitor, f"step {step:,}") for visitor in every))
            delays += [moment - wrote for moment in heard]
        told = f"{statistics.median(delays):.2f} s (most {max(delays):.2f} s)"
        return [[f"each of {count} visitors behind the writer", told, "2 s"]]


async def _told(visitor: Visitor, word: str) -> float:
    """When a visitor hears a word."""
    while word not in visitor.last:
        assert await visitor.hear()
    return time.perf_counter()


async def training_lost(count: int) -> list[list[str]]:
    """Share of the training speed that many visitors cost."""
    with lab() as one:
        loop = asyncio.get_running_loop()

        @contextmanager
        def watching(run: RunFolder) -> Iterator[None]:
            async def come() -> list[Visitor]:
                return [await _open(one, f"run={run.name}") for _ in range(count)]

            async def go() -> None:
                for visitor in every:
                    await visitor.leave()

            every = asyncio.run_coroutine_threadsafe(come(), loop).result()
            ears = [asyncio.run_coroutine_threadsafe(_listen(each), loop) for each in every]
            yield
            for ear in ears:
                ear.cancel()
            asyncio.run_coroutine_threadsafe(go(), loop).result()

        told = await asyncio.to_thread(lost, one.root, watching)
        return [[f"training lost to {count} visitors", told, "15 %"]]


async def come_and_go(count: int) -> list[list[str]]:
    """What visitors leave behind."""
    with lab() as one:
        run, _ = _made_up(one.root, SIDE)
        sizes = []
        for visits in (BEFORE, count):
            for _ in range(0, visits, AT_ONCE):
                every = [await _open(one, f"run={run.name}") for _ in range(AT_ONCE)]
                for visitor in every:
                    await visitor.leave()
            await asyncio.sleep(DISCARDED_SECONDS)
            sizes.append(one.memory())
        each = (sizes[1] - sizes[0]) / count
        told = f"{each:+.2f} MiB each ({sizes[0]:.0f} to {sizes[1]:.0f})"
        return [[f"memory kept of {count} visitors that left", told, "1 MiB each"]]


async def killed(count: int) -> list[list[str]]:
    """How many come back when the server is killed under them and started again."""
    with lab() as one:
        run, truth = _made_up(one.root, SIDE)
        every = [await _open(one, f"run={run.name}") for _ in range(count)]
        writer = threading.Thread(target=_grow, args=(run, truth, 40, PAUSE))
        writer.start()
        one.end()
        left = [await _until_gone(visitor) for visitor in every]
        one.process = Lab.served(one.root, one.port).process
        began = time.perf_counter()
        back = await asyncio.gather(*(_open(one, f"run={run.name}") for _ in range(count)))
        seconds = time.perf_counter() - began
        writer.join()
        told = f"{sum(left)} told, {len(back)} back after {seconds:.1f} s"
        return [[f"server killed under {count} visitors", told, "all"]]


async def two_servers() -> list[list[str]]:
    """Whether two servers of the same runs start a run twice."""
    with lab() as one:
        other = Lab.served(one.root, free_port())
        try:
            every = [await _open(each, "") for each in (one, other)]
            ears = [asyncio.create_task(_listen(visitor)) for visitor in every]
            run = jobs.submit(configure("mri", "smoke", ["rei"]), one.root)
            await asyncio.to_thread(until, lambda: history_of(run.events()).finished, "the run")
            for ear in ears:
                ear.cancel()
        finally:
            other.end()
        starts = sum(isinstance(event, Started) for event in run.events())
        return [["two servers of the same runs", f"the run began {starts} time", "1 time"]]


async def many_runs(count: int) -> list[list[str]]:
    """How long a long list takes, on the command line and on the page."""
    with lab() as one:
        run, _ = _made_up(one.root, SIDE)
        for method, track in history_of(run.events()).tracks.items():
            run.record(Finished(method, track.step))
        # A run that is at work is read each time.
        (run.path / "worker.json").unlink()
        for index in range(count - 1):
            copy = one.root / f"copy-{index}"
            shutil.copytree(run.path, copy, copy_function=os.link)
        empty, first, again = map(_listed, (one.root / "none", one.root, one.root))
        every = [await _timed(one, "tab=runs") for _ in range(2)]
        told = f"{every[0]:.1f} s, once more {every[1]:.1f} s"
        return [
            [f"`reilab runs list` of {count} runs, without the index", f"{first:.1f} s", ""],
            ["with it, beyond a list of no runs", f"{again - empty:.1f} s", "1 s"],
            [f"page with a list of {count} runs", told, "3 s"],
            [f"memory of the server, {count} runs", f"{one.memory():.0f} MiB", ""],
        ]


def _listed(root: Path) -> float:
    """Seconds that the list of the command line takes."""
    own, began = {**os.environ, "REILAB_RUNS": str(root)}, time.perf_counter()
    words = [sys.executable, "-m", "reilab", "runs", "list"]
    subprocess.run(words, env=own, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


async def long_log(count: int) -> list[list[str]]:
    """How long a page takes that opens a run with many events: without what its writer leaves
    beside them, with it, and once more.
    """
    with lab() as one:
        run, _ = _made_up(one.root, 8)
        start = history_of(run.events()).tracks[METHODS[0]].step
        with (run.path / "events.jsonl").open("a", encoding="utf-8") as log:
            for step in range(start + 1, start + 1 + count):
                line = to_line(Stepped(METHODS[0], step, {}, 1 / step, 1e-3, 0.1, 0.01))
                log.write(f"{line}\n")
        with lab() as other:
            run.copied_below(other.root).history()
            opened, again = [await _timed(other, f"run={run.name}") for _ in range(2)]
            told = f"{opened:.1f} s, once more {again:.1f} s, {other.memory():.0f} MiB"
        first = await _timed(one, f"run={run.name}")
    return [[f"page of a run with {count} events", f"{told}; its index lost {first:.1f} s", "2 s"]]


async def _timed(one: Lab, query: str) -> float:
    began = time.perf_counter()
    visitor = await _open(one, query)
    seconds = time.perf_counter() - began
    await visitor.leave()
    return seconds


async def _open(one: Lab, query: str) -> Visitor:
    visitor = await Visitor.at(f"{one.address}?{query}")
    await visitor.look()
    return visitor


async def _listen(visitor: Visitor) -> None:
    while await visitor.hear():
        pass


async def _until_gone(visitor: Visitor) -> bool:
    await asyncio.wait_for(_listen(visitor), 60)
    return True


if __name__ == "__main__":
    print(measure(*map(int, sys.argv[1:3])).markdown())
