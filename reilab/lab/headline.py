"""Headline: which run a page shows, and which others are at work, for its head and its tab."""

from __future__ import annotations

from html import escape

from reilab.lab.model import Lab
from reilab.lab.titles import WORDS, duration, run_title
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


def others_words(lab: Lab, other: Account) -> str:
    """What another run does, and whether one of this page would wait for it."""
    asked = other.config
    what = problem_title(asked) if asked else run_title(other.folder.name)
    words = f"Another run, {what}: {WORDS[other.standing.status].lower()}"
    if other.history.eta is not None:
        words += f", about {duration(other.history.eta)} left"
    waits = asked is not None and asked.device == lab.choices.device and not lab.hands.tied
    return f"{words}; yours would wait." if waits else f"{words}."
