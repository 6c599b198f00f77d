"""MATLAB 5, against SciPy's reader, and files that end a process which reads them with that."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import kit.data_files as make
import numpy as np
import pytest
from scipy.io import loadmat

from reilab.datasets.formats.arrays import load_array
from reilab.datasets.formats.matlab import variables
from reilab.foreign import UnreadableError

TYPES = ("f8", "f4", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "c16", "c8", "?")


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", TYPES)
def test_arrays_are_those_of_scipy(kind: str, packed: bool, tmp_path: Path) -> None:
    numbers = np.arange(60).reshape(3, 4, 5) * (1.5 + 1j if kind[0] == "c" else 1.5)
    stack = numbers.astype(kind)
    arrays = {"a": stack, "a_longer_name": stack[..., 0], "none": stack[:0], "one": stack[0, 0, 1]}
    make.save_mat(tmp_path / "a.mat", {**arrays, "text": np.array(["abc"])}, packed)
    expected, found = loadmat(tmp_path / "a.mat"), variables(tmp_path / "a.mat")
    for name in arrays:
        read = found[name][()]
        np.testing.assert_array_equal(read, expected[name])
        assert read.dtype == expected[name].dtype
        assert found[name].shape == expected[name].shape
    with pytest.raises(UnreadableError, match="holds no numbers: text has the type <U1"):
        load_array(tmp_path / "a.mat", ("text",))


def test_the_other_order_of_bytes(tmp_path: Path) -> None:
    parts = [(6, [6, 0], "I"), (5, [2, 3], "i"), (1, b"a", "b"), (9, [1, 2, 3, 4, 5, 6], "d")]
    body = b""
    for kind, numbers, letter in parts:
        held = struct.pack(f">{len(numbers)}{letter}", *numbers)
        body += struct.pack(">II", kind, len(held)) + held + bytes(-len(held) % 8)
    banner = b"MATLAB 5.0 MAT-file".ljust(124) + b"\1\0MI"
    (tmp_path / "a.mat").write_bytes(banner + struct.pack(">II", 14, len(body)) + body)
    array = load_array(tmp_path / "a.mat", ("a",))
    np.testing.assert_array_equal(array, [[1, 3, 5], [2, 4, 6]])
    np.testing.assert_array_equal(array, loadmat(tmp_path / "a.mat")["a"])


#: A word of a file with one array, what it becomes, and what is told of it; packed or not.
WRONG = {
    "a type that there is not": (10, 8, "its numbers are of type 8"),
    "a type behind the end of a table": (10, 2**15, "its numbers are of type 32768"),
    "more numbers than there are": (11, 2**31, "it is cut off in an element of 2147483648 bytes"),
    "another shape": (6, 3, "cannot reshape"),
    "a shape for gigabytes": (6, 2**30, "claims the shape 1073741824 × 9"),
    "less than none": (6, 2**32 - 9, "claims the shape -9 × 9"),
    "a cell": (2, 1, "holds no numbers"),
    "no array": (-2, 3, "which is no array"),
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", WRONG)
def test_what_no_array_can_be_is_told(name: str, packed: bool, tmp_path: Path) -> None:
    place, now, told = WRONG[name]
    make.save_mat(tmp_path / "a.mat", {"data": np.ones((9, 9))})
    content = bytearray((tmp_path / "a.mat").read_bytes())
    struct.pack_into("<I", content, 136 + 4 * place, now)
    if packed:
        body = zlib.compress(content[128:])
        content[128:] = struct.pack("<II", 15, len(body)) + body
    (tmp_path / "a.mat").write_bytes(content)
    with pytest.raises(UnreadableError, match=told) as caught:
        load_array(tmp_path / "a.mat", ("data",))
    assert "\n" not in str(caught.value)
