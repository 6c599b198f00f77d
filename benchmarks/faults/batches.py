"""Grids whose kernels, workers, schedulers and callers are killed (ten minutes for all).

A grid of four cells is called up and disturbed at random times. Half of the kills hit a grid with
workers of its own, half one with a scheduler and a worker under a nanny, both started anew when
they were hit. In the end each grid is called again until it is whole: its results have to be those
of a grid that nobody disturbed, no call may have given a traceback, and nothing may be left.
"""

from __future__ import annotations

import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import psutil

from benchmarks.faults import Attack

SUBJECT = "grids under fire"
COUNT = 30
USUAL = "--preset smoke --tasks mri --methods ei rei --noise 0.1 --seeds 0 1"
SETTINGS = "--set steps=40 evaluate_every=5"
HOST = "127.0.0.1"
#: Who is hit, by a word of its command line; with a scheduler others are, too.
HERE = {"kernel": "ipykernel", "papermill": "process.py", "caller": "", "SIGINT": "", "SIGTERM": ""}
THERE = {**HERE, "worker": "multiprocessing", "nanny": "dask_worker", "scheduler": "dask_scheduler"}
#: From when the victim is there to the blow, at most.
MOST_SECONDS = 8.0
#: After Ctrl-C and SIGTERM a call ends within this time, and a victim is there.
PATIENCE_SECONDS = 60.0
#: So often a grid is called again, undisturbed.
CALLS = 4


def attacks(rng: random.Random, count: int, scratch: Path) -> Iterator[Attack]:
    """The blows, and what has become of the grids."""
    calm = Siege(scratch / "calm")
    yield Attack("a grid that nobody disturbs", calm.end)
    for name, victims, share in (("here", HERE, count - count // 2), ("there", THERE, count // 2)):
        siege = Siege(scratch / name, calm, has_scheduler=victims is THERE)
        order = rng.sample(sorted(victims), len(victims))
        for number in range(share):
            victim, seconds = order[number % len(order)], rng.uniform(0, MOST_SECONDS)
            told = f"{name}: {victim} killed {seconds:.1f} s after it is there"
            yield Attack(told, partial(siege.strike, victim, victims[victim], seconds))
        yield Attack(f"{name}: the grid comes to the same results", siege.end)


@dataclass
class Siege:
    """A grid, the processes that carry it out, and blows to them."""

    out: Path
    calm: Siege | None = None
    has_scheduler: bool = False
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    port: int = 0

    @property
    def log(self) -> Path:
        return self.out.with_suffix(".log")

    def call(self) -> subprocess.Popen[bytes]:
        """``reilab reproduce`` as it runs, with what it needs; started where it has ended."""
        words = f"reilab reproduce {USUAL} {SETTINGS} --out {self.out}"
        if self.has_scheduler:
            self.port = self.port or _free_port()
            address = f"tcp://{HOST}:{self.port}"
            dask = f"--host {HOST} --no-dashboard"
            self._run("scheduler", f"distributed.cli.dask_scheduler --port {self.port} {dask}")
            local = f"--nthreads 1 --local-directory {self.out.parent}"
            self._run("nanny", f"distributed.cli.dask_worker {address} {local} {dask}")
            words += f" --scheduler {address}"
        else:
            words += " --workers 2"
        return self._run("caller", words)

    def strike(self, victim: str, word: str, seconds: float) -> str | None:
        """Kill the victim some time after it is there; a caller that is asked to end has to."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not (found := self._of(word, self.call())):
            if self.processes["caller"].poll() == 0:
                # Whole before all blows have fallen: the next ones fall on a grid of its own.
                if wrong := self._differs():
                    return wrong
                shutil.rmtree(self.out)
            if time.monotonic() > deadline:
                return f"there was no {victim} to kill"
            time.sleep(0.2)
        time.sleep(seconds)
        if victim not in ("SIGINT", "SIGTERM"):
            for process in found[:1]:
                if process.is_running():
                    process.kill()
            return None
        caller = self.call()
        # A call that has only just begun knows of no signals.
        time.sleep(2.0 if time.time() - psutil.Process(caller.pid).create_time() < 5 else 0.0)
        caller.send_signal(signal.Signals[victim])
        try:
            code = caller.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            caller.kill()
            return f"still there {PATIENCE_SECONDS:g} s after {victim}"
        return None if code in (0, 1, 130, -signal.Signals[victim]) else f"status {code}"

    def end(self) -> str | None:
        """Call until it is whole; what is wrong with it, or differs from the calm grid."""
        codes: list[int] = []
        while len(codes) < CALLS and 0 not in codes:
            codes.append(self.call().wait())
        for process in self.processes.values():
            process.kill()
            process.wait()
        said = self.log.read_text(encoding="utf-8", errors="replace")
        if 0 not in codes:
            return f"calls ended with {codes}: {said[-500:]}"
        if "Traceback" in said:
            return f"a traceback in {self.log}: {said[said.index('Traceback') :][:2000]}"
        if wrong := self._differs():
            return wrong
        time.sleep(5.0)
        left = [one.info["cmdline"] for one in psutil.process_iter(["cmdline"]) if self._owns(one)]
        return f"left behind: {left}" if left else None

    def _differs(self) -> str | None:
        same = self.calm is None or self.results == self.calm.results
        return None if same else "other results"

    @property
    def results(self) -> bytes:
        return (self.out / "results.csv").read_bytes()

    def _run(self, name: str, words: str) -> subprocess.Popen[bytes]:
        if name in self.processes and self.processes[name].poll() is None:
            return self.processes[name]
        log = self.log if name == "caller" else self.out.with_suffix(f".{name}.log")
        command = [sys.executable, "-m", *words.split()]
        with log.open("ab") as stream:
            self.processes[name] = subprocess.Popen(command, stdout=stream, stderr=stream)
        return self.processes[name]

    def _of(self, word: str, caller: subprocess.Popen[bytes]) -> list[psutil.Process]:
        """Those processes of the grid whose command line has the word; without one, the caller."""
        if not word:
            return [psutil.Process(caller.pid)]
        found = []
        for root in self.processes.values():
            try:
                whole = psutil.Process(root.pid)
                family = [whole, *whole.children(recursive=True)]
                found += [one for one in family if word in " ".join(one.cmdline())]
            except psutil.Error:
                continue
        return found

    def _owns(self, process: psutil.Process) -> bool:
        words = " ".join(process.info["cmdline"] or ())
        return str(self.out) in words


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
