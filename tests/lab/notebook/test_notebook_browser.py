"""``notebooks/lab.ipynb`` in JupyterLab in a real browser: train, steer, block the kernel, stop."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from kit import ROOT
from kit.browsers import CHROMIUM, FLAGS, IN_A_BROWSER, until

from reilab.events import SetWeight, Steered, Stepped, Stopped
from reilab.record.folder import RunFolder, list_runs
from reilab.runs.roster import worker_alive, worker_pid

pytestmark = IN_A_BROWSER
playwright = pytest.importorskip("playwright.sync_api", reason="needs: pip install playwright")
pytest.importorskip("jupyterlab", reason="needs: pip install jupyterlab")

PATIENCE_SECONDS = 120
NOTEBOOK = ROOT / "notebooks" / "lab.ipynb"
#: A cell that keeps the kernel until a file appears: the test decides when it ends.
BLOCKER = """\
import time
from pathlib import Path

while not Path("released").exists():
    time.sleep(0.05)"""
#: The length of each line and the sum of each image on the page, by the name of its figure.
SHOWN = """() => Object.fromEntries([...(window.Bokeh?.index.roots ?? [])]
  .filter(({model}) => model.renderers)
  .map(({model}) => [model.html_attributes["aria-label"], model.renderers.map(({data_source}) =>
    [data_source.get_length(), ...data_source.columns().includes("image")
      ? data_source.get_array("image").map((pixels) => pixels.reduce((sum, one) => sum + one, 0))
      : []])]))"""
PARAMETERS, LAB, HISTORY, BLOCKING = 0, 1, 2, 4
SETTINGS = {
    "themes.jupyterlab-settings": {"theme": "JupyterLab Light"},
    "notification.jupyterlab-settings": {"fetchNews": "false", "checkForUpdates": False},
}


@dataclass
class Site:
    """JupyterLab with the notebook open, and what the browser has been up to."""

    home: Path
    page: playwright.Page
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def watch(self) -> None:
        """Note what the page asks for and what goes wrong in it."""
        self.page.set_default_timeout(1000 * PATIENCE_SECONDS)
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)

    def cell(self, index: int) -> playwright.Locator:
        return self.page.locator(".jp-Notebook .jp-CodeCell").nth(index)

    def run(self, index: int) -> None:
        """Send a cell to the kernel."""
        self.cell(index).locator(".cm-content").click()
        self.page.keyboard.press("Shift+Enter")

    def expect(self, words: str) -> None:
        """Wait until the state of the run is this one."""
        self.page.locator(".reilab-lab .state", has_text=words).wait_for()

    def figure(self, key: str) -> playwright.Locator:
        """An image."""
        return self.page.locator(f".reilab-pane-{key} [role=img]").first

    def picture(self, key: str) -> str:
        """What an image shows now."""
        return drawn(self.figure(key))

    def wait_for_another(self, key: str) -> None:
        """Wait until an image is another than now."""
        before = self.picture(key)
        until(lambda: self.picture(key) != before, f"another image of {key}", PATIENCE_SECONDS)

    def folder(self) -> RunFolder:
        """The newest run."""
        return list_runs(self.home / "runs")[0]

    def step(self) -> int:
        """How far the newest run has come, by its own log."""
        events = self.folder().events()
        return max((event.step for event in events if isinstance(event, Stepped)), default=0)


def drawn(figure: playwright.Locator) -> str:
    """The pixels of a figure, or nothing as long as there is none."""
    canvas = figure.locator("canvas").first
    return str(canvas.evaluate("canvas => canvas.toDataURL()")) if canvas.count() else ""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the notebook, to which a cell has been added that blocks the kernel."""
    home = tmp_path_factory.mktemp("jupyter")
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    last = {"cell_type": "code", "id": "blocker", "metadata": {}, "outputs": [], "source": BLOCKER}
    notebook["cells"].append(last | {"execution_count": None})
    (home / "notebooks").mkdir()
    (home / "notebooks" / "lab.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    settings = home / "config" / "lab" / "user-settings" / "@jupyterlab" / "apputils-extension"
    settings.mkdir(parents=True)
    for name, values in SETTINGS.items():
        (settings / name).write_text(json.dumps(values), encoding="utf-8")
    return home


@pytest.fixture(scope="module")
def address(home: Path) -> Iterator[str]:
    """A JupyterLab of its own, that knows nothing of the one that a person may have."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    parts = ("CONFIG", "DATA", "RUNTIME")
    own = {f"JUPYTER_{part}_DIR": str(home / part.lower()) for part in parts}
    options = (
        "--no-browser",
        "--allow-root",
        "--ip=127.0.0.1",
        f"--port={port}",
        "--ServerApp.port_retries=0",
        f"--ServerApp.root_dir={home}",
        "--IdentityProvider.token=",
    )
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options],
            env=os.environ | own | {"IPYTHONDIR": str(home / "ipython")},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    until(lambda: _answers(server, port), "JupyterLab", PATIENCE_SECONDS)
    yield f"http://127.0.0.1:{port}/doc/tree/notebooks/lab.ipynb"
    # It ends its kernels first; a run that is still going would outlive them.
    server.terminate()
    server.wait()
    for folder in list_runs(home / "runs"):
        if worker_alive(folder):
            psutil.Process(worker_pid(folder)).kill()


@pytest.fixture(scope="module")
def site(address: str, home: Path) -> Iterator[Site]:
    """One tab for the whole module: the tests below follow one person through a session."""
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        site = Site(home, browser.new_page(viewport={"width": 1440, "height": 1400}))
        site.watch()
        site.page.goto(address)
        site.page.get_by_text("| Idle").wait_for()
        yield site
        browser.close()


def test_the_cell_returns_at_once_and_shows_the_lab(site: Site) -> None:
    for index in (PARAMETERS, LAB):
        site.run(index)
        site.cell(index).locator(".jp-InputPrompt", has_text=f"[{index + 1}]").first.wait_for()
    site.page.get_by_text("Press Train").last.wait_for()
    site.page.get_by_text("Accelerated MRI: some of the columns").wait_for()


def test_help_opens_by_keyboard(site: Site) -> None:
    ask = site.page.locator("summary[aria-label='Help on α SURE']")
    ask.focus()
    site.page.keyboard.press("Enter")
    words = site.page.locator(".reilab-alpha-sure .reilab-help p")
    words.wait_for()
    assert "Range" in words.inner_text()
    ask.press("Enter")
    words.wait_for(state="hidden")


def test_images_and_curves_change_while_it_trains(site: Site) -> None:
    site.page.locator(".reilab-preset select").select_option(label="smoke: a first try, seconds")
    steps = site.page.get_by_role("textbox", name="Steps")
    until(lambda: steps.input_value() == "4", "the steps of the preset", PATIENCE_SECONDS)
    steps.fill("100000")
    steps.press("Enter")
    site.page.locator(".reilab-train").click()
    site.expect("Training")
    site.page.locator(".reilab-pane-rei canvas").first.wait_for()
    curve = site.page.get_by_role("img", name="PSNR on the test images (dB) against steps")
    before = drawn(curve)
    site.wait_for_another("rei")
    site.wait_for_another("ei")
    until(lambda: drawn(curve) != before, "a longer curve", PATIENCE_SECONDS)
    assert "it/s" in site.page.locator(".reilab-status").inner_text()
    name = site.figure("rei").get_attribute("aria-label")
    assert re.match(r"REI at step \d+: PSNR [\d.]+ dB", name or "")


def test_images_zoom_together(site: Site) -> None:
    truth, other = (site.figure(key) for key in ("truth", "pinv"))
    whole = drawn(other)
    truth.hover()
    site.page.keyboard.down("Control")
    site.page.mouse.wheel(0, -400)
    site.page.keyboard.up("Control")
    until(lambda: drawn(other) != whole, "a part of the image", PATIENCE_SECONDS)
    part = drawn(other)
    other.dblclick()
    until(lambda: drawn(other) != part, "the whole image", PATIENCE_SECONDS)


def test_a_weight_is_changed_while_it_trains(site: Site) -> None:
    site.page.locator(".reilab-alpha-req .reilab-scale").last.click()
    told = "weight of req = 10"
    site.page.locator(".reilab-lab li", has_text=told).wait_for()
    commands = [event.command for event in site.folder().events() if isinstance(event, Steered)]
    assert SetWeight("req", 10.0) in commands


def test_the_run_is_not_harmed_while_another_cell_blocks_the_kernel(site: Site) -> None:
    site.run(BLOCKING)
    site.cell(BLOCKING).locator(".jp-InputPrompt", has_text="[*]").first.wait_for()
    site.page.get_by_text("| Busy").wait_for()
    shown, begun = site.picture("rei"), site.step()
    until(lambda: site.step() > begun + 20, "steps of a run beside it", PATIENCE_SECONDS)
    assert site.picture("rei") == shown
    (site.home / "notebooks" / "released").touch()
    until(lambda: site.picture("rei") != shown, "images after the cell", PATIENCE_SECONDS)
    site.expect("Training")


def test_stop_works_while_it_trains(site: Site) -> None:
    site.page.locator(".reilab-stop").click()
    site.expect("Stopped")
    assert any(isinstance(event, Stopped) for event in site.folder().events())
    site.page.locator(".reilab-resume").wait_for()
    until(lambda: not worker_alive(site.folder()), "the end of the worker", PATIENCE_SECONDS)


def test_the_next_cells_see_what_the_run_has_come_to(site: Site) -> None:
    site.run(HISTORY)
    output = site.cell(HISTORY).locator(".jp-OutputArea-output", has_text="Metrics(psnr=")
    output.wait_for()
    site.run(HISTORY + 1)
    site.cell(HISTORY + 1).locator(".jp-OutputArea-output img").wait_for()


def test_a_page_that_is_loaded_anew_shows_the_run_as_it_is(site: Site) -> None:
    shown = site.page.evaluate(SHOWN)
    assert "PSNR on the test images (dB) against steps" in shown
    site.page.keyboard.press("Control+s")
    site.page.get_by_text("Saving completed").wait_for()
    saved = (site.home / "notebooks" / "lab.ipynb").read_text(encoding="utf-8")
    assert "Bokeh" not in saved
    site.page.reload()
    site.page.locator(".reilab-pane-rei canvas").first.wait_for()
    until(lambda: site.page.evaluate(SHOWN) == shown, "all as before", PATIENCE_SECONDS)


def test_nothing_left_this_machine_and_nothing_went_wrong(site: Site) -> None:
    hosts = {url.split("/")[2] for url in site.requests if url.startswith(("http", "ws"))}
    assert len(hosts) == 1
    assert site.errors == []


def _answers(server: subprocess.Popen[bytes], port: int) -> bool:
    assert server.poll() is None, "JupyterLab did not start"
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api") as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, ConnectionError):
        return False
