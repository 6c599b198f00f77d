"""Notes: what people write about a run, in ``notes.json`` of its folder."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from reilab.record.folder import RunFolder, replace_text


@dataclass(frozen=True)
class Notes:
    """A remark, and whether the run is pinned: shown before others."""

    text: str = ""
    pinned: bool = False


def read_notes(folder: RunFolder) -> Notes:
    """The notes of a run, empty ones if there are none."""
    file = folder.path / "notes.json"
    return Notes(**json.loads(file.read_text(encoding="utf-8"))) if file.exists() else Notes()


def write_notes(folder: RunFolder, notes: Notes) -> None:
    """Replace the notes of a run.

    Raises:
        FileNotFoundError: the run has been deleted.
    """
    replace_text(folder.path / "notes.json", json.dumps(asdict(notes), ensure_ascii=False))
