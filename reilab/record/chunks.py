"""Chunks: a log piece by piece, with the steps of each by columns; those of a long log are kept.

They lie beside it in a file that only spares time: each says of which bytes it is, and what is not
so any more is read again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import BinaryIO
from zlib import crc32

import msgspec
import numpy as np

from reilab.disk import replacing
from reilab.record import codec
from reilab.record.steps import Block, Kind, blocks_of

#: Of the file; another one when its fields, or what they mean, change.
FORM = 1
#: So much of a log is read at a time; a single line may be longer.
CHUNK_BYTES = 2**21
#: Fewer steps that follow each other are read one by one, in the order of all methods.
FEW = 20
#: Bytes of chunks that have to be read anew before all are kept again.
WORTH = 4 * CHUNK_BYTES


@dataclass(frozen=True)
class Stretch:
    """Lines that follow each other: nothing but steps, or to be read one by one.

    Args:
        lines: how many.
        size: in bytes.
        steps: of each kind, and their rows.
    """

    lines: int
    size: int
    steps: tuple[tuple[Kind, bytes], ...] = ()

    @property
    def blocks(self) -> list[Block]:
        """The steps, by columns."""
        return [Block(kind, np.frombuffer(rows, kind.columns)) for kind, rows in self.steps]


@dataclass(frozen=True)
class Chunk:
    """Whole lines of a log: how many bytes, their CRC-32, and what they are."""

    size: int
    seal: int
    stretches: tuple[Stretch, ...]


def chunks_of(log: BinaryIO, kept: Sequence[Chunk]) -> Iterator[tuple[Chunk, bytes]]:
    """The rest of a log with its bytes; a line that is still being written is left alone.

    Args:
        log: at the end of a line.
        kept: the chunks that were here before.
    """
    for chunk in kept:
        data = log.read(chunk.size)
        if crc32(data) != chunk.seal or len(data) != chunk.size:
            log.seek(-len(data), 1)
            break
        yield chunk, data
    while data := log.read(CHUNK_BYTES):
        end = data.rfind(b"\n") + 1
        log.seek(end - len(data), 1)
        whole = data[:end] or log.readline()
        if not whole.endswith(b"\n"):
            return
        yield Chunk(len(whole), crc32(whole), tuple(_stretches_of(whole))), whole


def _stretches_of(data: bytes) -> Iterator[Stretch]:
    for are_steps, found in groupby(data.split(b"\n")[:-1], lambda one: one.startswith(codec.STEP)):
        lines = list(found)
        steps = codec.steps_of(lines) if are_steps and len(lines) >= FEW else None
        rows = tuple((one.kind, one.rows.tobytes()) for one in blocks_of(steps or ()))
        yield Stretch(len(lines), sum(map(len, lines)) + len(lines), rows)


def read_kept(file: Path) -> list[Chunk]:
    """The chunks that were kept; none if there are none, or the file is damaged."""
    with suppress(OSError, ValueError, msgspec.MsgspecError):
        seal, _, body = file.read_bytes().partition(b"\n")
        if seal == _seal(body):
            return msgspec.msgpack.decode(body, type=list[Chunk])
    return []


def keep(file: Path, chunks: Sequence[Chunk]) -> None:
    """Keep the chunks of a log from its beginning on, where the disk takes them."""
    body = msgspec.msgpack.encode(chunks)
    # Two who write at once spoil each other's at worst, which the seal tells.
    with suppress(OSError), replacing(file) as partial:
        partial.write_bytes(_seal(body) + b"\n" + body)


def _seal(body: bytes) -> bytes:
    return b"%d %08x" % (FORM, crc32(body))
