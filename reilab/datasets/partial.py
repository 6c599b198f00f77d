"""A cache while it is being made: images are appended, and a journal tells which files are done.

Whatever ends the process, the images of the files in the journal are whole; going on cuts off what
was written after them.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reilab.datasets.arrayfile import HEADER, header_of
from reilab.datasets.cache import SPLITS, IndexEntry, raw_bytes


@dataclass(frozen=True)
class JournalLine:
    """A source file that is done: its name, size and time, its images, and what was the matter."""

    source: str
    stamp: tuple[int, int]
    images: Mapping[str, tuple[IndexEntry, ...]]
    failed: str = ""
    left_out: str = ""


@dataclass(frozen=True)
class Partial:
    """The folder of a half-made cache, for images of one shape (C, S, S)."""

    folder: Path
    shape: tuple[int, int, int]

    @property
    def journal(self) -> Path:
        return self.folder / "journal.jsonl"

    def begin(
        self, plan: Mapping[str, Any], stamps: Mapping[str, tuple[int, int]]
    ) -> list[JournalLine]:
        """Go on where an interrupted preparation with the same plan stands, or start anew.

        Args:
            plan: what is being made.
            stamps: the files in the order in which they will be done.
        """
        text = json.dumps(plan, sort_keys=True)
        done = self._done(text)
        order = list(stamps.items())[: len(done)]
        if order != [(line.source, line.stamp) for line in done] or not self._cut(done):
            done = []
        if not done:
            self.discard()
            self.folder.mkdir(parents=True)
            for split in SPLITS:
                # Room for the header, which tells how many images there are in the end.
                (self.folder / f"{split}.npy").write_bytes(bytes(HEADER))
            (self.folder / "plan.json").write_text(text, encoding="utf-8")
        self.journal.write_text("".join(_written(line) for line in done), encoding="utf-8")
        return done

    def add(self, line: JournalLine, images: Mapping[str, Sequence[NDArray[np.int16]]]) -> None:
        """Append the images of a file, then the line that says so."""
        for split, new in images.items():
            with (self.folder / f"{split}.npy").open("ab") as file:
                for image in new:
                    file.write(raw_bytes(image))
        with self.journal.open("a", encoding="utf-8") as file:
            file.write(_written(line))

    def finish(self, counts: Mapping[str, int]) -> None:
        """Write the headers, so that the arrays can be read, and leave nothing but them."""
        for split, count in counts.items():
            if not count:
                (self.folder / f"{split}.npy").unlink()
                continue
            with (self.folder / f"{split}.npy").open("r+b") as file:
                file.write(header_of((count, *self.shape)))
        self.journal.unlink()
        (self.folder / "plan.json").unlink()

    def discard(self) -> None:
        """Leave nothing."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _done(self, plan: str) -> list[JournalLine]:
        """The lines of the journal, of which the last may be torn, if it is of this plan."""
        try:
            if (self.folder / "plan.json").read_text(encoding="utf-8") != plan:
                return []
            written = self.journal.read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        return [_read(line) for line in written.splitlines(keepends=True) if line.endswith("\n")]

    def _cut(self, done: Sequence[JournalLine]) -> bool:
        """Cut off images that no line tells of; false if some are missing."""
        for split in SPLITS:
            path = self.folder / f"{split}.npy"
            count = sum(len(line.images[split]) for line in done)
            size = HEADER + count * int(np.prod(self.shape)) * np.dtype(np.int16).itemsize
            if not path.is_file() or path.stat().st_size < size:
                return False
            with path.open("r+b") as file:
                file.truncate(size)
        return True


def _written(line: JournalLine) -> str:
    return json.dumps(asdict(line)) + "\n"


def _read(text: str) -> JournalLine:
    plain = json.loads(text)
    size, time = plain["stamp"]
    images = {s: tuple(IndexEntry(**entry) for entry in plain["images"].get(s, ())) for s in SPLITS}
    return JournalLine(plain["source"], (size, time), images, plain["failed"], plain["left_out"])
