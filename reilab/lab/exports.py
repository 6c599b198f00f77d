"""Exports: runs as files to keep: figures, pictures, curves, commands, reports."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from html import escape

import panel as pn

from reilab.lab.beside import beside
from reilab.lab.bulletin import LONG
from reilab.lab.web.components import Browser
from reilab.record.folder import RunFolder
from reilab.record.history import History
from reilab.runs.config import config_of
from reilab.runs.facts import facts_of_run
from reilab.runs.report import command_of, report_html
from reilab.show.figures import Framing, Paper, plate, saved
from reilab.show.panes import TRUTH, to_colours, to_png
from reilab.show.results import curves_csv
from reilab.show.scene import Scene, scene_of
from reilab.show.words import number_text


@dataclass(frozen=True)
class File:
    """A file for the person in front of the browser."""

    name: str
    content: bytes
    kind: str


KINDS = {"svg": "image/svg+xml", "pdf": "application/pdf", "png": "image/png"}


def hand_out(browser: Browser, make: Callable[[], File]) -> None:
    """Make a file beside the page, and give it to the person as soon as it is there."""
    notifications = pn.state.notifications

    def give(made: Future[File]) -> None:
        trouble = made.exception()
        if trouble is None:
            file = made.result()
            browser.download(file.name, file.content, file.kind)
        elif notifications is not None:
            # They are shown as HTML.
            notifications.error(escape(str(trouble)), duration=LONG)

    beside(make, give)


def figure(scene: Scene, paper: Paper, framing: Framing, kind: str) -> File:
    """What is on screen, on paper."""
    step = max((shot.step for shot in scene.shots), default=0)
    content = saved(plate(scene, paper, framing), kind)
    return File(f"{scene.run}-step-{step}.{kind}", content, KINDS[kind])


def pictures(folder: RunFolder, history: History, sample: int, step: int | None) -> File:
    """Every pane and error map of one test image at one moment, at full resolution.

    Their names say run, task, noise, seed, method and step; those of error maps their scale, too.

    Raises:
        ValueError: there are none.
    """
    at = max(history.moments, default=0) if step is None else step
    out, scene = io.BytesIO(), scene_of(folder.name, history, sample, at)
    config = config_of(folder)
    whose = f"{config.task}-noise-{number_text(config.noise)}-seed-{config.training.seed}"
    if scene is None or not scene.shots:
        raise ValueError("This run has no images.")
    with zipfile.ZipFile(out, "w") as archive:
        for shot in scene.panes:
            stem = f"{folder.name}-{whose}-{shot.key}-step-{shot.step}"
            archive.writestr(f"{stem}.png", to_png(scene.pixels(shot)))
            if shot.key != TRUTH and shot.key in scene.errors:
                picture = to_png(to_colours(scene.errors[shot.key], scene.end))
                archive.writestr(f"{stem}-error-0-to-{scene.end:g}.png", picture)
    return File(f"{folder.name}-step-{at}.zip", out.getvalue(), "application/zip")


def curves(folder: RunFolder, history: History) -> File:
    """All curves, one row for each entry of the log."""
    content = curves_csv(history, facts_of_run(folder)).encode()
    return File(f"{folder.name}-curves.csv", content, "text/csv")


def report(folder: RunFolder) -> File:
    """One page that needs no connection."""
    return File(f"{folder.name}.html", report_html(folder).encode(), "text/html")


def command(folder: RunFolder) -> File:
    """The command that repeats the run."""
    return File(f"{folder.name}.sh", f"{command_of(folder)}\n".encode(), "text/x-shellscript")
