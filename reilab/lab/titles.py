"""Titles: what runs are called, and how they stand, in words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from reilab.record.folder import RunFolder
from reilab.record.history import History
from reilab.runs.jobs import Standing, Status
from reilab.runs.library import RunEntry, notes_of
from reilab.show.results import pace

WORDS: Mapping[Status, str] = {
    Status.QUEUED: "Queued",
    Status.STARTING: "Starting",
    Status.RUNNING: "Training",
    Status.PAUSED: "Paused",
    Status.STOPPING: "Stopping",
    Status.STOPPED: "Stopped",
    Status.FINISHED: "Finished",
    Status.FAILED: "Failed",
    Status.LOST: "Worker lost",
    Status.UNREADABLE: "Cannot be read",
}


def state_words(standing: Standing) -> str:
    """Where a run stands, in a word or two."""
    place = f", number {standing.position} in line" if standing.position else ""
    return WORDS[standing.status] + place


def status_detail(history: History, standing: Standing) -> str:
    """Step, pace, time to go and device of a run, as far as they are known."""
    if standing.status is Status.QUEUED:
        return "It starts as soon as its device is free."
    if standing.status is Status.UNREADABLE:
        return ""
    if history.posed is None or not history.tracks:
        return "Loading the images and building the problem …"
    tracks = list(history.tracks.values())
    last, total = min(track.step for track in tracks), tracks[0].started.n_steps
    parts = [f"step {last:,} of {total:,}"]
    if standing.status is Status.RUNNING:
        speeds = [speed for speed in map(pace, tracks) if speed]
        if speeds:
            # Methods take turns, so a step of each takes the sum of their times.
            parts.append(f"{len(speeds) / sum(1 / speed for speed in speeds):.1f} it/s")
        if history.eta is not None:
            parts.append(f"about {duration(history.eta)} left")
    else:
        parts.append(f"{duration(sum(track.seconds for track in tracks))} of training")
    parts.append(f"on {history.posed.device}")
    if history.posed.truth is None:
        parts.append("acquired measurements, no ground truth")
    return " · ".join(parts)


#: What is added to the name of a run for one that was made from it.
MADE_FROM = re.compile(r"(.+)-from-(\d+)(?:-(\d+))?")
SWEPT = re.compile(r"sweep-\d{4}(\d\d)(\d\d)-(\d\d)(\d\d)\d\d-(.+-.+)")
STAMPED = re.compile(r"\d{4}(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)-(.+)-[0-9a-f]{8}(?:-(\d+))?")


def run_title(name: str) -> str:
    """A run folder's name as a person reads it; names chosen by hand stay as they are."""
    if found := MADE_FROM.fullmatch(name):
        parent, step, number = found.groups()
        return f"fork of {run_title(parent)}, at step {int(step):,}{_numbered(number)}"
    if found := SWEPT.fullmatch(name):
        month, day, hour, minute, what = found.groups()
        return f"{what.replace('-', ' ')}, sweep of {month}-{day} {hour}:{minute}"
    if found := STAMPED.fullmatch(name):
        month, day, hour, minute, second, what, number = found.groups()
        when = f"{month}-{day} {hour}:{minute}:{second}"
        return f"{what.replace('-', ' ')}, {when}{_numbered(number)}"
    return name


def _numbered(number: str | None) -> str:
    return f", number {number}" if number else ""


def duration(seconds: float) -> str:
    """Seconds as a person would say them."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def so_many(number: int, what: str) -> str:
    """So many of something, in words."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def title_of(folder: RunFolder) -> str:
    """What people call a run."""
    return notes_of(folder)[0].title or run_title(folder.name)


def entry_title(entry: RunEntry) -> str:
    """The same of one in the list."""
    return entry.notes.title or run_title(entry.name)


def idle_words(chosen: Sequence[RunEntry]) -> str:
    """Why some of the buttons for the runs that are chosen in a list cannot be pressed now."""
    told = [] if chosen else ["Tick runs to compare or delete them."]
    if any(entry.live for entry in chosen):
        told.append("Delete is for runs that are no longer at work.")
    if len(chosen) != 1:
        told.append("All else is for one run: tick it alone.")
    elif not chosen[0].resumable:
        state = WORDS[chosen[0].standing.status].lower()
        told.append(f"Resume is for runs that ended early; this one: {state}.")
    return " ".join(told)


def entry_state(entry: RunEntry) -> str:
    """Where a run in the list stands, in words."""
    words = state_words(entry.standing)
    return f"{words}, {entry.progress:.0%}" if entry.live else words
