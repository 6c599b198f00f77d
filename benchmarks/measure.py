"""How things are measured: in turns, as medians, and memory in a process of its own."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
import torch
from torch.profiler import ProfilerActivity, profile

Action = Callable[[], object]


@dataclass(frozen=True)
class Table:
    """What a benchmark found, to be printed and kept."""

    title: str
    note: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        lines = [
            "| " + " | ".join(self.columns) + " |",
            "|" + "---|" * len(self.columns),
            *("| " + " | ".join(row) + " |" for row in self.rows),
        ]
        return f"## {self.title}\n\n{self.note}\n\n" + "\n".join(lines) + "\n"


def in_turns(actions: Mapping[str, Action], rounds: int) -> dict[str, list[float]]:
    """Seconds of each action, A B C A B C …, after one round that does not count.

    In turns, because the speed of a shared machine drifts: ratios within a round hold.
    """
    for action in actions.values():
        action()
    seconds: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(rounds):
        for name, action in actions.items():
            began = time.perf_counter()
            action()
            synchronize()
            seconds[name].append(time.perf_counter() - began)
    return seconds


def synchronize() -> None:
    """Wait for the GPU, where there is one."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def ratio(slow: Sequence[float], fast: Sequence[float]) -> float:
    """How many times as long, as the median over rounds."""
    return statistics.median(a / b for a, b in zip(slow, fast, strict=True))


def n_dispatched(action: Action) -> int:
    """Operations that the host dispatches: what a GPU feels as launches."""
    action()
    with profile(activities=[ProfilerActivity.CPU]) as recorded:
        action()
    return sum(
        event.name.startswith("aten::")
        and not (event.cpu_parent and event.cpu_parent.name.startswith("aten::"))
        for event in recorded.events() or ()
    )


def peak_megabytes(module: str, *words: str) -> float:
    """Peak memory of ``module``'s ``main(*words)`` over that of an idle process, in a new one.

    ``module.prepare(*words)`` builds the action; what it builds is counted, what the building
    needs in passing is not. Linux only: the high-water mark is read from /proc.
    """
    code = (
        "import importlib, json, sys\n"
        "from benchmarks.measure import high_water, reset_high_water, resident\n"
        f"module = importlib.import_module({module!r})\n"
        "idle = resident()\n"
        "action = module.prepare(*sys.argv[1:])\n"
        "reset_high_water()\n"
        "action()\n"
        "print(json.dumps((high_water() - idle) / 2**20))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": os.getcwd()},
    )
    return float(json.loads(done.stdout.splitlines()[-1]))


def resident() -> int:
    """Bytes of this process in memory."""
    return int(psutil.Process().memory_info().rss)


def reset_high_water() -> None:
    """Let the high-water mark start from here."""
    Path("/proc/self/clear_refs").write_text("5")


def high_water() -> int:
    """The most bytes that this process has had in memory since the mark was reset."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def machine() -> str:
    """What this runs on, in a line."""
    told = Path("/proc/cpuinfo")
    names = [
        line.partition(":")[2].strip()
        for line in (told.read_text() if told.exists() else "").splitlines()
        if line.startswith("model name")
    ]
    gpu = (
        f", {torch.cuda.get_device_name()} (for the loader)"
        if torch.cuda.is_available()
        else ", no GPU"
    )
    cpu = names[0] if names else platform.processor()
    return f"{cpu}, {torch.get_num_threads()} threads{gpu}, torch {torch.__version__}"
