"""The page in a real browser: train, steer, pause, stop, reload, kill, and bad input."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from reilab.events import SetWeight, Steered
from reilab.runs.folder import RunFolder, list_runs
from reilab.runs.jobs import worker_pid

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="needs a Chromium browser; try: apt-get install chromium"
)
playwright = pytest.importorskip("playwright.sync_api", reason="needs: pip install playwright")

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
PATIENCE_SECONDS = 120
SERVE = (
    "import sys; from pathlib import Path; from reilab.lab.page import serve;"
    "serve(int(sys.argv[1]), Path(sys.argv[2]), False)"
)


@dataclass
class Site:
    """A served lab and what the browser has been up to."""

    address: str
    root: Path
    page: playwright.Page
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def run(self) -> RunFolder:
        """The newest run."""
        return list_runs(self.root)[0]

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def expect(self, words: str) -> None:
        """Wait until the state of the run is this one."""
        self.page.locator(".state", has_text=words).wait_for()

    def fill(self, control: str, value: str) -> None:
        box = self.page.locator(f".reilab-{control} input")
        box.fill(value)
        box.press("Enter")

    def choose(self, control: str, option: str) -> None:
        self.page.locator(f".reilab-{control}").get_by_role("combobox").click()
        self.page.get_by_role("menuitem", name=option, exact=True).click()

    def psnr(self, method: str) -> float:
        return float(self.page.locator(f".reilab-psnr-{method}").inner_text())

    def picture(self, number: int) -> bytes:
        return bytes(self.page.get_by_role("img").nth(number).screenshot())


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A server with a root of its own, and no more threads in its workers than need be."""
    root = tmp_path_factory.mktemp("runs")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(port), str(root)],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not _listens(port):
        alive = server.poll() is None
        assert alive, "the server did not start"
        assert time.monotonic() < deadline, "the server does not answer"
        time.sleep(0.2)
    yield f"http://127.0.0.1:{port}/", root
    server.terminate()
    server.wait()
    for folder in list_runs(root):
        pid = worker_pid(folder)
        if pid and psutil.pid_exists(pid):
            psutil.Process(pid).kill()


@pytest.fixture(scope="module")
def site(address: tuple[str, Path]) -> Iterator[Site]:
    """One tab for the whole module: the tests below follow one person through a session."""
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(1000 * PATIENCE_SECONDS)
        site = Site(*address, page)
        page.on("request", lambda request: site.requests.append(request.url))
        page.on("pageerror", lambda error: site.errors.append(str(error)))
        page.on("console", lambda m: site.errors.append(m.text) if m.type == "error" else None)
        page.goto(site.address)
        yield site
        browser.close()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_newcomer_is_told_what_to_press(site: Site) -> None:
    site.page.get_by_text("Press Train").wait_for()
    assert site.page.get_by_role("heading", level=1).count() == 1
    unnamed = site.page.locator("button").evaluate_all(
        "all => all.filter(b => !b.innerText.trim() && !b.ariaLabel).length"
    )
    assert unnamed == 0


def test_bad_input_is_explained_and_starts_nothing(site: Site) -> None:
    site.choose("task", "Accelerated MRI")
    site.choose("preset", "smoke")
    site.fill("steps", "-5")
    site.press("Train")
    assert "steps = -5 is too small" in site.page.get_by_role("alert").inner_text()
    assert list_runs(site.root) == []


def test_images_and_numbers_change_while_training(site: Site) -> None:
    site.fill("steps", "100000")
    site.fill("learning-rate", "0.003")
    site.press("Train")
    site.expect("Training")
    assert not site.page.get_by_role("alert").is_visible()
    site.page.locator(".reilab-psnr-rei").wait_for()
    # Ground truth is the first picture, then two for A†y and each method.
    truth, before, psnr = site.picture(0), site.picture(3), site.psnr("supervised")
    _until(lambda: site.psnr("supervised") > psnr + 0.5, "the PSNR of supervised to rise")
    _until(lambda: site.picture(3) != before, "the image of the first method to change")
    assert site.picture(0) == truth


def test_weights_are_steered_while_training(site: Site) -> None:
    site.page.locator(".reilab-alpha-req-up").click()
    site.page.get_by_text("weight of req = 10").wait_for()
    steered = [event.command for event in site.run().events() if isinstance(event, Steered)]
    assert steered == [SetWeight("req", 10.0)]


def test_pause_and_continue(site: Site) -> None:
    site.press("Pause")
    site.expect("Paused")
    site.press("Continue")
    site.expect("Training")


def test_a_reload_finds_the_run_again(site: Site) -> None:
    assert site.page.url == f"{site.address}?run={site.run().name}"
    site.page.reload()
    site.expect("Training")
    site.page.locator(".reilab-psnr-rei").wait_for()
    assert site.page.locator(".reilab-alpha-req input").input_value() == "10"


def test_the_page_fits_a_telephone(site: Site) -> None:
    site.page.set_viewport_size({"width": 390, "height": 844})
    widest = site.page.evaluate("document.querySelector('*').scrollWidth")
    main = site.page.locator(".main-content").evaluate("e => e.scrollWidth - e.clientWidth")
    assert widest <= 390
    assert main <= 0
    site.page.set_viewport_size({"width": 1440, "height": 900})


def test_a_killed_worker_is_reported_and_the_run_resumed(site: Site) -> None:
    pid = worker_pid(site.run())
    assert pid is not None
    psutil.Process(pid).kill()
    site.expect("Worker lost")
    assert f"process {pid} was ended by SIGKILL" in site.page.get_by_role("alert").inner_text()
    site.press("Resume")
    site.expect("Training")


def test_stop(site: Site) -> None:
    site.press("Stop")
    site.expect("Stopped")
    assert site.page.get_by_role("button", name="Resume").is_visible()


def test_nothing_left_this_machine_and_nothing_went_wrong(site: Site) -> None:
    assert {url.split("/")[2] for url in site.requests if "://" in url} == {
        site.address.split("/")[2]
    }
    assert site.errors == []


def _until(reached, what: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not reached():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.3)
