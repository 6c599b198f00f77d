"""The images of an event on disk: what is no such file is refused, and no head is trusted."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

from reilab.record.pictures import LostError, Stored


def head(shape: tuple[int, ...], descr: str = "<f2") -> bytes:
    """The head of a file of such an array, without the array."""
    file = io.BytesIO()
    told = {"descr": descr, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, told)
    return file.getvalue()


def saved(array: np.ndarray) -> bytes:
    """The file of an array."""
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def zipped() -> bytes:
    """An archive of arrays."""
    file = io.BytesIO()
    np.savez(file, images=np.zeros((1, 2, 2, 1)))
    return file.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no array at all",
        saved(np.zeros((2, 4, 4), np.float16)),
        saved(np.zeros((2, 4, 4, 2), np.float16)),
        saved(np.zeros((2, 4, 4, 1), np.uint8)),
        saved(np.array([[[[{}]]]], dtype=object)),
        saved(np.zeros((2, 4, 4, 1), np.float16))[:-1],
        # 18 GB and 75 GB, of which a kilobyte is there.
        head((4, 50_000, 50_000, 1)) + bytes(1000),
        head((4, 100_000, 100_000, 1)) + bytes(1000),
        zipped(),
    ],
)
def test_what_does_not_hold_the_images_of_a_run_is_refused(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "images.npy"
    file.write_bytes(content)
    with pytest.raises(LostError, match=r"images\.npy does not hold the images of a run: \S"):
        np.asarray(Stored(file))


def test_what_is_kept_in_half_precision_is_read_once_and_reckoned_with_in_single(
    tmp_path: Path,
) -> None:
    images = np.random.default_rng(0).random((3, 4, 5, 1)).astype(np.float16)
    np.save(tmp_path / "images.npy", images)
    stored = Stored(tmp_path / "images.npy")
    assert stored.shape == images.shape
    assert stored[2].dtype == np.float32
    np.testing.assert_array_equal(stored[2], images[2].astype(np.float32))
    assert stored[2] is stored[2]
    with pytest.raises(ValueError, match="read-only"):
        stored[2][0] = 1
