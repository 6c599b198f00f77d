"""The tests marked ``gpu``, and those of operators, noise, groups, losses and training."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.gpu.part import Setup

TESTS = Path(__file__).resolve().parents[2] / "tests"
#: They compute where ``REILAB_TEST_DEVICE`` says.
ANYWHERE = (
    "physics/test_physics.py",
    "test_noise.py",
    "test_groups.py",
    "methods/test_losses.py",
    "training/test_training.py",
)
LOG = "tests.txt"
NOTE = "The tests' own output is in [tests.txt](tests.txt)."


def run(setup: Setup) -> None:
    """Both kinds, as long as there is time."""
    (setup.out / LOG).write_text("", encoding="utf-8")
    setup.begin("Tests", NOTE, ["which", "result"])
    if setup.small:
        carry_out(setup, "a few tests of groups", ["test_groups.py", "-k", "shifts"])
        return
    carry_out(setup, "operators, noise, groups, losses, training", [*ANYWHERE])
    marked = [
        name
        for file in sorted(TESTS.rglob("test_*.py"))
        if (name := file.relative_to(TESTS).as_posix()) not in ANYWHERE
        and "mark.gpu" in file.read_text(encoding="utf-8")
    ]
    carry_out(setup, "others that need a GPU", [*marked, "-m", "gpu"])


def carry_out(setup: Setup, which: str, words: Sequence[str]) -> None:
    """Pytest in a process of its own; failures by name."""
    # Warnings of other versions of torch are no failures here.
    command = [sys.executable, "-m", "pytest", "-vv", "-rfE", "-W", "default", "--tb=short"]
    command += ["-p", "no:cacheprovider", "--continue-on-collection-errors"]
    if importlib.util.find_spec("xdist") and not setup.small:
        command += ["-n", "4"]
    begun = (setup.out / LOG).stat().st_size
    with (setup.out / LOG).open("a", encoding="utf-8") as log:
        process = subprocess.Popen(
            [*command, *words],
            cwd=TESTS,
            env=_environment(setup.device),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            status: int | None = process.wait(max(1.0, setup.left()))
        except subprocess.TimeoutExpired:
            process.kill()
            status = None
    told = (setup.out / LOG).read_bytes()[begun:].decode(errors="replace").splitlines()
    summary = told[-1].strip("= ") if status is not None and told else "out of time"
    setup.row([which, summary])
    if status:
        bad = [line for line in told if line.startswith(("FAILED", "ERROR"))]
        setup.fail(which, "\n".join(bad or told[-20:]))
    elif status is None:
        setup.fail(which, f"out of time; the last test was\n{told[-1] if told else 'none'}")


def _environment(device: str) -> dict[str, str]:
    root = str(TESTS.parent)
    path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    return {**os.environ, "REILAB_TEST_DEVICE": device, "PYTHONPATH": path}
