"""A served lab and one person's tab on it, for the tests of the page in a real browser."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from kit.browsers import CHROMIUM, FLAGS, until
from reilab.lab.door import Door
from reilab.record.folder import RunFolder, list_runs
from reilab.runs.roster import worker_pid

playwright = pytest.importorskip("playwright.sync_api", reason="needs: pip install playwright")

PATIENCE_SECONDS = 120
#: Serves the lab, and lets go of sessions that nobody looks at sooner than Bokeh would (within half
#: a minute); at a signal it writes down what it holds.
SERVE = """
import gc, json, signal, sys, threading
from pathlib import Path
from bokeh.server.session import ServerSession
from bokeh.server.tornado import BokehTornado
from reilab.lab.door import Door
from reilab.lab.page import LabPage, serve

def tell(*_):
    gc.collect()
    kept = gc.get_objects()
    sessions = [one for one in kept if isinstance(one, ServerSession) and not one.destroyed]
    held = {
        "sessions": len(sessions),
        "callbacks": sum(len(one.document.session_callbacks) for one in sessions),
        "pages": sum(isinstance(one, LabPage) for one in kept),
        "threads": threading.active_count(),
        "aside": gc.get_freeze_count(),
    }
    Path(sys.argv[3]).write_text(json.dumps(held))

BokehTornado.__init__.__kwdefaults__.update(
    check_unused_sessions_milliseconds=1000, unused_session_lifetime_milliseconds=5000
)
signal.signal(signal.SIGUSR1, tell)
serve(Door(port=int(sys.argv[1]), **json.loads(sys.argv[4])), Path(sys.argv[2]), False)
"""


@dataclass
class Server:
    """A lab that is served, the runs of which lie below ``root``."""

    address: str
    root: Path
    process: subprocess.Popen[bytes]

    def held(self) -> dict[str, int]:
        """How many sessions, their callbacks, pages and threads it has, and objects set aside."""
        told = self.root.parent / f"{self.root.name}-held.json"
        told.unlink(missing_ok=True)
        self.process.send_signal(signal.SIGUSR1)
        until(lambda: told.is_file() and told.stat().st_size > 0, "what the server holds", 30)
        held: dict[str, int] = json.loads(told.read_text(encoding="utf-8"))
        return held


@dataclass
class Site:
    """A served lab and what the browser has been up to."""

    server: Server
    page: playwright.Page
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        return self.server.address

    @property
    def root(self) -> Path:
        return self.server.root

    def watch(self, page: playwright.Page) -> playwright.Page:
        """Note what a tab asks for and what goes wrong in it."""
        page.set_default_timeout(1000 * PATIENCE_SECONDS)
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.errors.append(f"{error} {error.stack}"))
        page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)
        return page

    def run(self) -> RunFolder:
        """The newest run."""
        return list_runs(self.root)[0]

    def go(self, query: str) -> None:
        self.page.goto(f"{self.address}?{query}")
        wait_until_awake(self.page)

    def part(self, name: str) -> playwright.Locator:
        return self.page.locator(f".reilab-parts [data-value={name}]")

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def click(self, name: str) -> None:
        """Press the button of this style class once the server has made it ready to be pressed."""
        self.page.locator(f".reilab-{name} button:visible").click()

    def expect(self, words: str) -> None:
        """Wait until the state of the run is this one."""
        self.page.locator(".state", has_text=words).wait_for()

    def pane(self, key: str) -> playwright.Locator:
        return self.page.locator(f".reilab-pane-{key}")

    def psnr(self, method: str) -> float:
        return float(self.page.locator(f".reilab-psnr-{method}:visible").inner_text())

    def picture(self, key: str) -> bytes:
        image = self.pane(key).get_by_role("img").first
        try:
            return bytes(image.screenshot())
        except playwright.Error:
            # Another figure has taken its place meanwhile.
            return bytes(image.screenshot())

    def query(self) -> str:
        """What the address says now; ``page.url`` is not kept up to date while one waits."""
        return str(self.page.evaluate("location.search"))

    def shown_run(self) -> str:
        return re.findall(r"run=([\w-]+)", self.query())[0]

    def key(self, key: str) -> None:
        """Press a key where nothing takes it for text."""
        self.page.locator("h1").click()
        self.page.keyboard.press(key)

    def step(self) -> str:
        return str(self.page.locator("span.reilab-step:visible").inner_text())

    def fill(self, control: str, value: str) -> None:
        box = self.page.locator(f".reilab-{control} input[type=text]")
        box.fill(value)
        box.press("Enter")


def wait_until_awake(page: playwright.Page) -> None:
    """Until the page takes input."""
    page.locator("body[data-awake]").wait_for()


@contextmanager
def served(root: Path, **door: Any) -> Iterator[Server]:
    """The lab on a free port, behind such a door, and no worker left behind."""
    port, told = door.pop("port", None) or free_port(), root.parent / f"{root.name}-held.json"
    words = [str(port), str(root), str(told), json.dumps(door)]
    process = subprocess.Popen([sys.executable, "-c", SERVE, *words])
    try:
        soon(lambda: _listens(port) or process.poll() is not None, "an answer of the server")
        assert process.poll() is None, "the server did not start"
        yield Server(Door(port=port, **door).url, root, process)
    finally:
        process.terminate()
        process.wait()
        for folder in list_runs(root):
            pid = worker_pid(folder)
            # A test may have signed in itself.
            if pid and pid != os.getpid() and psutil.pid_exists(pid):
                psutil.Process(pid).kill()


@contextmanager
def opened(server: Server) -> Iterator[Site]:
    """One tab at the lab."""
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1440, "height": 900}, color_scheme="light")
        site = Site(server, page)
        site.watch(page)
        site.go("")
        yield site
        browser.close()


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def soon(reached: Callable[[], bool], what: str) -> None:
    """Wait until it is so."""
    until(reached, what, PATIENCE_SECONDS)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
