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
from reilab.record import chunks, codec
from reilab.record.chunks import Chunk
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

    @property
    def at_end(self) -> bool:
        """Whether all that stands in the log now has been read."""
        return self.path.exists() and self.path.stat().st_size == self.offset

    def poll(self) -> list[Any]:
        """What has been appended since the last call."""
        return list(self.read())

    def read(self) -> Iterator[Any]:
        """The same, one after the other."""
        for stream in self._opened():
            for line in stream:
                if not line.endswith(b"\n"):
                    # It is still being written.
                    return
                yield self._message(line)

    def batches(self) -> Iterator[Any]:
        """The same, with many steps that follow each other as blocks of each method.

        Those of a long log are kept beside it, in a file that may be lost.
        """
        kept_at, from_start = self.path.with_suffix(".steps"), self.offset == 0
        for stream in self._opened():
            kept = chunks.read_kept(kept_at) if from_start else []
            found = list[Chunk]()
            for chunk, data in chunks.chunks_of(stream, kept):
                found.append(chunk)
                yield from self._told(chunk, data)
            known = set(map(id, kept))
            if from_start and sum(c.size for c in found if id(c) not in known) >= chunks.WORTH:
                chunks.keep(kept_at, found)

    def _told(self, chunk: Chunk, data: bytes) -> Iterator[Any]:
        start = self.offset
        for stretch in chunk.stretches:
            if stretch.steps:
                self.offset += stretch.size
                self.lines += stretch.lines
                yield from stretch.blocks
            else:
                place = self.offset - start
                own = data[place : place + stretch.size]
                for line in own.split(b"\n")[:-1]:
                    yield self._message(line + b"\n")

    def _opened(self) -> Iterator[BinaryIO]:
        """The log where it is read on, if there is more of it."""
        with contextlib.suppress(FileNotFoundError):
            if not self.at_end:
                with self.path.open("rb") as stream:
                    stream.seek(self.offset)
                    yield stream

    def _message(self, line: bytes) -> Any:
        self.offset += len(line)
        self.lines += 1
        if steps := codec.steps_of([line.rstrip()]):
            return steps[0]
        try:
            message = codec.from_line(line, f"{self.path}, line {self.lines},")
        except codec.NewerError as error:
            return Unread(self.lines, str(error), newer=True)
        except ValueError as error:
            return Unread(self.lines, str(error))
        return codec.with_images(message, lambda _, one: Stored(self.path.parent / one.path))
