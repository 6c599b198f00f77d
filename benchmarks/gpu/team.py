"""Processes that train as one: through Lightning Fabric alone, through gloo two on one card."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

from benchmarks.gpu.part import Setup
from benchmarks.gpu.worker import N_STEPS, losses
from reilab.training.team import ALONE

NOTE = f"""{N_STEPS} steps of REI on MRI (`smoke`, no normalisation, batch 2), by processes
started as `torchrun` starts them. The gap is the largest difference of the objective from that of
one process without a team, over its maximum. On a GPU the order of additions changes from run to
run."""
#: By how much the objective may differ: on a GPU the gradient is not added up in order.
ALLOWED = 2e-3


def run(setup: Setup) -> None:
    """One process of a team of one, then two of two."""
    setup.begin("Teams", NOTE, ["processes", "joined by", "gap", "allowed"])
    expected = losses(setup.device, ALONE)
    for backend, count in (("fabric", 1), ("gloo", 2)):
        with setup.attempt(f"{count} by {backend}"):
            found = launched(setup, backend, count)
            largest = max(map(abs, expected))
            gap = max(abs(a - b) for a, b in zip(found, expected, strict=True)) / largest
            setup.row([str(count), backend, f"{gap:.1e}", f"{ALLOWED:g}"])
            if not gap <= ALLOWED:
                setup.fail(f"{count} by {backend}", f"{found}\ninstead of\n{expected}")


def launched(setup: Setup, backend: str, count: int) -> list[float]:
    """The objective at each step as process 0 saw it."""
    file, log = (setup.scratch / f"{backend}.{ending}" for ending in ("json", "log"))
    command = [sys.executable, "-m", "benchmarks.gpu.worker", setup.device, backend, str(file)]
    port = free_port()
    with log.open("w", encoding="utf-8") as stream:
        team = [
            subprocess.Popen(
                command, env=surroundings(rank, count, port), stdout=stream, stderr=stream
            )
            for rank in range(count)
        ]
        try:
            statuses = [process.wait(max(1.0, setup.left())) for process in team]
        except subprocess.TimeoutExpired:
            statuses = []
        finally:
            for process in team:
                process.kill()
    told = log.read_text(encoding="utf-8", errors="replace")[-4000:]
    if not statuses:
        raise TimeoutError(f"out of time\n{told}")
    if any(statuses):
        raise RuntimeError(f"status {statuses}\n{told}")
    found: list[float] = json.loads(file.read_text())
    return found


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def surroundings(rank: int, count: int, port: int) -> dict[str, str]:
    """The variables that ``torchrun`` sets on one machine."""
    root = str(Path(__file__).resolve().parents[2])
    numbers = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count}
    return {
        **os.environ,
        **{name: str(number) for name, number in numbers.items()},
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "PYTHONPATH": os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")])),
    }
