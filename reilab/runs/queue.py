"""The queue of a folder of runs: ``queue.json``, in which runs stand in line for their device.

Whoever changes it holds the lock beside it; reading needs none.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from reilab.disk import replace_text
from reilab.plain import parsed_yaml, read_json, to_json
from reilab.record.folder import RunFolder, list_runs
from reilab.runs.roster import check_free, worker_alive

#: A holder of the lock starts workers, which takes some milliseconds each.
PATIENCE_SECONDS = 30.0


@dataclass(frozen=True)
class QueueEntry:
    """A run in line.

    Args:
        run: name of its folder.
        device: what it waits for.
        limit: it starts when fewer runs than that are at work on the device.
        calls: how many workers have been called to take it.
    """

    run: str
    device: str
    limit: int
    calls: int = 0


def entries(root: Path) -> list[QueueEntry]:
    """The runs in line, the next one first."""
    try:
        return read_json(list[QueueEntry], root / "queue.json")
    except (OSError, ValueError):
        # There is none, or it is damaged: whoever stood in it may be resumed.
        return []


def position(folder: RunFolder) -> int | None:
    """The place of a run in line among those that wait for its device: 1 is the next one.

    0 once a worker has been called for it, ``None`` if it does not stand there.
    """
    line = entries(folder.path.parent)
    own = next((entry for entry in line if entry.run == folder.name), None)
    if own is None:
        return None
    ahead = [one.run for one in line if one.device == own.device and not one.calls]
    return 0 if own.calls else ahead.index(own.run) + 1


def due(root: Path) -> list[QueueEntry]:
    """The runs whose device is free, in the order of the line; nobody overtakes."""
    if not entries(root):
        return []
    busy = []
    for folder in filter(worker_alive, list_runs(root)):
        with contextlib.suppress(ValueError, OSError):
            busy.append(device_of(folder))
    found: list[QueueEntry] = []
    held: set[str] = set()
    for entry in entries(root):
        if entry.device in held or busy.count(entry.device) >= entry.limit:
            held.add(entry.device)
        else:
            busy.append(entry.device)
            found.append(entry)
    return found


def join(folder: RunFolder, limit: int) -> None:
    """Put a run at the end of the line, unless it stands there already.

    Raises:
        RuntimeError: a worker is at it already.
        ValueError: what was asked for is damaged.
    """
    root = folder.path.parent
    with locked(root):
        check_free(folder)
        line = entries(root)
        if folder.name not in [entry.run for entry in line]:
            folder.clear_mail()
            write(root, [*line, QueueEntry(folder.name, device_of(folder), limit)])


def leave(folder: RunFolder) -> bool:
    """Take a run out of the line; False if it does not stand there, or no longer does."""
    if position(folder) is None:
        return False
    with locked(folder.path.parent):
        return strike(folder)


def strike(folder: RunFolder) -> bool:
    """Like ``leave``, for a holder of the lock."""
    root = folder.path.parent
    line = entries(root)
    rest = [entry for entry in line if entry.run != folder.name]
    if len(rest) < len(line):
        write(root, rest)
    return len(rest) < len(line)


def write(root: Path, line: Sequence[QueueEntry]) -> None:
    """Write the whole line, as a holder of the lock."""
    replace_text(root / "queue.json", to_json(list(line), indent=1))


@contextmanager
def locked(root: Path) -> Iterator[None]:
    """Hold the lock of the queue.

    Raises:
        filelock.Timeout: others held it for a long time.
    """
    with FileLock(root / "queue.lock", timeout=PATIENCE_SECONDS):
        yield


def device_of(folder: RunFolder) -> str:
    """The device of a run by its full name.

    Raises:
        ValueError: what was asked for is damaged.
    """
    plain = parsed_yaml(folder.config, folder.path / "config.yaml")
    device = plain.get("device") if isinstance(plain, dict) else None
    return "cuda:0" if device == "cuda" else str(device)
