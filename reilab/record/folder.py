"""RunFolder: a run on disk, one writer and any number of readers.

::

    config.yaml      what was asked for
    events.jsonl     what happened, one event a line, appended only; what a crash or a power cut
                     has left of a last line is in events.torn, the steps of a long log by
                     columns in events.steps, which may be lost
    previews/        images of the events, float16, (n, H, W, C)
    commands.jsonl   what people asked of the running job, appended only
    checkpoints/     one safetensors file per method, replaced atomically
    worker.json      the process that carries the run out; worker.log its output
"""

from __future__ import annotations

import contextlib
import difflib
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path

import numpy as np

from reilab.bundle import data_file
from reilab.disk import remove, replace_array, replacing, writing
from reilab.events import Command, Control, Event, Stepped
from reilab.record import codec
from reilab.record.history import History, history_of
from reilab.record.log import Follower, append
from reilab.record.pictures import Array, Stored

#: The folder of ``data/`` with runs to look at and to start from without training.
EXAMPLES = "examples"


@dataclass(frozen=True)
class RunFolder:
    """Paths of a run and the reading and writing of its logs."""

    path: Path

    @classmethod
    def create(cls, path: Path, config: str) -> RunFolder:
        """Make the folder with ``config.yaml`` in it; what is there already may be empty folders.

        Raises:
            FileExistsError: there is something; nothing is touched.
            DiskError: the disk takes no more; there is no folder then.
        """
        if (path / "config.yaml").exists():
            raise FileExistsError(
                f"there is a run at {path} already; name another with --out, resume it with "
                f"`reilab runs resume {path}`, or delete it with `reilab runs delete {path}`"
            )
        if path.exists() and (not path.is_dir() or any(one.is_file() for one in path.rglob("*"))):
            raise FileExistsError(
                f"the output folder {path} holds something that is no run; name another with --out"
            )
        try:
            with writing(path):
                (path / "previews").mkdir(parents=True, exist_ok=True)
                (path / "checkpoints").mkdir(exist_ok=True)
            with replacing(path / "config.yaml", durable=True) as partial:
                partial.write_text(config, encoding="utf-8")
        except BaseException:
            # There was nothing in it before.
            shutil.rmtree(path, ignore_errors=True)
            raise
        return cls(path)

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def config(self) -> str:
        """What was asked for, as YAML.

        Raises:
            ValueError: it is no text.
        """
        file = self.path / "config.yaml"
        try:
            return file.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise ValueError(f"{file} is damaged: {error}") from error

    def checkpoint(self, method: str) -> Path:
        """Where the state of ``method`` is kept.

        Raises:
            ValueError: no method can be called that.
        """
        return self.path / "checkpoints" / f"{as_name(method)}.safetensors"

    def record(self, event: Event) -> None:
        """Append an event; its images are on disk before the line that names them.

        All but losses outlives a power cut, and so do the losses before it.

        Raises:
            DiskError: the disk takes no more; the log is as it was.
        """
        stem = _preview_stem(event)

        def keep(name: str, images: Array | Stored) -> Stored:
            file = Path("previews", as_name(f"{stem}-{name}.npy"))
            (self.path / "previews").mkdir(exist_ok=True)
            if isinstance(images, Stored):
                link_or_copy(images.path, self.path / file)
            else:
                replace_array(self.path / file, images.astype(np.float16))
            return Stored(file)

        told = codec.with_images(event, keep)
        append(self.path / "events.jsonl", told, durable=not isinstance(event, Stepped))

    def send(self, message: Command | Control) -> None:
        """Ask something of the job that carries this run out."""
        append(self.path / "commands.jsonl", message)

    def events(self) -> Iterator[Event]:
        """All events so far; their images stay on disk until they are looked at."""
        return self.follow().read()

    def history(self) -> History:
        """What all events so far come to, in a tenth of the time that it takes to read each."""
        return history_of(self.follow().batches())

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
            with replacing(copy.path) as partial:
                shutil.copytree(self.path, partial)
        return copy

    def delete(self) -> None:
        """Remove the run from disk: nobody finds it any more, however long its files take."""
        remove(self.path)


@contextlib.contextmanager
def made_whole(path: Path, config: str) -> Iterator[RunFolder]:
    """A new run that is filled in the context, and is gone where anything fails; see ``create``."""
    made = RunFolder.create(path, config)
    try:
        yield made
    except BaseException:
        made.delete()
        raise


def runs_root() -> Path:
    """Where runs are kept: ``REILAB_RUNS``, or ``runs`` in the current folder."""
    return Path(os.environ.get("REILAB_RUNS", "runs"))


def find_run(name: str) -> RunFolder:
    """The run of that name below ``runs_root()`` or among the examples; with a slash, at a path.

    Raises:
        FileNotFoundError: there is none; the message has the nearest name.
        ValueError: no run can be called that.
    """
    if os.sep not in name:
        return run_named(name, runs_root(), examples())
    if (Path(name) / "config.yaml").is_file():
        return RunFolder(Path(name))
    raise FileNotFoundError(f"no run at {name}: there is no {Path(name, 'config.yaml')}")


def run_named(name: str, root: Path, others: Iterable[RunFolder] = ()) -> RunFolder:
    """The run of that name below ``root``, or among ``others``.

    Raises:
        FileNotFoundError: there is none; the message has the nearest name.
        ValueError: no run can be called that.
    """
    if (root / as_name(name) / "config.yaml").is_file():
        return RunFolder(root / name)
    known = {run.name: run for run in others}
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, [*(run.name for run in list_runs(root)), *known], n=1)
    hint = f"Did you mean {near[0]}?" if near else "`reilab runs list` has the names."
    there = f" For the folder beside it say ./{name}." if Path(name, "config.yaml").exists() else ""
    raise FileNotFoundError(f"no run {name!r} below {root}. {hint}{there}")


def as_name(name: str) -> str:
    """``name``, if a file or a folder can be called that, and it leads nowhere else.

    Raises:
        ValueError: it is empty, has a slash or ends with a dot.
    """
    if not name or name != Path(name).name or name.endswith(".") or "\0" in name:
        raise ValueError(f"{name!r} is no name: it must have no slash and not end with a dot")
    return name


def examples() -> list[RunFolder]:
    """The finished runs that come with the package, in order of name."""
    try:
        root = data_file(EXAMPLES)
    except FileNotFoundError:
        return []
    return sorted(list_runs(root), key=lambda run: run.name)


def list_runs(root: Path) -> list[RunFolder]:
    """The runs below ``root``, newest first."""
    return [RunFolder(root / name) for name in names_of_runs(root)]


def names_of_runs(root: Path) -> list[str]:
    """What they are called."""
    found: list[tuple[float, str]] = []
    with contextlib.suppress(FileNotFoundError, NotADirectoryError), os.scandir(root) as entries:
        for entry in entries:
            # Those that begin with a dot are being made.
            with contextlib.suppress(OSError):
                if not entry.name.startswith("."):
                    config = os.stat(f"{entry.path}/config.yaml")
                    found.append((config.st_mtime, entry.name))
    return [name for _, name in sorted(found, reverse=True)]


def unused(path: Path) -> Path:
    """``path``, or the first of path-2, path-3 … that does not exist."""
    names = (path.with_name(f"{path.name}-{number}") for number in count(2))
    return next(one for one in chain([path], names) if not one.exists())


def link_or_copy(source: Path, target: Path) -> None:
    """Let ``target`` hold what ``source`` holds now, which may be replaced later."""
    with replacing(target) as partial:
        try:
            os.link(source, partial)
        except OSError:
            # Not every file system has links.
            shutil.copyfile(source, partial)


def _preview_stem(event: Event) -> str:
    method, step = getattr(event, "method", "problem"), getattr(event, "step", 0)
    return f"{method}-{step:07d}"
