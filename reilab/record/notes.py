"""Notes: what people write about a run, in ``notes.json`` of its folder."""

from __future__ import annotations

from dataclasses import dataclass

from reilab.disk import replace_text
from reilab.plain import read_json, to_json
from reilab.record.folder import RunFolder


@dataclass(frozen=True)
class Notes:
    """A remark, whether the run is pinned (shown before others), and a name that it was given."""

    text: str = ""
    pinned: bool = False
    title: str = ""


def read_notes(folder: RunFolder) -> Notes:
    """The notes of a run, empty ones if there are none.

    Raises:
        ValueError: they are damaged.
    """
    try:
        return read_json(Notes, folder.path / "notes.json")
    except FileNotFoundError:
        return Notes()


def write_notes(folder: RunFolder, notes: Notes) -> None:
    """Replace the notes of a run.

    Raises:
        FileNotFoundError: the run has been deleted.
        ValueError: the notes that are there are damaged, and so may be what somebody wrote.
    """
    read_notes(folder)
    replace_text(folder.path / "notes.json", to_json(notes))
