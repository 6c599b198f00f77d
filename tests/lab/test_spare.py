"""A page that is made before anybody comes shows what a page made for its visitor shows."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import panel as pn
import pytest
from bokeh.server.session import ServerSession
from kit.lab_runs import write_run
from kit.lab_site import free_port
from PIL import Image
from tornado.httpclient import AsyncHTTPClient

from reilab.lab import bulletin, compat, spare
from reilab.lab.bulletin import Bulletin
from reilab.lab.door import Door
from reilab.lab.headline import NAME
from reilab.lab.page import LabPage, empty, session
from reilab.lab.spare import Spare
from reilab.lab.welcome import Greeter, begins
from reilab.runs.library import Library

PHONE = {"User-Agent": "Mozilla/5.0 (Linux; Android 14; Mobile)"}


class Served:
    """A lab that is served in this process, and the sessions that it has made."""

    def __init__(self, root: Path) -> None:
        self.made: list[str] = []
        self.server = pn.serve(
            lambda: self._page(root), port=free_port(), show=False, start=False, verbose=False
        )
        context = compat.context_of(self.server)
        assert context
        self.context = context
        self.spare = Spare(self.context)
        beginning = begins(compat.page_html(self.server, empty, NAME))
        compat.greet(self.server, Greeter, begins=beginning, spare=self.spare)

    def _page(self, root: Path) -> Any:
        page = session(root, Door())
        self.made.append(pn.state.curdoc.session_context.id)
        return page

    def run(self, act: Callable[[], Awaitable[Any]]) -> Any:
        return self.server.io_loop.run_sync(act)

    def fetch(self, query: str = "", **headers: str) -> str:
        """A page, as a browser gets it."""
        address = f"http://127.0.0.1:{self.server.port}/{query}"

        async def ask() -> str:
            answer = await AsyncHTTPClient().fetch(address, headers=headers, request_timeout=60)
            return answer.body.decode()

        found: str = self.run(ask)
        return found


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Served]:
    found = Served(tmp_path)
    found.server.start()
    yield found
    found.server.stop()


def content(one: ServerSession) -> list[str]:
    """What a browser is told of the parts of a page, in order, but for their names."""

    def told(buffer: Any) -> str:
        return hashlib.sha256(buffer.to_bytes()).hexdigest()

    def plain(value: dict[str, Any]) -> dict[str, Any]:
        # Sheets are told where they come first, which another page may have been.
        # Texts are empty unless told otherwise.
        told = value.items()
        return {name: item for name, item in told if name != "stylesheets" and item != ""}

    roots = json.dumps(one.document.to_json().content["roots"], default=told)
    # Where the page is the browser tells by itself.
    shown = [
        root
        for root in json.loads(roots, object_hook=plain)
        if not root["name"].endswith("Location")
    ]
    named = json.dumps(shown, indent=0)
    return re.sub(r'"(__ref:)?p\d+"|"[A-Z][A-Za-z]+\d{5}"', "a name", named).splitlines()


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?task=mri",
        "?task=inpainting&preset=smoke&methods=ei,rei",
        "?task=mri&preset=quick&noise=0.2&acceleration=8&network=spectral",
        "?task=ct&noise_model=gaussian&noise=55&same_noise=0&assumed_noise=20",
        "?task=ct&nonsense=1",
        "?task=nonsense&noise=0.2",
    ],
)
def test_a_spare_page_is_what_its_visitor_would_have_waited_for(query: str, lab: Served) -> None:
    # The first page of a process is told more.
    lab.fetch("?tab=runs")
    lab.run(lab.spare.prepare)
    page = lab.fetch(query)
    lab.fetch(query)
    _, spared, own = (lab.context.get_session(name) for name in lab.made)
    assert all(root.id in page for root in spared.document.roots)
    assert len(content(own)) > 1000
    # Not the lists themselves: to tell how thousands of lines differ takes long.
    told = zip(content(spared), content(own), strict=True)
    assert [pair for pair in told if pair[0] != pair[1]] == []


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        ({}, True),
        ({"task": "ct", "preset": "quick"}, True),
        ({"task": "mri"}, True),
        ({"noise": "0.5", "task": "ct"}, True),
        ({"nonsense": "1"}, True),
        ({"tab": "runs"}, False),
        ({"theme": "dark"}, False),
        ({"watch": "1"}, False),
        ({"run": "another"}, False),
        ({"task": "mri", "run": "another"}, False),
    ],
)
def test_who_asks_for_something_else_is_given_a_page_of_their_own(
    query: dict[str, str], fits: bool, lab: Served
) -> None:
    async def take() -> bool:
        return await lab.spare.take(query) is not None

    lab.run(lab.spare.prepare)
    assert lab.run(take) is fits
    # It is given away once.
    assert not lab.run(take)


def test_a_telephone_is_given_a_page_of_its_own(lab: Served) -> None:
    lab.run(lab.spare.prepare)
    lab.fetch(**PHONE)
    assert len(lab.made) == 2
    lab.fetch()
    assert len(lab.made) == 2


def test_without_a_spare_page_one_is_made(lab: Served) -> None:
    assert lab.fetch().rstrip().endswith("</html>")
    assert len(lab.made) == 1


def test_pages_import_their_modules_before_they_are_told_what_they_consist_of(lab: Served) -> None:
    lab.run(lab.spare.prepare)
    page = lab.fetch()
    modules = json.loads(re.findall(r"of (\[.*?\])\) importShim", page)[0])
    assert [Path(one.partition("?")[0]).name for one in modules] == [
        *("browser.js", "button.js", "field.js", "panel-material-ui.bundle.js")
    ]
    assert all(one.startswith("./") for one in modules)


def test_a_spare_page_is_kept_until_its_visitor_has_come(
    lab: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spare, "GRACE_SECONDS", 0.05)

    async def clean_up() -> None:
        await lab.context._cleanup_sessions(-1)

    async def take() -> None:
        await lab.spare.take({})
        await clean_up()
        assert list(lab.context.sessions) == [one]
        await asyncio.sleep(0.1)
        await clean_up()

    lab.run(lab.spare.prepare)
    [one] = lab.context.sessions
    lab.run(clean_up)
    assert list(lab.context.sessions) == [one]
    lab.run(take)
    assert list(lab.context.sessions) == []


@pytest.mark.parametrize(
    ("work", "live", "made"), [(0.0, False, 1), (1.0, False, 0), (0.0, True, 0)]
)
def test_one_is_made_where_the_server_rests_and_no_page_follows_a_run(
    work: float, live: bool, made: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    worked = 0.0

    def process_time() -> float:
        nonlocal worked
        worked += work
        return worked

    monkeypatch.setattr(spare, "REST_SECONDS", 0.01)
    monkeypatch.setattr(spare, "time", SimpleNamespace(process_time=process_time))
    monkeypatch.setattr(spare, "PAGES", {"somebody's": SimpleNamespace(live=live, address="")})
    asked: list[str] = []

    async def create(name: str, request: object) -> Any:
        asked.append(name)
        spare.PAGES[name] = SimpleNamespace(live=False, address="")
        document = SimpleNamespace(select=lambda selector: [])
        return SimpleNamespace(id=name, block_expiration=int, document=document)

    async def watch() -> None:
        context: Any = SimpleNamespace(create_session_if_needed=create)
        keeping = asyncio.ensure_future(Spare(context).keep())
        await asyncio.sleep(0.2)
        keeping.cancel()

    asyncio.run(watch())
    assert len(asked) == made


def test_a_page_that_could_not_be_made_is_no_spare_page(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("no folder", encoding="utf-8")
    lab = Served(tmp_path / "runs")
    lab.context.application.handlers[0]._func = lambda: 1 / 0
    lab.server.start()
    lab.run(lab.spare.prepare)
    assert not lab.spare.modules
    lab.server.stop()


def test_what_has_come_since_a_page_was_made_is_offered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REILAB_DATA", str(tmp_path / "data"))
    page = LabPage(Library(tmp_path / "runs"), {})
    mine = tmp_path / "data" / "mine"
    mine.mkdir(parents=True)
    Image.fromarray(np.zeros((64, 64), np.uint8)).save(mine / "one.png")
    sources = page._controls.form.fields["data"]
    assert "mine" not in [value for value, _ in sources.options]
    page.wake()
    page.tick()
    assert "mine" in [value for value, _ in sources.options]


def test_runs_that_ended_before_somebody_came_are_not_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(bulletin, "_tell", lambda ended: told.append(ended.run))
    early, late = (Bulletin(Library(tmp_path)) for _ in range(2))
    write_run(tmp_path, "finished")
    late.begin()
    late.update(None)
    assert told == []
    early.update(None)
    assert told == ["finished"]
