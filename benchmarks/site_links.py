"""Links of a built site: each leads to a file and a place of it, and none asks another host.

python -m benchmarks.site_links site
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit

#: What a browser fetches by itself; an ``a`` waits for a click and may lead anywhere.
FETCHED = {
    ("img", "src"),
    ("script", "src"),
    ("link", "href"),
    ("iframe", "src"),
    ("source", "src"),
}
#: Relations of a ``link`` that are told, and not fetched.
TOLD = {"canonical", "prev", "next", "alternate"}


class Page(HTMLParser):
    """The names of places in a page, and the links out of it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.places: set[str] = set()
        self.links: list[tuple[str, bool]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the names and the links of an element."""
        found = {name: value or "" for name, value in attrs}
        self.places |= {found[name] for name in ("id", "name") if name in found}
        for name in ("href", "src"):
            if name in found:
                fetched = (tag, name) in FETCHED and found.get("rel") not in TOLD
                self.links.append((found[name], fetched))


def faults(folder: Path) -> Iterator[str]:
    """What is wrong with the links below a folder, a line each."""
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in folder.rglob("*.html")}
    for path, page in pages.items():
        for link, fetched in page.links:
            told = f"{path.relative_to(folder)}: {link}"
            name, place = urldefrag(link)
            parts = urlsplit(name)
            if parts.scheme or parts.netloc:
                if fetched and parts.scheme != "data":
                    yield f"{told} is fetched from elsewhere"
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            # The page that says that there is none stands in for any address.
            if path.name == "404.html":
                continue
            if not target.exists():
                yield f"{told} leads nowhere"
            elif place and target in pages and unquote(place) not in pages[target].places:
                yield f"{told} leads to no place of that page"


if __name__ == "__main__":
    found = sorted(set(faults(Path(sys.argv[1]).resolve())))
    sys.exit("\n".join(found) if found else None)
