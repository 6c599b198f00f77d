"""What every part is handed: where it runs, how long it may, and the report it writes."""

from __future__ import annotations

import contextlib
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

REPORT, FAILURES = "report.md", "failures.md"


@dataclass(frozen=True)
class Setup:
    """A part's orders.

    What it tells is on disk at once, so that nothing is lost when it is ended.

    Args:
        device: ``cuda``, ``cuda:1`` … or ``cpu``.
        out: the folder of the report, for pictures and logs.
        scratch: a folder of this part alone, gone afterwards.
        small: sizes that a CPU masters in seconds.
        deadline: when it will be ended, by ``time.time``.
        urban100: the folder of Urban100, if it is here.
        mask: the file of the authors' inpainting mask, if it is here.
    """

    device: str
    out: Path
    scratch: Path
    small: bool
    deadline: float
    urban100: str = ""
    mask: str = ""

    @property
    def on_gpu(self) -> bool:
        """Whether it runs on a CUDA device."""
        return self.device.startswith("cuda")

    def left(self) -> float:
        """Seconds until the deadline."""
        return self.deadline - time.time()

    def tell(self, text: str) -> None:
        """Add a paragraph, or what belongs to the one before, to the report."""
        _append(self.scratch / REPORT, text + "\n")

    def begin(self, title: str, note: str, columns: Sequence[str]) -> None:
        """Open a table, to be filled by ``row``."""
        self.tell(f"\n### {title}\n\n{note}\n")
        self.row(columns)
        self.tell("|" + "---|" * len(columns))

    def row(self, cells: Sequence[str]) -> None:
        """A row of the table that was opened last."""
        self.tell("| " + " | ".join(cells) + " |")

    def fail(self, what: str, why: str) -> None:
        """Record something that did not work."""
        print(f"{what}: {why}", flush=True)
        _append(self.scratch / FAILURES, f"**{what}**\n\n```\n{why.strip()}\n```\n\n")

    @contextlib.contextmanager
    def attempt(self, what: str) -> Iterator[None]:
        """Record an exception with its traceback, and go on after the block."""
        try:
            yield
        except Exception:
            self.fail(what, traceback.format_exc())


def _append(file: Path, text: str) -> None:
    with file.open("a", encoding="utf-8") as stream:
        stream.write(text)
