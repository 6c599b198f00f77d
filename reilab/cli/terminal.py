"""Terminal: what people read. Texts of theirs and of files stand as they are; nothing is markup."""

from __future__ import annotations

import errno
import re
import sys
from collections.abc import Sequence
from functools import partial
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.progress import TextColumn
from rich.text import Text

from reilab.disk import DiskError

#: What moves the cursor, colours the terminal, turns the reading direction, or is no character.
UNSEEN = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
#: What can be done about a refusal of the system, by its number.
REMEDIES = {
    errno.EACCES: "you may not write or read there: choose another place",
    errno.EPERM: "you may not write or read there: choose another place",
    errno.EROFS: "nothing can be written there: choose another place",
    errno.ENOTDIR: "a folder is needed where a file is: choose another place",
    errno.EISDIR: "a file is needed, not a folder",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.ENOSPC: "make room and repeat the command",
    errno.EDQUOT: "make room and repeat the command",
    errno.EIO: "the disk fails: save what is on it",
}
#: Those that are no matter of what was asked for.
TROUBLE = (errno.ENOSPC, errno.EDQUOT, errno.EIO)
LONGEST = 2000


class _Plain(Console):
    """Shows each character that cannot be seen as Python writes it."""

    def render_str(self, text: str, **look: Any) -> Text:
        return super().render_str(visible(text), **look)


#: Words beside a bar of progress.
words = partial(TextColumn, markup=False)


def console(stderr: bool = False) -> Console:
    """Where to print; colours come from styles, never from what a text says."""
    return _Plain(stderr=stderr, markup=False, emoji=False, highlight=False)


def visible(text: str) -> str:
    """The text with what cannot be seen, ends of lines apart, written out."""
    return UNSEEN.sub(lambda found: ascii(found[0])[1:-1], text)


def tell(error: BaseException) -> int:
    """Print an error as one line; returns the exit status.

    2 for what can be asked for in another way, 1 for trouble of the machine and faults of reilab.
    """
    line = " ".join(words_of(error).split())
    if len(line) > LONGEST:
        line = f"{line[:LONGEST]}…"
    told = Text.assemble(("error:", "bold red"), " ", visible(line))
    console(stderr=True).print(told, soft_wrap=True)
    known = isinstance(error, ValueError | OSError | RuntimeError)
    trouble = isinstance(error, DiskError) or getattr(error, "errno", None) in TROUBLE
    return 2 if known and not trouble else 1


def words_of(error: BaseException) -> str:
    """What went wrong, in words that name the file and what to do."""
    if isinstance(error, OSError) and error.strerror:
        file = f"{error.filename}: " if error.filename else ""
        remedy = REMEDIES.get(error.errno or 0)
        return f"{file}{error.strerror.lower()}{f'; {remedy}' if remedy else ''}"
    if isinstance(error, ValueError | OSError | RuntimeError) and str(error):
        return str(error)
    if isinstance(error, MemoryError):
        return f"there is too little memory for this: {error or 'choose something smaller'}"
    return (
        f"{type(error).__name__}: {error}. reilab has not foreseen this: "
        "please report it with what the same command prints with --debug"
    )


def print_columns(rows: Sequence[Sequence[str]]) -> None:
    """Print texts in columns; a table of rich takes seconds where there are thousands."""
    shown = [[cell if cell.isprintable() else visible(cell) for cell in row] for row in rows]
    lengths = [[len(cell) if cell.isascii() else cell_len(cell) for cell in row] for row in shown]
    widths = [max(column) for column in zip(*lengths, strict=True)]
    for row, own in zip(shown, lengths, strict=True):
        parts = zip(row, widths, own, strict=True)
        print("".join(f"{cell}{' ' * (width - n + 2)}" for cell, width, n in parts).rstrip())


def ask(question: str) -> bool:
    """Whether somebody at the terminal agrees.

    Raises:
        ValueError: nobody is there to be asked.
    """
    if not sys.stdin.isatty():
        raise ValueError("nobody can be asked here, without a terminal; --yes says it beforehand")
    return input(f"{visible(question)} [y/N] ").lower() == "y"
