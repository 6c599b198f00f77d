"""Command lines that make no sense: each ends with one line that says so, and makes nothing."""

from __future__ import annotations

import io
import os
import random
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, chdir, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from unittest import mock

import numpy as np

from benchmarks.faults import Attack
from reilab.cli.main import DATA, REILAB, RUNS, main
from reilab.record.folder import RunFolder
from reilab.runs.config import configure
from reilab.tasks.registry import tasks

SUBJECT = "command lines"
COUNT = 300
#: Texts that are no number, no name and no file of anything.
TEXTS = (
    *("", " ", "x", "[/b]", "[bold]x", ":smile:", "nan", "-inf", "--", "-", "~", "=", "'", '"'),
    *("\x1b[31mred", "a\nb", "\r\n", "\t", "\x07", "\u202ex", "\udcff", "é" * 300, "9" * 400),
    *("../../etc/passwd", "/proc/self/mem", "/dev/null/x", "$(id)", "{x}", "%s", "None", "1e999"),
    *("-1", "1e-400", "0x10", "1,5", "1_0_", "∞", "🙂", "A" * 5000, "/" * 300, "C:\\x", "file://x"),
)
#: Where a path is asked for: places where nothing can be made or read.
PLACES = ("/proc", "/dev/null/x", "/" + "a" * 300, "a-file/x", "a-file", "/sys/x", "folder-of-junk")
#: Numbers that may be numbers of something.
NUMBERS = ("-1", "-99999999", "9" * 30, "1e308", "-0.0001", "nan", "inf", "0")
FLAG = re.compile(r"(?<![\w-])(--[a-z][a-z-]*)[ ]([A-Z{][^ ]*)?")
UNFORESEEN = "has not foreseen"


class _ReachedError(BaseException):
    """A command line that makes sense after all: it would begin its work now."""


@dataclass(frozen=True)
class _Scene:
    """A folder with a run, a file, and a folder of what is no image."""

    place: Path

    @classmethod
    def of(cls, scratch: Path) -> _Scene:
        (scratch / "folder-of-junk").mkdir()
        (scratch / "folder-of-junk" / "a [red].png").write_bytes(b"no picture")
        (scratch / "a-file").write_text("text")
        np.save(scratch / "numbers.npy", np.full((3, 3), np.nan))
        config = configure("mri", "smoke", ["rei"]).to_yaml()
        RunFolder.create(scratch / "runs" / "[bold]run", config)
        (scratch / "data").mkdir()
        return cls(scratch)

    def files(self) -> dict[Path, float]:
        return {path: path.stat().st_mtime for path in sorted(self.place.rglob("*"))}

    def strike(self, words: Sequence[str]) -> str | None:
        """Give a command line; what is wrong with how it ends."""
        before, out, err = self.files(), io.StringIO(), io.StringIO()
        status: object = 0
        with ExitStack() as stack:
            stack.enter_context(chdir(self.place))
            stack.enter_context(_without_work())
            stack.enter_context(mock.patch.dict(os.environ, _ROOTS, COLUMNS="100"))
            stack.enter_context(redirect_stdout(out))
            stack.enter_context(redirect_stderr(err))
            try:
                main(words)
            except _ReachedError:
                return None
            except SystemExit as end:
                status = end.code
        if self.files() != before:
            return "something was made or changed"
        return _wrong(status, out.getvalue(), err.getvalue())


_ROOTS = {"REILAB_RUNS": "runs", "REILAB_DATA": "data"}


def _wrong(status: object, out: str, err: str) -> str | None:
    if status == 0:
        return None if "usage" in out or out.startswith(("+", "┏", "Data")) else f"passes: {out!r}"
    told = err.splitlines()
    if status not in (1, 2):
        return f"status {status}"
    if "Traceback" in err or UNFORESEEN in err or "\x1b" in err:
        return err
    errors = [line for line in told if line.startswith("error: ")]
    # What is unreadable is told file by file; a warning of a library may come before.
    if len(errors) != 1 and out == "":
        return f"not one line: {told!r}"
    return None


def _without_work() -> ExitStack:
    """Nothing is trained, served or deleted, however much sense a line makes."""
    stack = ExitStack()
    work = ("train.try_out", "runs.carry_out", "reproduce._alone", "runs.jobs.delete")
    for name in (*work, "data.prepare", "app.serve"):
        stack.enter_context(mock.patch(f"reilab.cli.{name}", side_effect=_ReachedError))
    stack.enter_context(mock.patch.object(RunFolder, "create", side_effect=_ReachedError))
    return stack


@cache
def _flags(command: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """The options of a command and what each takes, from its help."""
    told = io.StringIO()
    wide = mock.patch.dict(os.environ, COLUMNS="200")
    with redirect_stdout(told), wide, suppress(SystemExit):
        main([*command, "--help"])
    found = dict(FLAG.findall(told.getvalue()))
    return tuple((flag, kind) for flag, kind in found.items() if flag != "--help")


def _commands() -> list[tuple[str, ...]]:
    levels = {"runs": RUNS, "data": DATA}
    plain = [(name,) for name in REILAB.names() if name not in (*levels, *_OF_TASK)]
    of_task = [(name, task) for name in _OF_TASK for task in tasks()]
    below = [(name, one) for name, level in levels.items() for one in level.names()]
    return [*plain, *of_task, *(one for one in below if one != ("data", "prepare")), _PREPARE]


_OF_TASK = ("compare", "train", "evaluate", "reconstruct")
_PREPARE = ("data", "prepare", "mine")
#: Words that a command needs before its options are looked at.
_NEEDS = {"fork": ("x", "--step", "1"), "thin": ("x", "--out", "y"), "reproduce": ("--out", "g")}


def attacks(rng: random.Random, count: int, scratch: Path) -> Iterator[Attack]:
    """Unknown words, bad values for every option, places where nothing can be."""
    scene, commands = _Scene.of(scratch), _commands()
    kinds = (_unknown_word, _bad_value, _bad_value, _bad_place, _too_many, _no_value)
    for index in range(count):
        # One command after the other, so that none is left out.
        words = kinds[rng.randrange(len(kinds))](rng, commands[index % len(commands)])
        yield Attack(f"reilab {' '.join(map(ascii, words))}", partial(scene.strike, words))


def _unknown_word(rng: random.Random, command: tuple[str, ...]) -> list[str]:
    words = [*command[: rng.randrange(len(command) + 1)], rng.choice(TEXTS)]
    return [*words, *rng.sample(TEXTS, rng.randrange(3))]


def _bad_value(rng: random.Random, command: tuple[str, ...]) -> list[str]:
    flags = _flags(command)
    if not flags:
        return _too_many(rng, command)
    flag, kind = rng.choice(flags)
    value = rng.choice(NUMBERS if kind in ("INT", "FLOAT") and rng.random() < 0.5 else TEXTS)
    needed = [] if flag in _NEEDS.get(command[-1], ()) else [*_NEEDS.get(command[-1], ())]
    pair = [f"{flag}={value}"] if rng.random() < 0.3 else [flag, value]
    return [*command, *needed, *pair]


def _bad_place(rng: random.Random, command: tuple[str, ...]) -> list[str]:
    paths = [flag for flag, kind in _flags(command) if "PATH" in kind]
    paths += [
        flag for flag in ("--data", "--measured", "--checkpoint", "--from") if len(command) > 1
    ]
    flag = rng.choice(paths or ["--out"])
    return [*command, flag, rng.choice((*PLACES, "numbers.npy", *TEXTS))]


def _too_many(rng: random.Random, command: tuple[str, ...]) -> list[str]:
    return [*command, *rng.sample(TEXTS, 3), rng.choice(TEXTS)]


def _no_value(rng: random.Random, command: tuple[str, ...]) -> list[str]:
    flags = _flags(command)
    return [*command, rng.choice(flags)[0]] if flags else [*command, "--no-such"]
