"""Disk: files that are there whole or not at all, and one line where nothing can be written."""

from __future__ import annotations

import errno
import io
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: What a disk says that takes no more: it is full, the share of a person is, or nobody may write.
TAKES_NO_MORE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)


class DiskError(OSError):
    """A disk takes no more; what was on it is as it was."""


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Say in one line that a disk takes no more, where that comes up while ``path`` is written.

    Raises:
        DiskError: it takes no more.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in TAKES_NO_MORE:
            raise
        raise DiskError(
            f"{path} cannot be written: {os.strerror(error.errno)}; nothing that was there before "
            "is lost. Make room, then ask again: `reilab runs resume` goes on with a run"
        ) from None


@contextmanager
def replacing(path: Path, durable: bool = False) -> Iterator[Path]:
    """A path beside ``path`` for a file or a folder that takes its place when the context ends.

    Where anything fails, ``path`` is as it was, and nothing is left beside it.

    Args:
        path: what is replaced; a folder there must be empty.
        durable: whether it has to outlive a power cut from then on.

    Raises:
        DiskError: the disk takes no more.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        with writing(path):
            _remove(partial)
            yield partial
            if durable:
                sync(partial)
            os.replace(partial, path)
            if durable:
                sync(path.parent)
    except BaseException:
        _remove(partial)
        raise


def sync(path: Path) -> None:
    """Wait until a file, or the list of what is in a folder, is on the disk itself.

    Windows opens no folders, and waits for files that may be written alone.
    """
    if sys.platform == "win32" and path.is_dir():
        return
    descriptor = os.open(path, os.O_RDWR if sys.platform == "win32" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_text(path: Path, text: str) -> None:
    """Write a small file whole or not at all.

    Raises:
        DiskError: the disk takes no more.
    """
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def replace_array(path: Path, array: NDArray[Any]) -> None:
    """Write an NPY file whole or not at all.

    Raises:
        DiskError: the disk takes no more.
    """
    # Numpy, given a file, says of a full disk neither that it is full nor which one.
    stream = io.BytesIO()
    np.save(stream, array)
    with replacing(path) as partial:
        partial.write_bytes(stream.getbuffer())


def remove(path: Path) -> None:
    """Take a file, a folder or a link away: nobody finds it any more, however long that takes."""
    # By its number, which no other one has: to a long name nothing can be added.
    gone = path.with_name(f".{path.lstat().st_ino}.gone")
    os.replace(path, gone)
    _remove(gone)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif path.exists() or path.is_symlink():
        path.unlink()
