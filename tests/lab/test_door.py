"""Who reaches the lab, what they may do, and what browsers are told; also behind a proxy."""

from __future__ import annotations

import asyncio
import http.client
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from kit.lab_runs import write_run
from kit.lab_site import Server, free_port, served, soon
from tornado.httpclient import HTTPClientError

from benchmarks.visitors import Visitor
from reilab.lab.door import DRIVER, WATCHER, Door
from reilab.lab.hands import FREE, Hands
from reilab.lab.model import Lab
from reilab.lab.page import LabPage
from reilab.lab.view import TABS
from reilab.lab.web.components import Button, Field
from reilab.runs import jobs, pool
from reilab.runs.library import INDEX, Library

PASSWORD, WORD = "four little ducks", "look"


@dataclass(frozen=True)
class Answer:
    """What a server said."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def cookie(self) -> dict[str, str]:
        return {"Cookie": self.headers.get("Set-Cookie", "").partition(";")[0]}


def asked(
    server: Server, path: str = "", headers: Mapping[str, str] | None = None, **form: str
) -> Answer:
    """What the server answers, redirections not followed."""
    place = urlsplit(server.address)
    method, body = ("POST", urlencode(form)) if form else ("GET", None)
    kind = {"Content-Type": "application/x-www-form-urlencoded"} if form else {}
    with closing(http.client.HTTPConnection(place.netloc, timeout=60)) as wire:
        wire.request(method, place.path + path, body, {**kind, **(headers or {})})
        answer = wire.getresponse()
        return Answer(answer.status, answer.headers, answer.read())


async def opens(address: str, headers: dict[str, str]) -> bool:
    """Whether page and websocket let somebody in."""
    try:
        visitor = await Visitor.at(address, headers)
    except HTTPClientError as refused:
        return refused.code != 403
    await visitor.leave()
    return True


#: One lab with a password, at a path, which a proxy has at another host.
SERVED = pytest.mark.slow


@pytest.fixture(scope="module")
def proxy() -> int:
    return free_port()


@pytest.fixture(scope="module")
def server(proxy: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("lab") / "runs"
    write_run(root, "first", ("rei",))
    outside = [f"127.0.0.1:{proxy}", "lab.example"]
    door = {"password": PASSWORD, "watch": WORD, "prefix": "/lab", "origins": outside}
    with served(root, **door) as found:
        yield found


@pytest.mark.parametrize(
    ("header", "value", "status"),
    [
        ("Host", "evil.example", 403),
        ("Host", "127.0.0.1.evil.example", 403),
        ("Host", "127.0.0.1:1", 403),
        ("Host", "lab.example", 302),
        ("Host", "LAB.example", 302),
        ("Origin", "http://evil.example", 403),
        ("Origin", "http://lab.example.evil.example", 403),
        ("Origin", "null", 403),
        ("Origin", "https://lab.example", 302),
        ("X-Forwarded-Host", "evil.example", 302),
    ],
)
@SERVED
def test_strangers_are_turned_away(server: Server, header: str, value: str, status: int) -> None:
    answer = asked(server, "", {header: value})
    assert answer.status == status
    assert status != 403 or b"--allow-origin" in answer.body


@SERVED
def test_the_password_lets_in_and_nothing_else_does(server: Server) -> None:
    assert asked(server).headers.get("Location", "").startswith("./login?next=")
    assert asked(server, "login", password="five little ducks").status == 403
    let_in = asked(server, "login?next=//evil.example/%3Frun%3Dfirst", password=PASSWORD)
    assert let_in.headers.get("Location") == "./?run=first"
    told = let_in.headers.get("Set-Cookie", "")
    assert all(word in told for word in ("HttpOnly", "SameSite=Lax", "Path=/lab/"))
    assert asked(server, "", let_in.cookie).status == 200
    forged = let_in.cookie["Cookie"][:-4] + "0000"
    assert asked(server, "", {"Cookie": forged}).status == 302
    assert asyncio.run(opens(server.address, let_in.cookie))
    assert not asyncio.run(opens(server.address, let_in.cookie | {"Origin": "http://a.b"}))


@SERVED
def test_a_watching_link_lets_in_to_watch(server: Server) -> None:
    assert asked(server, "?watch=1").status == 302
    watcher = asked(server, f"?watch={WORD}")
    assert watcher.status == 200
    assert asyncio.run(opens(server.address, watcher.cookie))


@SERVED
def test_browsers_are_told_what_to_refuse(server: Server) -> None:
    answer = asked(server, f"?watch={WORD}")
    policy = answer.headers.get("Content-Security-Policy", "")
    word = policy.partition("'nonce-")[2].partition("'")[0]
    page = answer.body.decode()
    assert page.count("<script") == page.count(f'<script nonce="{word}"') > 0
    assert "unsafe-inline" not in policy.partition("script-src")[2].partition(";")[0]
    assert "frame-ancestors 'none'" in policy
    assert answer.headers.get("X-Frame-Options") == "DENY"
    again = asked(server, f"?watch={WORD}").headers.get("Content-Security-Policy", "")
    assert word not in again
    static = asked(server, "static/js/bokeh.min.js")
    assert static.headers.get("X-Content-Type-Options") == "nosniff"
    assert static.headers.get("Access-Control-Allow-Origin") is None


@SERVED
@pytest.mark.skipif(not shutil.which("nginx"), reason="needs: apt-get install nginx-light")
def test_it_works_behind_a_proxy(server: Server, proxy: int, tmp_path: Path) -> None:
    config = tmp_path / "nginx.conf"
    config.write_text(NGINX.format(here=tmp_path, port=proxy, lab=urlsplit(server.address).netloc))
    words = ["nginx", "-e", str(tmp_path / "log"), "-c", str(config)]
    process = subprocess.Popen(words)
    outside = Server(f"http://127.0.0.1:{proxy}/lab/", server.root, process)
    try:
        soon(lambda: _answers(outside), "an answer of the proxy")
        let_in = asked(outside, "login", password=PASSWORD).cookie
        own = let_in | {"Origin": f"http://127.0.0.1:{proxy}"}
        assert asyncio.run(opens(outside.address, own))
        assert not asyncio.run(opens(outside.address, own | {"Origin": "http://evil.example"}))
    finally:
        process.terminate()
        process.wait()


@SERVED
def test_guessing_ends_soon(server: Server) -> None:
    found = [asked(server, "login", password=f"guess {one}").status for one in range(12)]
    assert found[-1] == 429
    assert asked(server, "login", password=PASSWORD).status == 429


NGINX = """
daemon off; master_process off; pid {here}/pid; error_log {here}/log;
events {{}}
http {{
  access_log off; client_body_temp_path {here}/body; proxy_temp_path {here}/proxy;
  fastcgi_temp_path {here}/f; uwsgi_temp_path {here}/u; scgi_temp_path {here}/s;
  server {{
    listen 127.0.0.1:{port};
    location /lab/ {{
      proxy_pass http://{lab};
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade";
    }}
  }}
}}
"""


def _answers(server: Server) -> bool:
    try:
        return asked(server, "login").status == 200
    except OSError:
        return False


@pytest.mark.parametrize(
    ("door", "user", "query", "tied"),
    [
        (Door(), None, {}, False),
        (Door(), None, {"watch": "1"}, True),
        (Door(password=PASSWORD), None, {}, True),
        (Door(password=PASSWORD), WATCHER, {}, True),
        (Door(password=PASSWORD), DRIVER, {}, False),
        (Door(password=PASSWORD), DRIVER, {"watch": ""}, True),
    ],
)
def test_who_may_drive(door: Door, user: str | None, query: dict[str, str], tied: bool) -> None:
    assert door.hands(user, query).tied is tied


@pytest.mark.parametrize(
    ("address", "local"),
    [("127.0.0.1", True), ("localhost", True), ("::1", True), ("0.0.0.0", False), ("lab", False)],
)
def test_what_is_beyond_this_machine(address: str, local: bool) -> None:
    door = Door(address)
    assert door.is_local is local
    assert door.knows("evil.example", None) is not local
    assert not door.knows("lab:5006", "http://evil.example")


@pytest.fixture
def no_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("call", "warm"):
        monkeypatch.setattr(pool, name, lambda *_: [])


def test_a_link_keeps_watching(tmp_path: Path, no_workers: None) -> None:
    page = LabPage(Library(tmp_path), {"watch": WORD}, Hands(tied=True))
    page.wake()
    page.tick()
    assert f"watch={WORD}" in page.browser.address


@pytest.mark.parametrize("hands", [FREE, Hands(tied=True)], ids=["free", "tied"])
def test_whoever_watches_may_press_everything(
    hands: Hands, tmp_path: Path, no_workers: None
) -> None:
    """The same, by somebody who may act, does change something: all buttons are pressed."""
    write_run(tmp_path, "first", ("rei",), finished=False)
    before = _files(tmp_path)
    page = LabPage(Library(tmp_path), {"run": "first", "tab": "runs", "compared": "first"}, hands)
    page.wake()
    for tab in TABS:
        page.look.tab = tab
        page.tick()
    for field in page.page.select(Field):
        field.value = "1" if field.kind == "text" else field.value
    changed = False
    for button in page.page.select(Button):
        button.press()
        page.tick()
        changed = _files(tmp_path) != before
        if changed:
            break
    assert changed is not hands.tied


def _files(root: Path) -> dict[str, Any]:
    """All but what the server keeps of its list, whoever looks at that."""
    found = (path for path in sorted(root.rglob("*")) if path.is_file() and path.name != INDEX)
    return {str(path): path.read_bytes() for path in found}


@pytest.mark.parametrize("name", ["outside", "inside/../../outside", "link", "{there}"])
def test_files_elsewhere_are_not_named_from_outside(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for place in ("outside", "data/inside"):
        (tmp_path / place).mkdir(parents=True)
    (tmp_path / "data/link").symlink_to(tmp_path / "outside")
    lab = Lab(tmp_path / "runs", Hands(below=tmp_path / "data"))
    monkeypatch.setattr(jobs, "submit", lambda *_: pytest.fail("it was begun"))
    lab.choices.task = "mri"
    lab.choices.set_further("data", name.format(there=tmp_path / "outside"))
    with pytest.raises(PermissionError, match="not below the data root"):
        lab.train()
    lab.hands.check_places({"data": "inside", "measured": "", "size": 64, "engine": "fft"})
    # A name that is in both places would be read where the server was started.
    (tmp_path / "inside").mkdir()
    with pytest.raises(PermissionError, match="not below the data root"):
        lab.hands.check_places({"measured": "inside"})


@pytest.mark.parametrize(
    "query",
    [
        {"run": "../first"},
        {"run": "first\0"},
        {"run": "x" * 5000},
        {"task": "\udcff", "preset": "quick"},
        {"task": "mri", "preset": "[b]", "steps": "1e999"},
        {"task": "mri", "methods": ",,rei,rei", "noise": "NaN", "seed": "0x1", "batch": "-"},
        {"task": "mri", "methods": "", "steps": "", "data": "\0", "size": "1e30"},
        {"task": "mri", "network": "<b>", "device": "cuda:9", "pose": "x"},
        {"task": "mri", "methods": "nope", "same_noise": "2", "mask": "/etc/passwd"},
        {"window": "a,b", "zoom": "1,2", "sample": "-1", "at": "1e400", "tab": "x", "theme": "y"},
        {"window": "nan,inf", "zoom": "nan,nan,nan,nan", "sample": "9" * 400, "smoothing": "nan"},
        {"compared": "../..,\0,x", "hidden": "<b>,\n", "left": "\0", "divide": "-5", "swipe": "2"},
        {"run": "first", "sample": "99", "at": "-7", "window": "1,0", "zoom": "1,1,1,1"},
    ],
)
def test_addresses_that_make_no_sense_open_a_page(
    query: dict[str, str], tmp_path: Path, no_workers: None
) -> None:
    write_run(tmp_path, "first", ("rei",))
    before = _files(tmp_path)
    page = LabPage(Library(tmp_path), query, Hands(tied=True))
    page.wake()
    for _ in range(4):
        page.tick()
    assert _files(tmp_path) == before
