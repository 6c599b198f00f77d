"""RunFolder: a run on disk, one writer and any number of readers.

::

    config.yaml      what was asked for
    events.jsonl     what happened, one event a line, appended only
    previews/        images of the events, float16, (n, H, W, C)
    commands.jsonl   what people asked of the running job, appended only
    checkpoints/     one safetensors file per method, replaced atomically
    worker.json      the process that carries the run out; worker.log its output
"""

from __future__ import annotations

import difflib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import Path
from typing import Any

import numpy as np

from reilab.bundle import data_file
from reilab.events import Command, Control, Event
from reilab.record import codec
from reilab.record.pictures import Array, Stored

#: The folder of ``data/`` with runs to look at and to start from without training.
EXAMPLES = "examples"


@dataclass(frozen=True)
class RunFolder:
    """Paths of a run and the reading and writing of its logs."""

    path: Path

    @classmethod
    def create(cls, path: Path, config: str) -> RunFolder:
        """Make the folder with ``config.yaml`` in it.

        Raises:
            FileExistsError: the folder exists and is not empty; nothing is touched.
        """
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise FileExistsError(
                f"the output folder {path} exists already; name another with --out, resume it with "
                f"`reilab runs resume {path}`, or delete it with `reilab runs delete {path}`"
            )
        (path / "previews").mkdir(parents=True, exist_ok=True)
        (path / "checkpoints").mkdir(exist_ok=True)
        replace_text(path / "config.yaml", config)
        return cls(path)

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def config(self) -> str:
        return (self.path / "config.yaml").read_text(encoding="utf-8")

    def checkpoint(self, method: str) -> Path:
        """Where the state of ``method`` is kept."""
        return self.path / "checkpoints" / f"{method}.safetensors"

    def record(self, event: Event) -> None:
        """Append an event; its images are on disk before the line that names them."""
        stem = _preview_stem(event)

        def keep(name: str, images: Array | Stored) -> Stored:
            file = Path("previews", f"{stem}-{name}.npy")
            if isinstance(images, Stored):
                link_or_copy(images.path, self.path / file)
            else:
                _save(images, self.path / file)
            return Stored(file)

        _append(self.path / "events.jsonl", codec.to_line(codec.with_images(event, keep)))

    def send(self, message: Command | Control) -> None:
        """Ask something of the job that carries this run out."""
        _append(self.path / "commands.jsonl", codec.to_line(message))

    def events(self) -> Iterator[Event]:
        """All events so far; their images stay on disk until they are looked at."""
        yield from self.follow().poll()

    def follow(self) -> Follower:
        """A reader of the events, from the first on."""
        return Follower(self.path / "events.jsonl")

    def inbox(self) -> Follower:
        """A reader of the commands and controls that were sent since ``clear_mail``."""
        return Follower(self.path / "commands.jsonl")

    def clear_mail(self) -> None:
        """Forget what was sent to the last worker; the next one hears all that is sent after."""
        (self.path / "commands.jsonl").unlink(missing_ok=True)

    def copied_below(self, root: Path) -> RunFolder:
        """A copy of this run, whole or not at all; the run of that name if there is one."""
        copy = RunFolder(root / self.name)
        if not copy.path.exists():
            root.mkdir(parents=True, exist_ok=True)
            partial = root / f".{self.name}.partial"
            shutil.rmtree(partial, ignore_errors=True)
            shutil.copytree(self.path, partial)
            os.replace(partial, copy.path)
        return copy

    def delete(self) -> None:
        """Remove the run from disk."""
        shutil.rmtree(self.path)


@dataclass
class Follower:
    """Reads whole lines as they are appended to a log."""

    path: Path
    offset: int = field(default=0)
    lines: int = field(default=0)

    def poll(self) -> list[Any]:
        """What has been appended since the last call.

        Raises:
            ValueError: a line is damaged; names file, line, field and value.
        """
        if not self.path.exists():
            return []
        with self.path.open("rb") as stream:
            stream.seek(self.offset)
            block = stream.read()
        # What follows the last end of a line is still being written.
        *whole, rest = block.split(b"\n")
        first = self.lines + 1
        self.offset += len(block) - len(rest)
        self.lines += len(whole)
        return [self._message(line, number) for number, line in enumerate(whole, first)]

    def _message(self, line: bytes, number: int) -> Any:
        message = codec.from_line(line, f"{self.path}, line {number},")
        return codec.with_images(message, lambda _, one: Stored(self.path.parent / one.path))


def runs_root() -> Path:
    """Where runs are kept: ``REILAB_RUNS``, or ``runs`` in the current folder."""
    return Path(os.environ.get("REILAB_RUNS", "runs"))


def find_run(name: str) -> RunFolder:
    """The run at a path, or of that name below ``runs_root()`` or among the examples.

    Raises:
        FileNotFoundError: there is none; the message has the nearest name.
    """
    for path in (Path(name), runs_root() / name):
        if (path / "config.yaml").is_file():
            return RunFolder(path)
    known = {run.name: run for run in examples()}
    if name in known:
        return known[name]
    names = [run.name for run in list_runs(runs_root())] + [*known]
    near = difflib.get_close_matches(name, names, n=1)
    hint = f" Did you mean {near[0]}?" if near else " See `reilab runs list`."
    raise FileNotFoundError(f"no run {name!r} here or below {runs_root()}.{hint}")


def examples() -> list[RunFolder]:
    """The finished runs that come with the package, in order of name."""
    try:
        root = data_file(EXAMPLES)
    except FileNotFoundError:
        return []
    return sorted(list_runs(root), key=lambda run: run.name)


def list_runs(root: Path) -> list[RunFolder]:
    """The runs below ``root``, newest first."""
    if not root.is_dir():
        return []
    configs = sorted(root.glob("*/config.yaml"), key=lambda file: file.stat().st_mtime)
    return [RunFolder(config.parent) for config in reversed(configs)]


def unused(path: Path) -> Path:
    """``path``, or the first of path-2, path-3 … that does not exist."""
    names = (path.with_name(f"{path.name}-{number}") for number in count(2))
    return next(one for one in chain([path], names) if not one.exists())


def link_or_copy(source: Path, target: Path) -> None:
    """Let ``target`` hold what ``source`` holds now, which may be replaced later."""
    partial = target.with_name(f"{target.name}.partial")
    partial.unlink(missing_ok=True)
    try:
        os.link(source, partial)
    except OSError:
        # Not every file system has links.
        shutil.copyfile(source, partial)
    os.replace(partial, target)


def replace_text(path: Path, text: str) -> None:
    """Write a small file whole or not at all."""
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)


def _save(array: Array, path: Path) -> None:
    partial = path.with_name(f"{path.name}.partial")
    with partial.open("wb") as stream:
        np.save(stream, array.astype(np.float16))
    os.replace(partial, path)


def _append(path: Path, line: str) -> None:
    with path.open("a", encoding="utf-8") as stream:
        stream.write(line + "\n")


def _preview_stem(event: Event) -> str:
    method, step = getattr(event, "method", "problem"), getattr(event, "step", 0)
    return f"{method}-{step:07d}"
