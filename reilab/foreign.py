"""The door for foreign bytes: what every file of a stranger passes before a parser sees it.

Only regular files are opened; what a header claims is compared with one bound before room is made
for it; and whatever a parser says about the rest becomes one line. Nothing in a file is ever run.
"""

from __future__ import annotations

import math
import stat
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PureWindowsPath

#: What a file, or one thing in it, may take in memory once it is unpacked: 1 GiB.
MOST_BYTES = 2**30
#: Numbers are worked on as such.
FLOAT32 = 4
#: What a path leads to that is no file, by the letter that ``ls -l`` shows.
ELSE = {"d": "a folder", "p": "a pipe", "c": "a device", "b": "a device", "s": "a socket"}


class UnreadableError(ValueError):
    """A file cannot be used; the message is one line without the name of the file."""


class WithoutTruthError(Exception):
    """A file is in order but holds measurements only; the message is one line."""


@contextmanager
def reading(path: Path, kind: str) -> Iterator[None]:
    """The door: see that a path leads to a file, and make one line of what is wrong inside.

    The file is foreign: a parser may raise anything about it, and warns of much that is harmless.

    Raises:
        UnreadableError: no regular file, or instead of what was raised inside.
    """
    check_regular(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (UnreadableError, WithoutTruthError):
        raise
    except MemoryError:
        raise UnreadableError("asks for more memory than there is") from None
    except Exception as error:
        words = " ".join(str(error).split()) or type(error).__name__
        short = words if len(words) <= 160 else f"{words[:157]}..."
        raise UnreadableError(f"cannot be read as {kind}: {short}") from error


def check_regular(path: Path) -> None:
    """See that a path leads to a file; who opens a pipe waits for its other end.

    Raises:
        UnreadableError: it leads to nothing, or to something else.
    """
    try:
        letter = stat.filemode(path.stat().st_mode)[0]
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UnreadableError(f"cannot be opened: {reason}") from error
    if letter != "-":
        raise UnreadableError(f"is {ELSE.get(letter, 'something else')}, not a file")


def stays_in(folder: Path, path: Path) -> bool:
    """Whether a path is no link, or one that leads below a folder, which is resolved."""
    try:
        return not path.is_symlink() or path.resolve().is_relative_to(folder)
    except OSError:  # it leads to what nobody may see
        return False


def check_shape(shape: Sequence[int], item_bytes: int = FLOAT32) -> None:
    """Refuse an array before room is made for it.

    Raises:
        UnreadableError: it would take more than ``MOST_BYTES``, or is no shape at all.
    """
    extents = [int(extent) for extent in shape]
    if min(extents, default=0) < 0 or math.prod(extents) * max(item_bytes, FLOAT32) > MOST_BYTES:
        raise UnreadableError(f"claims the shape {told(extents)}, {too_much()}")


def check_archive(path: Path) -> None:
    """Refuse a zip file with an entry that is too large, or whose name leads out of a folder.

    Raises:
        UnreadableError: see above; the message names the entry.
    """
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            entry = PureWindowsPath(info.filename)  # takes both kinds of slashes
            if entry.drive or entry.root or ".." in entry.parts:
                raise UnreadableError(
                    f"holds an entry named {info.filename!r}, which points out of the archive"
                )
            if info.file_size > MOST_BYTES:
                raise UnreadableError(f"claims {info.file_size} bytes of {entry}, {too_much()}")


def told(shape: Sequence[int]) -> str:
    """A shape in words: ``640 × 368``."""
    return " × ".join(str(extent) for extent in shape) or "()"


def too_much() -> str:
    """The end of a sentence about what a file unpacks to."""
    return f"more than the {MOST_BYTES / 2**30:g} GiB that one file may hold unpacked; divide it"
