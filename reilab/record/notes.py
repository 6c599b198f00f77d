"""Notes: what people write about a run, in ``notes.json`` of its folder."""

from __future__ import annotations

from dataclasses import dataclass

from reilab.plain import read_json, to_json
from reilab.record.folder import RunFolder, replace_text


@dataclass(frozen=True)
class Notes:
    """A remark, and whether the run is pinned: shown before others."""

    text: str = ""
    pinned: bool = False


def read_notes(folder: RunFolder) -> Notes:
    """The notes of a run, empty ones if there are none."""
    file = folder.path / "notes.json"
    return read_json(Notes, file) if file.exists() else Notes()


def write_notes(folder: RunFolder, notes: Notes) -> None:
    """Replace the notes of a run.

    Raises:
        FileNotFoundError: the run has been deleted.
    """
    replace_text(folder.path / "notes.json", to_json(notes))
