"""MATLAB 5: the arrays of numbers in a file, and nothing else of it.

SciPy's reader is not made for files of strangers, as its documentation says: numbers of a type that
does not exist end the process. Arrays of numbers are a small part of the format (MathWorks,
MAT-File Format, "Level 5 MAT-File Format").
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reilab.foreign import MOST_BYTES, UnreadableError

MATRIX, PACKED = 14, 15
#: Numpy's names of the types in which numbers are stored, and of the classes of arrays.
STORED = {1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4"}
STORED |= {9: "f8", 12: "i8", 13: "u8"}
CLASSES = {4: "U1", 6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4"}
CLASSES |= {14: "i8", 15: "u8"}
#: Flags, sides and name of an array stand within so many bytes.
HEADER_BYTES = 4096


@dataclass(frozen=True, eq=False)
class Variable:
    """What a header says of an array; ``[()]`` reads the numbers, in the type they are stored in.

    Args:
        shape: its sides; the first one counts first.
        dtype: the class of its numbers, or one without numbers for texts, cells and the like.
        elements: its parts, of which at most so many bytes are unpacked.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    elements: Callable[[int], Iterator[tuple[int, NDArray[Any]]]]

    def __getitem__(self, everything: tuple[()]) -> NDArray[Any]:
        real, *imaginary = [part for _, part in islice(self.elements(2 * MOST_BYTES), 3, None)]
        array = real + 1j * imaginary[0] if imaginary else real
        return array.reshape(self.shape, order="F")


def variables(path: Path) -> dict[str, Variable]:
    """The arrays of a file by name.

    Raises:
        ValueError: it is damaged, or of another version.
    """
    content = np.memmap(path, np.uint8, "r").data
    order = {b"IM": "<", b"MI": ">"}.get(bytes(content[126:128]), "")
    if not order:
        raise UnreadableError("is no file of MATLAB 5 or 7.3; save it with -v7")
    found: dict[str, Variable] = {}
    for kind, body in _split(content[128:], order, align=1):
        elements = partial(_elements, kind, body, order)
        header = [part for _, part in islice(elements(HEADER_BYTES), 3)]
        if len(header) == 3 and len(name := header[2].tobytes()):
            kind_of_array = int(header[0][0]) & 0xFF
            dtype = np.dtype(order + CLASSES.get(kind_of_array, "V8"))
            sides = tuple(int(side) for side in header[1])
            found[name.decode("latin1")] = Variable(sides, dtype, elements)
    return found


def _elements(kind: int, body: memoryview, order: str, most: int) -> Iterator[tuple[int, Any]]:
    """The parts of an array: flags, sides, name, and its numbers, real and imaginary."""
    if kind == PACKED:
        whole = memoryview(zlib.decompressobj().decompress(body, most))
        kind, size = struct.unpack_from(f"{order}II", whole)
        body = whole[8 : 8 + size]
    if kind != MATRIX:
        raise ValueError(f"an element is of kind {kind}, which is no array")
    for stored, held in _split(body, order, align=8):
        if stored not in STORED:
            raise ValueError(f"its numbers are of type {stored}, which there is not")
        yield stored, np.frombuffer(held, order + STORED[stored])


def _split(held: memoryview, order: str, align: int) -> Iterator[tuple[int, memoryview]]:
    """Kind and bytes of one element after the other, each of which begins at a multiple."""
    place = 0
    while place < len(held):
        kind, size = struct.unpack_from(f"{order}II", held, place)
        start = place + 8
        if small := kind >> 16:
            # Its size stands beside its kind, and its bytes where the size would be.
            kind, size, start = kind & 0xFFFF, small, place + 4
        if start + size > len(held):
            raise ValueError(f"it is cut off in an element of {size} bytes")
        yield kind, held[start : start + size]
        place = start + size + -(start + size) % align
