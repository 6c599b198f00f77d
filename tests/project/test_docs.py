"""Links of the documents lead somewhere, and the log's index has every entry."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from kit import ROOT

LOG = ROOT / "docs" / "LOG.md"
DOCUMENTS = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").glob("*.md"),
    *(ROOT / "docs" / "log").glob("*.md"),
]
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)")


def anchors(path: Path) -> list[str]:
    """What links call the headings of a document, as GitHub does."""
    titles = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(path: Path) -> None:
    for name, anchor in LINK.findall(path.read_text(encoding="utf-8")):
        target = path.parent / name if name else path
        assert target.exists(), name
        assert not anchor or anchor in anchors(target), anchor


def test_the_index_of_the_log_has_every_entry_once() -> None:
    entries = [
        entry
        for path in (LOG, *(ROOT / "docs" / "log").glob("*.md"))
        for entry in re.findall(r"^### (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    index = re.findall(
        r"^\| \[(.+)\]\(\S+\) \| .+ \|$", LOG.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert len(entries) >= 90
    assert sorted(index) == sorted(entries)
