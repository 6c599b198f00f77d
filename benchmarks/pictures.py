"""Pictures of the lab in use, for the documentation: each task, wide and narrow, light and dark.

``python -m benchmarks.pictures docs/lab [TASK …]`` trains each task with its ``quick`` preset and
takes the whole page in the middle of it; and takes the report of an example, read from disk.
"""

from __future__ import annotations

import argparse
import io
import tempfile
from collections.abc import Sequence
from functools import partial
from itertools import product
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Page

from benchmarks.site import Site, browser, served, until
from reilab.record.folder import RunFolder, find_run, list_runs
from reilab.record.history import history_of
from reilab.runs import jobs
from reilab.runs.library import Library
from reilab.runs.report import report_html
from reilab.tasks.registry import tasks

SIZES = {"wide": (1440, 900), "phone": (390, 844)}
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
#: Where the methods can be told apart, and training still goes on.
SHARE_TRAINED = 0.3
TRAINING_SECONDS = 600.0
QUALITY = 82
#: The page scrolls in a part of its own, inside shadow roots.
TALLEST = """
() => {
  const heights = (root) => [...root.querySelectorAll("*")].map((element) =>
    Math.max(
      getComputedStyle(element).overflowY === "auto" && element.clientWidth > 350
        ? element.scrollHeight + element.getBoundingClientRect().top : 0,
      element.shadowRoot ? heights(element.shadowRoot) : 0,
    )).reduce((one, other) => Math.max(one, other), window.innerHeight)
  return Math.ceil(heights(document))
}
"""


def main(folder: Path, names: Sequence[str]) -> None:
    """Write ``TASK-SIZE-THEME.webp`` into the folder for each of them."""
    folder.mkdir(parents=True, exist_ok=True)
    take_replays(folder)
    for task in names or tasks():
        with tempfile.TemporaryDirectory() as root, served(Path(root)) as site:
            page = site.open(f"task={task}&preset=quick")
            page.get_by_role("button", name="Train", exact=True).click()
            until(lambda: list_runs(site.root), "the run")
            run = list_runs(site.root)[0]
            until(partial(is_under_way, run), "progress", TRAINING_SECONDS)
            for size, theme in product(SIZES, THEMES):
                file = folder / f"{task}-{size}-{theme}.webp"
                take(site, f"run={run.name}&theme={theme}", size, file)
            # It may have come to its end meanwhile.
            jobs.stop(run)
            until(lambda: Library(site.root).idle, "the end")


def is_under_way(run: RunFolder) -> bool:
    """Whether there is something to see."""
    return history_of(run.events()).progress > SHARE_TRAINED


def take(site: Site, query: str, size: str, file: Path) -> None:
    """One picture of the whole page."""
    page = site.open(query)
    width, height = SIZES[size]
    page.set_viewport_size({"width": width, "height": height})
    page.reload()
    page.locator("body[data-awake]").wait_for()
    page.locator(".reilab-psnr-rei").first.wait_for()
    show_all(page, width)
    save(page.screenshot(), file)
    page.close()


def save(screenshot: bytes, file: Path) -> None:
    """A picture as it is committed."""
    shot = Image.open(io.BytesIO(screenshot)).convert("RGB")
    shot.save(file, quality=QUALITY, method=6)


def take_replays(folder: Path) -> None:
    """Write ``replay-THEME.webp``: how an example was learned, halfway, as far as the swipe."""
    with tempfile.TemporaryDirectory() as root, browser() as chromium:
        file = Path(root, "replay.html")
        file.write_text(report_html(find_run("mri-hour")), encoding="utf-8")
        for theme in THEMES:
            page = chromium.new_page(viewport={"width": 1000, "height": 1200}, color_scheme=theme)
            page.goto(file.as_uri())
            page.locator("#reel-moment").fill("5")
            save(page.locator("#replay").screenshot(), folder / f"replay-{theme}.webp")


def show_all(page: Page, width: int) -> None:
    """Make the window as high as the page, once that has taken its final height."""
    heights = [-1, 0]
    while heights[-1] != heights[-2]:
        page.wait_for_timeout(1500)
        heights.append(int(page.evaluate(TALLEST)))
    page.set_viewport_size({"width": width, "height": heights[-1]})
    page.wait_for_timeout(1500)


if __name__ == "__main__":
    parser = argparse.ArgumentParser("python -m benchmarks.pictures", description=__doc__)
    parser.add_argument("folder", type=Path, help="where the pictures go")
    parser.add_argument("tasks", nargs="*", metavar="TASK", help=", ".join(tasks()))
    chosen = parser.parse_args()
    main(chosen.folder, chosen.tasks)
