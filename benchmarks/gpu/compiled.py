"""The step with the network compiled by torch, against its layers one after the other."""

from __future__ import annotations

import time

from benchmarks.gpu.contest import Contender, compete, contender, posed
from benchmarks.gpu.part import Setup
from benchmarks.measure import ratio

TASK = "mri"
NOTE = """The REI step of MRI, U-Net of the paper. The first step waits for the compiler, and for
each size of batch that the network sees. The ratio is to torch's layers in the same format."""
COLUMNS = [
    "engine",
    "format",
    "first step [s]",
    "ms per step",
    "eager / it",
    "memory [MB]",
    "launches",
]


def run(setup: Setup) -> None:
    """Both number formats; as a CPU takes a minute to compile, not where sizes are small."""
    if setup.small:
        setup.tell("\nLeft out where sizes are small: a CPU takes a minute to compile.\n")
        return
    setup.begin("Engines", NOTE, COLUMNS)
    for mode in ("TF32", "bfloat16"):
        with setup.attempt(f"compiled, {mode}"):
            found: dict[str, Contender] = {}
            for engine in ("eager", "compiled"):
                case, problem, shared = posed(setup, TASK, engine)
                found[engine] = contender(setup, "ours", mode, case, problem, shared)
            compete(setup, found, time.time() + min(5.0, setup.left()))
            tell(setup, found)


def tell(setup: Setup, found: dict[str, Contender]) -> None:
    """A row for each engine."""
    for engine, one in found.items():
        gain = ratio(found["eager"].seconds, one.seconds)
        memory = "" if one.megabytes is None else f"{one.megabytes:.0f}"
        cells = [engine, one.mode, f"{one.first:.1f}", f"{1000 * one.median:.2f}", f"{gain:.2f}"]
        setup.row([*cells, memory, str(one.anatomy.launches)])
