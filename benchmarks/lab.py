"""What the lab costs, and how soon it answers. ``python -m benchmarks.lab`` (needs Chromium)"""

from __future__ import annotations

import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from jupyter_client.manager import start_new_kernel
from playwright.sync_api import Page

from benchmarks.measure import Table
from benchmarks.site import Site, served, until
from reilab.events import Evaluated, Metrics, Posed, Started, Stepped
from reilab.record.folder import RunFolder
from reilab.record.history import history_of
from reilab.runs import jobs, pool
from reilab.runs.config import configure
from reilab.runs.library import Library
from reilab.runs.processes import this_process
from reilab.runs.roster import sign_in

SIDE, METHODS = 256, ("ei", "rei", "supervised")
WEIGHTS = {
    "ei": {"mc": 1.0, "eq": 1.0},
    "rei": {"sure": 1.0, "req": 1.0},
    "supervised": {"supervised": 1.0},
}
N_OPENINGS = 5
#: So long the server rests before each.
REST_SECONDS = 8
#: Updates that a made-up run sends, and seconds between them.
N_UPDATES, PAUSE = 40, 0.5
N_SESSIONS = 50
#: Sessions of closed tabs are discarded within half a minute.
DISCARDED_SECONDS = 45.0
#: How long training is watched, and not watched, in turns.
WATCHED_SECONDS, WATCHED_ROUNDS = 20.0, 3
NOTE = f"""A server and headless Chromium on the same machine. *An update*: five panes of
{SIDE}² with their error maps, three curves and the table, as the processor time of the server
while a run writes {N_UPDATES} of them, less what it takes idle, over the number that are seen.
*Kernel*: the same in a notebook, as the kernel's processor time, without a browser.
*Sessions*: tabs that watch one run whose images change every {PAUSE:g} s, and how often the step on
their screens changes. *First image*: from the click on Train (MRI, `quick`) until one of REI is
seen, with a worker that waits and without.
*Training lost*: steps a second of MRI, `quick`, with the page open against closed, in turns.
*Memory*: of the server after {N_SESSIONS} tabs were opened and closed, less that after five."""
#: Shows a run in a kernel, and tells the processor time of each update, less that of idle beats.
IN_A_KERNEL = """
import asyncio, time
from pathlib import Path
from benchmarks.lab import N_UPDATES, _grow, _made_up, SIDE
from reilab.lab.notebook import LabPanel
from reilab.runs import jobs

jobs.warm = lambda root: None
run, truth = _made_up(Path({root!r}), SIDE)
panel = LabPanel(Path({root!r}))
panel.show_run(run.name)
for figures in (panel.pictures.figures, panel.curves.widget):
    # As a browser asks for it.
    figures._answer(figures, {{"script": False}}, ())
began = time.process_time()
await asyncio.sleep(5)
idle = (time.process_time() - began) / 5
busy = 0.0
for _ in range(N_UPDATES):
    _grow(run, truth, 1, 0.0)
    began = time.process_time()
    await asyncio.sleep(1)
    busy += time.process_time() - began - idle
print(1000 * busy / N_UPDATES)
"""
#: Notes in ``window.painted`` when the first picture is there, in milliseconds.
PAINTED = """
const seen = (root) => [...root.querySelectorAll("*")].some((one) => one.shadowRoot
  ? seen(one.shadowRoot)
  : one.matches("img, canvas") && one.getClientRects().length && (one.naturalWidth ?? one.width))
const watch = () => {
  requestAnimationFrame(watch)
  if (!window.painted && document.body && seen(document)) window.painted = performance.now()
}
watch()
"""
#: Counts in ``window.seen`` how often the step on screen changes.
COUNT = """
(element) => {
  const pane = element.getRootNode()
  const read = () => pane.querySelector(".reilab-step")?.textContent
  let last = read()
  window.seen = 0
  setInterval(() => {
    const now = read()
    if (now && now !== last) window.seen += 1
    last = now ?? last
  }, 20)
}
"""


def measure() -> Table:
    """All of it."""
    rows: list[list[str]] = []
    for action in (opening, update, notebook, sessions, first_image, training_lost, memory):
        print("lab", action.__name__, file=sys.stderr, flush=True)
        with (
            # A worker may still write the figure of its run.
            tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
            served(Path(folder)) as site,
        ):
            found = action(site)
        print(found, file=sys.stderr, flush=True)
        rows += found
    return Table("The lab", NOTE, ["what", "measured", "goal"], rows)


def opening(site: Site) -> list[list[str]]:
    """Seconds until a page shows a picture, and until it can be used."""
    site.open("task=mri&preset=quick").close()
    until(lambda: _at_rest(site.root), "a worker that has loaded what runs need")
    rows = []
    for asked, query in (("for nothing", ""), ("for a task", "task=mri&preset=quick")):
        for way in ("that comes for the first time", "that was here before"):
            is_known = way == "that was here before"
            found = [_until_usable(site, query, is_known) for _ in range(N_OPENINGS)]
            painted, usable = zip(*found, strict=True)
            whose = f"asked {asked}, in a browser {way}"
            rows.append([f"shows a picture, {whose}", _told(painted), "1 s"])
            rows.append([f"usable, {whose}", _told(usable), "2.5 s"])
    return rows


def _until_usable(site: Site, query: str, is_known: bool) -> tuple[float, float]:
    """Seconds from the address to the first picture, and until the page answers."""
    context = site.browser.new_context(viewport={"width": 1440, "height": 900})
    address = f"{site.address}?{query}"
    for _ in range(1 + is_known):
        # For the page before to be whole, and for a spare one to be made.
        time.sleep(REST_SECONDS)
        page = context.new_page()
        page.add_init_script(PAINTED)
        began = time.perf_counter()
        page.goto(address, wait_until="commit")
        page.locator("body[data-awake]").wait_for()
        usable = time.perf_counter() - began
        painted = page.evaluate("window.painted") / 1000
        page.close()
    context.close()
    return painted, usable


def update(site: Site) -> list[list[str]]:
    """Server time of an update."""
    run, images = _made_up(site.root, SIDE)
    page = site.open(f"run={run.name}")
    page.locator(".reilab-psnr-rei").wait_for()
    page.locator(".reilab-step:visible").evaluate(COUNT)
    time.sleep(3)
    idle = _cpu(site, lambda: time.sleep(N_UPDATES * PAUSE))
    before = _seen(page)
    busy = _cpu(site, lambda: _grow(run, images, N_UPDATES, PAUSE))
    milliseconds = 1000 * (busy - idle) / (_seen(page) - before)
    return [["server time of an update", f"{milliseconds:.1f} ms", "15 ms"]]


def notebook(site: Site) -> list[list[str]]:
    """Processor time of an update of the lab in a notebook, in its kernel."""
    manager, client = start_new_kernel()
    told: list[str] = []

    def hear(message: dict[str, Any]) -> None:
        told.append(str(message["content"].get("text", message["content"].get("evalue", ""))))

    try:
        code = IN_A_KERNEL.format(root=str(site.root))
        client.execute_interactive(code, output_hook=hear, timeout=300)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    return [["kernel time of an update", f"{float(''.join(told)):.1f} ms", "15 ms"]]


def sessions(site: Site) -> list[list[str]]:
    """Updates a second that 1 and 8 sessions see."""
    rows = []
    for count in (1, 8):
        run, images = _made_up(site.root, SIDE)
        pages = [site.open(f"run={run.name}") for _ in range(count)]
        for page in pages:
            page.locator(".reilab-psnr-rei").wait_for()
            page.locator(".reilab-step:visible").evaluate(COUNT)
        time.sleep(2)
        began = [_seen(page) for page in pages]
        writer = threading.Thread(target=_grow, args=(run, images, N_UPDATES, PAUSE))
        writer.start()
        writer.join()
        time.sleep(1)
        seen = [_seen(page) - start for page, start in zip(pages, began, strict=True)]
        rate = statistics.median(seen) / (N_UPDATES * PAUSE)
        words = f"{rate:.2f} a second (least {min(seen)} of {N_UPDATES})"
        rows.append([f"updates seen by each of {count} sessions", words, f"{1 / PAUSE:g} a second"])
        for page in pages:
            page.close()
    return rows


def first_image(site: Site) -> list[list[str]]:
    """Seconds from the click to the first image."""
    found: dict[str, list[float]] = {"cold": [], "warm": []}
    for _ in range(5):
        for way, seconds in found.items():
            seconds.append(_until_first_image(site, is_cold=way == "cold"))
    rows = []
    for way, goal in (("warm", "2 s"), ("cold", "5 s")):
        rows.append([f"first image, {way}", _told(found[way]), goal])
    return rows


def _told(seconds: Sequence[float]) -> str:
    return f"{statistics.median(seconds):.2f} s (most {max(seconds):.2f} s)"


def _until_first_image(site: Site, is_cold: bool) -> float:
    """Seconds from the click on Train, with a worker that waits or, cold, without."""
    page = site.open("task=mri&preset=quick")
    until(lambda: _at_rest(site.root), "a worker that has loaded what runs need")
    if is_cold:
        for worker in pool.waiting(site.root):
            psutil.Process(worker.pid).kill()
    time.sleep(1)
    button = page.get_by_role("button", name="Train", exact=True)
    image = page.locator(".reilab-psnr-rei:visible")
    began = time.perf_counter()
    button.click()

    def seen() -> bool:
        # Before, the page shows the example. ``page.url`` is not kept up to date while one waits.
        begun = "run=" in page.evaluate("location.search") and image.count() == 1
        run = Library(site.root).entries()[0].name if begun else ""
        return begun and "rei" in history_of(RunFolder(site.root / run).events()).tracks

    until(seen, "the first image")
    seconds = time.perf_counter() - began
    _stop(page, site)
    return seconds


def training_lost(site: Site) -> list[list[str]]:
    """Share of the training speed that an open page costs."""

    @contextmanager
    def watching(run: RunFolder) -> Iterator[None]:
        page = site.open(f"run={run.name}")
        yield
        page.close()

    return [["training lost to an open page", lost(site.root, watching), "5 %"]]


def lost(root: Path, watching: Callable[[RunFolder], AbstractContextManager[None]]) -> str:
    """What share of the speed of a training it costs that somebody watches, in turns."""
    run = jobs.submit(configure("mri", "quick", training={"steps": 100_000}), root)
    until(lambda: _steps(run) > 0, "the first step")
    pairs = []
    for _ in range(WATCHED_ROUNDS):
        with watching(run):
            watched = _speed(run)
        time.sleep(DISCARDED_SECONDS)
        pairs.append((watched, _speed(run)))
    jobs.stop(run)
    until(lambda: Library(root).idle, "the run to end")
    share = 1 - statistics.median(a / b for a, b in pairs)
    return f"{share:.1%} ({', '.join(f'{a:.1f}|{b:.1f}' for a, b in pairs)} steps/s)"


def _speed(run: RunFolder) -> float:
    """Steps a second, after a moment to settle."""
    time.sleep(8)
    first, began = _steps(run), time.perf_counter()
    time.sleep(WATCHED_SECONDS)
    return (_steps(run) - first) / (time.perf_counter() - began)


def memory(site: Site) -> list[list[str]]:
    """What sessions leave behind."""
    run, _ = _made_up(site.root, SIDE)

    def visit() -> None:
        page = site.open(f"run={run.name}")
        page.locator(".reilab-psnr-rei").wait_for()
        page.close()

    sizes = []
    for count in (5, N_SESSIONS):
        for _ in range(count):
            visit()
        time.sleep(DISCARDED_SECONDS)
        sizes.append(site.server.memory_info().rss / 2**20)
    threads = site.server.num_threads()
    words = f"{sizes[1] - sizes[0]:+.0f} MiB ({sizes[0]:.0f} before), {threads} threads"
    return [[f"memory of the server after {N_SESSIONS} sessions", words, "no growth"]]


def _made_up(root: Path, side: int) -> tuple[RunFolder, np.ndarray]:
    """A run with images of noise, and those images."""
    name = f"made-up-{time.time_ns()}"
    config = configure("mri", "standard", METHODS, training={"steps": 10_000})
    run = RunFolder.create(root / name, config.to_yaml())
    truth = np.random.default_rng(0).random((4, side, side, 1), np.float32)
    scores = Metrics(20.0, 0.5, 0.1)
    run.record(
        Posed(
            task="mri",
            preset="standard",
            noise=0.1,
            noise_unit="",
            device="cpu",
            n_train=4,
            n_test=4,
            pinv=truth[::-1].copy(),
            truth=truth,
            pinv_metrics=scores,
            pinv_per_image=(scores,) * 4,
            measurement=truth,
            measurement_title="k-space",
        )
    )
    for method in METHODS:
        oracle = method == "supervised"
        run.record(Started(method, 0, 10_000, 1000, oracle, WEIGHTS[method], 1e-3, 0.1, "online"))
    _grow(run, truth, 2, 0.0)
    sign_in(run, this_process())
    return run, truth


def _grow(run: RunFolder, truth: np.ndarray, updates: int, pause: float) -> None:
    """Let the run log a step and evaluate every method so many times."""
    first = history_of(run.events()).tracks[METHODS[0]].step
    rng = np.random.default_rng(first)
    for index in range(updates):
        step = first + 10 * (index + 1)
        for method in METHODS:
            losses = dict.fromkeys(WEIGHTS[method], 1 / step)
            run.record(Stepped(method, step, losses, 1 / step, 1e-3, 0.1, 1 / step))
        for method in METHODS:
            image = truth + 0.1 * rng.standard_normal(truth.shape, np.float32)
            scores = Metrics(20 + step / 1000, 0.5, 0.1)
            run.record(Evaluated(method, step, scores, image, (scores,) * 4))
        time.sleep(pause)


def _cpu(site: Site, action: Callable[[], object]) -> float:
    before = site.cpu_seconds()
    action()
    return site.cpu_seconds() - before


def _seen(page: Page) -> int:
    return int(page.evaluate("window.seen"))


def _steps(run: RunFolder) -> int:
    tracks = history_of(run.events()).tracks
    return sum(track.step for track in tracks.values())


def _at_rest(root: Path) -> bool:
    """Whether a worker waits, and computes nothing."""
    workers = [psutil.Process(worker.pid) for worker in pool.waiting(root)]
    return bool(workers) and all(worker.cpu_percent(1.0) < 10 for worker in workers)


def _stop(page: Page, site: Site) -> None:
    page.get_by_role("button", name="Stop", exact=True).click()
    until(lambda: Library(site.root).idle, "the run to end")
    page.close()


if __name__ == "__main__":
    print(measure().markdown())
