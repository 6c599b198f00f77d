"""What a visitor sees while the page is made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import panel as pn
import pytest
from kit.browsers import CHROMIUM, FLAGS
from kit.lab_site import free_port, playwright, served, wait_until_awake
from panel.io.server import DocHandler
from tornado.httpclient import AsyncHTTPClient

from reilab.lab import compat
from reilab.lab.headline import NAME
from reilab.lab.page import LabPage, empty
from reilab.lab.welcome import OWN, TROUBLE, UNVEIL, Greeter, begins, welcome_html
from reilab.runs.library import Library
from reilab.tasks.registry import tasks


def unserved(made: Any) -> Any:
    return pn.serve(made, port=free_port(), show=False, start=False, verbose=False)


@pytest.mark.parametrize("query", [{}, {"tab": "runs"}, {"present": "1"}])
def test_pages_begin_alike(query: dict[str, str], tmp_path: Path) -> None:
    server = unserved(empty)
    first = compat.page_html(server, empty, NAME)
    other = compat.page_html(server, LabPage(Library(tmp_path), query).__panel__, NAME)
    beginning = begins(first)
    assert beginning
    assert begins(other) == beginning
    assert beginning.scripts.count("<script") > 5
    assert 'rel="stylesheet" media="none"' in beginning.head
    assert begins(first.replace(OWN, "")) is None


@pytest.mark.parametrize("task", tasks())
def test_pictures_of_the_task_are_seen(task: str) -> None:
    told = welcome_html({"task": task})
    assert told.count("<img") == 6
    assert "REI" in told
    assert tasks()[task].title in told


@pytest.mark.parametrize(
    "query", [{"run": "first"}, {"tab": "compare"}, {"task": '"><script>', "theme": '"><script>'}]
)
def test_nothing_is_shown_that_is_not_meant(query: dict[str, str]) -> None:
    told = welcome_html(query)
    assert "<img" not in told
    assert "<script" not in told


def fetched(made: Any, query: str = "") -> list[bytes]:
    """The pieces in which a page comes."""
    server = unserved(made)
    compat.greet(server, Greeter, begins=begins(compat.page_html(server, empty, NAME)))
    pieces: list[bytes] = []
    server.start()

    async def ask() -> None:
        address = f"http://127.0.0.1:{server.port}/{query}"
        await AsyncHTTPClient().fetch(address, streaming_callback=pieces.append)

    try:
        server.io_loop.run_sync(ask)
    finally:
        server.stop()
    return pieces


def test_the_welcome_comes_before_the_page() -> None:
    def made() -> Any:
        order.append("made")
        return empty()

    order: list[str] = []
    pieces = fetched(made)
    page = b"".join(pieces).decode()
    assert order == ["made"]
    assert "data-root-id" not in pieces[0].decode()
    assert page.index("The lab opens") < page.index("<script") < page.index("data-root-id")
    for once in ("<head>", "</head>", "<body>", OWN, "bokeh.min.js", "</html>"):
        assert page.count(once) == 1, once


def test_whatever_an_address_says_is_welcome() -> None:
    page = b"".join(fetched(empty, "?task=%FF&theme=%00")).decode()
    assert page.rstrip().endswith("</html>")


def fail(*_: Any) -> Any:
    raise ValueError("no such thing")


def test_whoever_waits_for_a_page_that_has_failed_is_told() -> None:
    pieces = fetched(fail)
    assert UNVEIL in b"".join(pieces[1:]).decode()


def test_whoever_waits_for_a_session_that_is_refused_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(DocHandler, "get_session", fail)
    pieces = fetched(empty)
    assert UNVEIL + TROUBLE in b"".join(pieces[1:]).decode()


@pytest.mark.slow
def test_a_browser_shows_pictures_first(tmp_path: Path) -> None:
    with served(tmp_path) as server, playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        page = browser.new_page()
        page.goto(f"{server.address}?task=ct", wait_until="commit")
        page.locator("#welcome img").nth(5).wait_for()
        assert not page.locator("body[data-awake]").count()
        wait_until_awake(page)
        page.locator("#welcome").wait_for(state="hidden")
