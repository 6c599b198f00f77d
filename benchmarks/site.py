"""A served lab and a headless browser, to be measured from outside."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import Browser, Page, sync_playwright

PATIENCE_SECONDS = 120.0
SERVE = (
    "import sys; from pathlib import Path; from reilab.lab.door import Door;"
    "from reilab.lab.page import serve; "
    "serve(Door(port=int(sys.argv[1])), Path(sys.argv[2]), False)"
)
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run")


@dataclass
class Site:
    """A server of the runs below ``root``, and a browser."""

    address: str
    root: Path
    server: psutil.Process
    browser: Any

    def open(self, query: str = "") -> Page:
        """A new tab at this address."""
        page: Page = self.browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(1000 * PATIENCE_SECONDS)
        page.goto(f"{self.address}?{query}")
        page.locator("body[data-awake]").wait_for()
        return page

    def cpu_seconds(self) -> float:
        """What the server has taken so far."""
        times = self.server.cpu_times()
        return float(times.user + times.system)


@contextmanager
def served(root: Path) -> Iterator[Site]:
    """The lab on a free port, and Chromium, as long as the block lasts."""
    port = free_port()
    words = [sys.executable, "-c", SERVE, str(port), str(root)]
    server = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until(lambda: listens(port), "the server")
        with browser() as chromium:
            process = psutil.Process(server.pid)
            yield Site(f"http://127.0.0.1:{port}/", root, process, chromium)
    finally:
        server.terminate()
        server.wait()


@contextmanager
def browser() -> Iterator[Browser]:
    """Chromium, as long as the block lasts."""
    with sync_playwright() as driver:
        path = shutil.which("chromium") or shutil.which("chromium-browser")
        launched = driver.chromium.launch(executable_path=path, args=list(FLAGS))
        yield launched
        launched.close()


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(reached: Callable[[], object], what: str, seconds: float = PATIENCE_SECONDS) -> None:
    """Wait for something.

    Raises:
        TimeoutError: it did not come.
    """
    deadline = time.monotonic() + seconds
    while not reached():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited in vain for {what}")
        time.sleep(0.01)


def listens(port: int) -> bool:
    """Whether somebody answers there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
