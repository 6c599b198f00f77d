"""Log: lines of JSON in a file that only grows, written by one and read by any number."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from reilab.disk import sync, writing
from reilab.events import Unread
from reilab.record import codec
from reilab.record.pictures import Stored


def append(path: Path, message: Any, durable: bool = False) -> None:
    """Write a message at the end of a log, the whole line or nothing.

    What somebody who was killed, or a power cut, has left of a last line is cut off first, and kept
    in a file that ends in ``.torn``.

    Args:
        path: the log.
        message: its images are on disk; see ``codec.to_line``.
        durable: whether the log has to outlive a power cut from then on.

    Raises:
        DiskError: the disk takes no more; the log is as it was.
    """
    line = codec.to_line(message).encode() + b"\n"
    with writing(path), path.open("a+b", buffering=0) as log:
        # Several people may send commands; who is still writing has left nothing torn.
        _hold(log)
        end = _mend(log, path)
        try:
            rest = memoryview(line)
            while rest:
                rest = rest[log.write(rest) :]
            if durable:
                os.fsync(log.fileno())
        except OSError:
            log.truncate(end)
            raise
    if durable and end == 0:
        sync(path.parent)


if sys.platform == "win32":
    import msvcrt

    def _hold(log: BinaryIO) -> None:
        # A byte that no log reaches: nobody reads what is locked.
        log.seek(2**40)
        msvcrt.locking(log.fileno(), msvcrt.LK_LOCK, 1)
else:
    import fcntl

    def _hold(log: BinaryIO) -> None:
        fcntl.flock(log, fcntl.LOCK_EX)


def _mend(log: BinaryIO, path: Path) -> int:
    """Cut off what follows the last end of a line, and keep it; where the log ends now."""
    end = log.seek(0, os.SEEK_END)
    log.seek(max(0, end - 1))
    if end == 0 or log.read(1) == b"\n":
        return end
    log.seek(0)
    torn = log.read().rpartition(b"\n")[2]
    with path.with_suffix(".torn").open("ab") as aside:
        aside.write(torn + b"\n")
    return log.truncate(end - len(torn))


@dataclass
class Follower:
    """Reads whole lines as they are appended to a log; one that it cannot read is ``Unread``."""

    path: Path
    offset: int = field(default=0)
    lines: int = field(default=0)

    def poll(self) -> list[Any]:
        """What has been appended since the last call."""
        return list(self.read())

    def read(self) -> Iterator[Any]:
        """The same, one after the other."""
        with contextlib.suppress(FileNotFoundError):
            if self.path.stat().st_size != self.offset:
                yield from self._read_on()

    def _read_on(self) -> Iterator[Any]:
        with self.path.open("rb") as stream:
            stream.seek(self.offset)
            for line in stream:
                if not line.endswith(b"\n"):
                    # It is still being written.
                    return
                self.offset += len(line)
                self.lines += 1
                yield self._message(line)

    def _message(self, line: bytes) -> Any:
        if step := codec.step_of(line):
            return step
        try:
            message = codec.from_line(line, f"{self.path}, line {self.lines},")
        except codec.NewerError as error:
            return Unread(self.lines, str(error), newer=True)
        except ValueError as error:
            return Unread(self.lines, str(error))
        return codec.with_images(message, lambda _, one: Stored(self.path.parent / one.path))
