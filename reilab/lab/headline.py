"""Headline: which run a page shows, and which others are at work, for its head and its tab."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

import panel as pn

from reilab.lab.library import WORDS, duration, run_title
from reilab.lab.model import Lab
from reilab.lab.style import LINE
from reilab.lab.text import set_html, small_button, text
from reilab.runs.account import Account
from reilab.runs.config import RunConfig
from reilab.runs.jobs import LIVE, Status
from reilab.show.words import LETTERS, number_text
from reilab.tasks.registry import find_task

NAME = "reilab"
TAGLINE = "learning to image from noisy, incomplete measurements alone"
#: What stands in the tab before a run, where there is room for a sign alone.
SIGNS = {
    Status.QUEUED: "…",
    Status.STARTING: "▶",
    Status.RUNNING: "▶",
    Status.PAUSED: "❚❚",
    Status.STOPPING: "■",
    Status.STOPPED: "■",
    Status.FINISHED: "✓",
}


def problem_title(config: RunConfig) -> str:
    """Task and noise of a run."""
    known = find_task(config.task)
    level = known.level_name(vars(config.spec))
    return f"{known.title}, {LETTERS.get(level, level)} = {number_text(config.noise)}"


def shown_words(lab: Lab) -> str:
    """The run that is shown: what it is of, and its name."""
    told = [problem_title(lab.asked)] if lab.asked else []
    return " · ".join([*told, run_title(lab.run)])


def head_html(lab: Lab) -> str:
    """The head of the page: the run that is shown, or what the lab is for."""
    words = shown_words(lab) if lab.run else TAGLINE
    kind = "shown" if lab.run else "tagline"
    return f'<h1>{NAME} <small class="{kind}" title="{escape(words)}">{escape(words)}</small></h1>'


def tab_title(lab: Lab) -> str:
    """The title of the browser's tab: how far the run is that is shown, and which it is."""
    if not lab.run:
        return NAME
    status = lab.standing.status
    share = f" {lab.history.progress:.0%}" if status in LIVE else ""
    what = problem_title(lab.asked) if lab.asked else run_title(lab.run)
    return f"{SIGNS.get(status, '⚠')}{share} {what} – {NAME}"


class Others(pn.viewable.Viewer):
    """A word on another run that is at work while none is that is shown, and the way to it."""

    def __init__(self, lab: Lab) -> None:
        super().__init__()
        self._lab, self._run = lab, ""
        self._words = text(css_classes=["reilab-others"])
        self._view = pn.Row(
            self._words,
            small_button("Follow it", lambda: lab.open(self._run), "follow"),
            visible=False,
            margin=(10, 0, 0, 0),
            styles=dict(LINE),
            sizing_mode="stretch_width",
        )

    def __panel__(self) -> pn.viewable.Viewable:
        return self._view

    def update(self, at_work: Sequence[Account]) -> None:
        """Tell of the first of these runs."""
        other = next((one for one in at_work if one.folder.name != self._lab.run), None)
        self._view.visible = other is not None and not self._lab.live
        if other is not None:
            self._run = other.folder.name
            set_html(
                self._words, f'<span role="status">{escape(others_words(self._lab, other))}</span>'
            )


def others_words(lab: Lab, other: Account) -> str:
    """What another run does, and whether one of this page would wait for it."""
    asked = other.config
    what = problem_title(asked) if asked else run_title(other.folder.name)
    words = f"Another run, {what}: {WORDS[other.standing.status].lower()}"
    if other.history.eta is not None:
        words += f", about {duration(other.history.eta)} left"
    waits = asked is not None and asked.device == lab.choices.device and not lab.hands.tied
    return f"{words}; yours would wait." if waits else f"{words}."
