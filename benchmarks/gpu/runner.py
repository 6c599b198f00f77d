"""Run the parts, each in a process of its own, and put their reports together.

``python -m benchmarks.gpu --out docs/results/gpu`` on a machine with a CUDA card; with ``--small
--device cpu`` it tries itself out in half a minute. Status 1 if anything did not work.
"""

from __future__ import annotations

import argparse
import importlib
import multiprocessing
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any

from benchmarks.gpu.part import FAILURES, REPORT, Setup

#: The parts in order, and how the time is shared out: what one leaves over is for those after it.
SHARES: Mapping[str, float] = MappingProxyType(
    {
        "machine": 10,
        "suite": 100,
        "steps": 100,
        "radon": 40,
        "learning": 90,
        "team": 30,
        "compiled": 110,
    }
)
TITLES = {
    "machine": "The machine",
    "suite": "Tests on the device",
    "steps": "The training step",
    "radon": "Radon transform and FBP",
    "learning": "Training",
    "team": "Several processes",
    "compiled": "The step compiled",
}
#: What the processes of a CPU are forked from has these loaded.
PRELOADED = ["benchmarks.cases", "reilab.runs.stream", "reilab.show.charts"]
#: Seconds that a part has to end in once it was asked to.
GRACE = 5.0
#: A path in it is read where the option is not given.
URBAN100 = "REILAB_URBAN100"


@dataclass(frozen=True)
class Outcome:
    """How a part ended: ``done``, or what else, and after how many seconds."""

    part: str
    ending: str
    seconds: float
    report: str
    failures: str

    @property
    def well(self) -> bool:
        """Whether it did all that it could."""
        return self.ending == "done" and not self.failures


def main(argv: Sequence[str]) -> int:
    """The status of the process: 0 if all went well."""
    given = _arguments(argv)
    out = Path(given.out)
    out.mkdir(parents=True, exist_ok=True)
    if given.small:
        # What is small is slower on several threads, and much slower on a busy machine.
        os.environ.setdefault("OMP_NUM_THREADS", "1")
    outcomes: list[Outcome] = []
    end = time.time() + 60 * given.minutes
    with tempfile.TemporaryDirectory() as scratch:
        for place, part in enumerate(given.parts):
            later = sum(SHARES[name] for name in given.parts[place:])
            seconds = (end - time.time()) * SHARES[part] / later
            folder = Path(scratch) / part
            folder.mkdir()
            setup = Setup(
                device=given.device,
                out=out.resolve(),
                scratch=folder,
                small=given.small,
                deadline=time.time() + seconds,
                urban100=given.urban100,
                mask=given.mask,
            )
            print(f"== {part}, {seconds:.0f} s at most", flush=True)
            outcomes.append(carry_out(part, setup))
            (out / "README.md").write_text(written(outcomes, given.device), encoding="utf-8")
    print(table_of(outcomes))
    return 0 if all(outcome.well for outcome in outcomes) else 1


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("--out", default="docs/results/gpu", help="Folder of the report.")
    parser.add_argument("--device", default="cuda", help="cuda, cuda:N or cpu.")
    parser.add_argument("--minutes", type=float, default=8.0, help="Time for all parts together.")
    parser.add_argument("--small", action="store_true", help="Tiny sizes, to try the program out.")
    parser.add_argument(
        "--urban100",
        default=os.environ.get(URBAN100, ""),
        help=f"Folder of Urban100's pictures, or the variable {URBAN100}.",
    )
    parser.add_argument("--mask", default="", help="File of the authors' inpainting mask.")
    parser.add_argument(
        "--parts", nargs="+", choices=tuple(SHARES), default=tuple(SHARES), help="Some of them."
    )
    return parser.parse_args(argv)


def carry_out(part: str, setup: Setup) -> Outcome:
    """Run a part in a process of its own until it ends or its time is over."""
    began = time.time()
    process = _context(setup).Process(target=perform, args=(part, setup))
    process.start()
    process.join(max(0.0, setup.left()))
    ending = "done"
    if process.is_alive():
        ending = "out of time"
        process.terminate()
        process.join(GRACE)
        if process.is_alive():
            process.kill()
            process.join()
    elif process.exitcode:
        ending = f"ended with status {process.exitcode}"
    report, failures = (_text(setup.scratch / name) for name in (REPORT, FAILURES))
    return Outcome(part, ending, time.time() - began, report, failures)


def _context(setup: Setup) -> Any:
    """How processes are made: on a GPU from nothing, as a forked one could not use the card."""
    if setup.on_gpu or "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context


def perform(part: str, setup: Setup) -> None:
    """What such a process does. The last seconds are for writing down what was found."""
    module = importlib.import_module(f"benchmarks.gpu.{part}")
    with setup.attempt(TITLES[part]):
        module.run(replace(setup, deadline=setup.deadline - GRACE))


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8") if file.exists() else ""


def table_of(outcomes: Sequence[Outcome]) -> str:
    """How each part ended, in Markdown."""
    lines = ["| part | ended | seconds | failures |", "|---|---|---|---|"]
    for one in outcomes:
        failures = "see below" if one.failures else "none"
        lines.append(f"| {TITLES[one.part]} | {one.ending} | {one.seconds:.0f} | {failures} |")
    return "\n".join(lines) + "\n"


def written(outcomes: Sequence[Outcome], device: str) -> str:
    """The whole report so far."""
    today = f"{date.today():%Y-%m-%d}"
    parts = [f"# On the device `{device}`\n\nMade by `make gpu`, {today}.\n", table_of(outcomes)]
    for one in outcomes:
        failures = f"\n### What failed\n\n{one.failures}" if one.failures else ""
        parts.append(f"## {TITLES[one.part]}\n{one.report}{failures}")
    return "\n".join(parts)
