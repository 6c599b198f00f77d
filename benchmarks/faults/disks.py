"""Disks that take no more: runs on them end in one line, leave nothing half made, and go on later.

Where this process may mount one, the root is a disk in memory of some megabytes, or one that is
read-only; beside that, no file may be longer than so many bytes. Then there is room again, and the
run has to come to the digits of one that nothing befell.
"""

from __future__ import annotations

import contextlib
import random
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

from benchmarks.faults import Attack
from benchmarks.faults.states import Digits, config, digits
from reilab.disk import DiskError
from reilab.record.folder import RunFolder, list_runs
from reilab.record.history import history_of
from reilab.runs import jobs
from reilab.runs.execute import execute

SUBJECT = "disks that take no more"
COUNT = 30
#: What a run of ``config`` takes on disk, and its longest file, about.
RUN_BYTES, FILE_BYTES = 6_000_000, 2_000_000
ROOM_BYTES = 10 * RUN_BYTES


def attacks(rng: random.Random, count: int, scratch: Path) -> Iterator[Attack]:
    """Of all kinds that there are on this machine, in turn."""
    whole = RunFolder.create(scratch / "whole" / "run", config().to_yaml())
    execute(whole)
    expected = digits(whole)
    kinds = ["long file", *(["full", "read-only"] if can_mount(scratch / "try") else [])]
    for number in range(count):
        kind, root = kinds[number % len(kinds)], scratch / f"{number}"
        size = rng.randrange(4096, FILE_BYTES if kind == "long file" else RUN_BYTES)

        def strike(kind: str = kind, size: int = size, root: Path = root) -> str | None:
            root.mkdir()
            if kind == "long file":
                return befall(root, expected, longest(size))
            with mounted(root, size if kind == "full" else ROOM_BYTES):
                trouble = read_only(root, begun=size % 2 == 0) if kind == "read-only" else None
                return befall(root, expected, trouble or contextlib.nullcontext())

        yield Attack(f"{number}: {kind}, {size}", strike)


def befall(
    root: Path, expected: Digits, trouble: contextlib.AbstractContextManager[object]
) -> str | None:
    """Train on a disk until it takes no more, and go on when there is room.

    Args:
        root: where the run is, on a disk of its own or not.
        expected: the digits to come to.
        trouble: what is wrong with the disk meanwhile.
    """
    path, told = root / "run", ""
    try:
        with trouble:
            train(path)
    except DiskError as error:
        told = str(error)
    if "\n" in told or (told and "cannot be written" not in told):
        return f"not one line that says what is full: {told}"
    left = [str(file) for file in root.rglob("*") if file.name.endswith((".partial", ".tmp"))]
    if left or (path.exists() and not list_runs(root)):
        return f"left half made: {left or path}"
    if root.is_mount():
        remount(root, f"rw,size={ROOM_BYTES}")
    folder = train(path)
    if history_of(folder.events()).unread:
        return "the log is damaged"
    return None if digits(folder) == expected else "it went on to other digits"


def train(path: Path) -> RunFolder:
    """Begin a run, or go on with it, to its end."""
    there = (path / "config.yaml").exists()
    folder = RunFolder(path) if there else RunFolder.create(path, config().to_yaml())
    if not history_of(folder.events()).finished:
        with jobs.at_work(folder):
            execute(folder)
    return folder


@contextlib.contextmanager
def read_only(root: Path, begun: bool) -> Iterator[None]:
    """Nothing can be written below ``root``, where there may be a run to go on with."""
    if begun:
        RunFolder.create(root / "run", config().to_yaml())
    remount(root, "ro")
    yield


@contextlib.contextmanager
def longest(n_bytes: int) -> Iterator[None]:
    """No file that this process writes gets longer than that."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextlib.contextmanager
def mounted(root: Path, n_bytes: int) -> Iterator[None]:
    """A disk in memory at ``root``."""
    options = ["-t", "tmpfs", "-o", f"size={n_bytes}", "tmpfs", str(root)]
    subprocess.run(["mount", *options], check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(root)], check=True)


def can_mount(root: Path) -> bool:
    """Whether this process may mount a disk in memory."""
    root.mkdir()
    with contextlib.suppress(OSError, subprocess.CalledProcessError), mounted(root, 4096):
        return True
    return False


def remount(root: Path, options: str) -> None:
    """Change what a disk takes."""
    subprocess.run(["mount", "-o", f"remount,{options}", str(root)], check=True)
