"""What people and files say is text, in the report and in both faces of the lab."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from unittest.mock import Mock

import panel as pn
import pytest
from kit.browsers import IN_A_BROWSER
from kit.lab_runs import write_run
from kit.lab_site import Site, opened, served

from reilab.events import Failed
from reilab.lab.bulletin import Bulletin
from reilab.lab.content import SummaryRow
from reilab.lab.markup import (
    awaited_html,
    example_html,
    head_html,
    list_html,
    measured_html,
    news_html,
    notice_html,
)
from reilab.lab.notebook.elements import table_html
from reilab.record.folder import RunFolder
from reilab.record.history import history_of
from reilab.record.notes import Notes, write_notes
from reilab.runs import jobs
from reilab.runs.library import Library
from reilab.runs.report import report_html
from reilab.show.results import results
from reilab.show.scene import Shot, scene_of

IMAGE = "<img src=x onerror=window.hit=1>"
EVIL = f"{IMAGE}</script></div><script>window.hit=1</script>"


def write_evil(root: Path) -> RunFolder:
    """A run whose name, notes, error and titles are all of them markup."""
    run = write_run(root, f"a{IMAGE}", ("rei",), finished=False)
    write_notes(run, Notes(EVIL))
    run.record(Failed("rei", 20, EVIL))
    return run


class Elements(HTMLParser):
    """The tags of a page, with their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    @property
    def dangers(self) -> list[str]:
        """What would run, or load something."""
        return [
            tag
            for tag, attributes in self.found
            if tag == "script"
            or any(name.startswith("on") for name in attributes)
            or attributes.get("src") == "x"
        ]


def test_the_report_shows_it_as_text(tmp_path: Path) -> None:
    page = report_html(write_evil(tmp_path))
    assert Elements(EVIL).dangers == ["img", "script"]
    assert "onerror=window.hit" in page
    # Its own two: what it shows, and what moves through it.
    assert Elements(page).dangers == ["script", "script"]
    assert EVIL not in page


def test_both_faces_show_it_as_text(tmp_path: Path) -> None:
    run = write_evil(tmp_path)
    history = history_of(run.events())
    scene = scene_of(run.name, history, 0)
    assert scene is not None
    shot = Shot(**{**vars(scene.shots[-1]), "title": EVIL})
    assert shot.metrics
    parted = replace(shot, part="seen", metrics=replace(shot.metrics, psnr_range=1, psnr_null=2))
    # Whoever made the log has called a method so.
    named = [head_html(replace(one, key=f'"{EVIL}')) for one in (shot, parted)]
    row = SummaryRow("rei", EVIL, results(history)[-1])
    for html in (
        *(head_html(shot), measured_html(shot), table_html([row])),
        *(*named, awaited_html(f'"{EVIL}')),
        *(
            notice_html([EVIL]),
            list_html([EVIL]),
            example_html(EVIL, EVIL),
            news_html(EVIL, 0.0),
            news_html(EVIL, 0.5),
        ),
    ):
        assert "onerror=window.hit" in html
        assert Elements(html).dangers == []


def test_what_ends_or_stands_in_the_way_is_told_as_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also by a root that cannot be written: it is told once, and the page goes on."""
    area = Mock()
    monkeypatch.setattr(type(pn.state), "notifications", area)

    def refuse(root: Path) -> None:
        raise OSError(30, f"Read-only file system {IMAGE}")

    monkeypatch.setattr(jobs, "advance", refuse)
    bulletin = Bulletin(Library(tmp_path))
    write_evil(tmp_path)
    for _ in range(2):
        bulletin.update(None)
    told = [call.args[0] for call in area.error.call_args_list]
    assert len(told) == 2
    assert all(call.kwargs["duration"] > 0 for call in area.error.call_args_list)
    assert all("onerror=window.hit" in words for words in told)
    assert [Elements(words).dangers for words in told] == [[], []]


class TestBrowser:
    """In Chromium nothing of it runs, nor is it the policy alone that stops it."""

    pytestmark = IN_A_BROWSER

    @pytest.fixture
    def site(self, tmp_path: Path) -> Iterator[Site]:
        write_evil(tmp_path)
        with served(tmp_path) as server, opened(server) as site:
            yield site

    def test_nothing_runs(self, site: Site) -> None:
        site.page.goto(f"{site.address}?run=a%3Cimg%20src=x%20onerror=window.hit%3D1%3E")
        site.page.locator(".reilab-notice", has_text="onerror").wait_for()
        for name, words in (("runs", ".reilab-run-table"), ("compare", "body")):
            site.part(name).click()
            site.page.locator(words).first.wait_for()
            time.sleep(1)
        site.page.goto(f"{site.address}?run={EVIL}&task={EVIL}&left={EVIL}&hidden={EVIL}")
        site.page.locator(".reilab-notice", has_text="onerror").wait_for()
        assert site.page.evaluate("window.hit") is None
        assert site.errors == []
