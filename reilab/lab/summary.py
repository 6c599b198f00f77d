"""What a run has come to, in words and in rows: pure functions of its history."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from reilab.events import Command, SetAssumedNoise, SetLearningRate, SetWeight
from reilab.runs.history import History, Track
from reilab.runs.jobs import Standing, Status
from reilab.training.methods import METHODS

#: The backprojection or other fixed reconstruction, which every method starts from.
BASELINE = "A†y"

WORDS: Mapping[Status, str] = {
    Status.QUEUED: "Queued",
    Status.STARTING: "Starting",
    Status.RUNNING: "Training",
    Status.PAUSED: "Paused",
    Status.STOPPED: "Stopped",
    Status.FINISHED: "Finished",
    Status.FAILED: "Failed",
    Status.LOST: "Worker lost",
}


@dataclass(frozen=True)
class Row:
    """One line of the table of results; ``None`` where there is nothing to say yet."""

    key: str
    name: str
    psnr: float | None = None
    ssim: float | None = None
    nmse: float | None = None
    gain: float | None = None
    gap: float | None = None
    seconds: float | None = None
    speed: float | None = None
    parameters: int | None = None
    colour: str = ""


def method_title(name: str) -> str:
    """How a method is called on screen."""
    return METHODS[name].title if name in METHODS else name


def in_order(history: History) -> list[str]:
    """The methods of a run, those that need ground truth last."""
    return sorted(history.tracks, key=lambda name: history.tracks[name].started.oracle)


def rows(history: History) -> list[Row]:
    """The table: the baseline first, then each method."""
    if history.posed is None:
        return []
    base = history.posed.pinv_metrics
    oracles = [track.metrics for track in history.tracks.values() if track.started.oracle]
    best = oracles[0].psnr if oracles and oracles[0] else None
    table = [Row("pinv", BASELINE)]
    if base:
        gap = None if best is None else best - base.psnr
        table = [Row("pinv", BASELINE, base.psnr, base.ssim, base.nmse, gap=gap)]
    for name in in_order(history):
        track = history.tracks[name]
        found = track.metrics
        oracle = track.started.oracle
        table.append(
            Row(
                name,
                method_title(name),
                psnr=found.psnr if found else None,
                ssim=found.ssim if found else None,
                nmse=found.nmse if found else None,
                gain=found.psnr - base.psnr if found and base else None,
                gap=best - found.psnr if found and best is not None and not oracle else None,
                seconds=track.seconds if track.stepped else None,
                speed=_speed(track),
                parameters=track.started.n_parameters,
            )
        )
    return table


def state_words(standing: Standing) -> str:
    """Where a run stands, in a word or two."""
    place = f", number {standing.position} in line" if standing.position else ""
    return WORDS[standing.status] + place


def status_detail(history: History, standing: Standing) -> str:
    """Step, pace, time to go and device of a run, as far as they are known."""
    if standing.status is Status.QUEUED:
        return "It starts as soon as its device is free."
    if history.posed is None or not history.tracks:
        return "Loading the images and building the problem …"
    tracks = list(history.tracks.values())
    last, total = min(track.step for track in tracks), tracks[0].started.n_steps
    parts = [f"step {last:,} of {total:,}"]
    if standing.status is Status.RUNNING:
        speeds = [speed for speed in map(_speed, tracks) if speed]
        if speeds:
            # Methods take turns, so a step of each takes the sum of their times.
            parts.append(f"{len(speeds) / sum(1 / speed for speed in speeds):.1f} it/s")
        if history.eta is not None:
            parts.append(f"about {duration(history.eta)} left")
    else:
        parts.append(f"{duration(sum(track.seconds for track in tracks))} of training")
    return " · ".join([*parts, f"on {history.posed.device}"])


def steering_log(history: History) -> list[str]:
    """What was changed while the run was going, at which step, for which methods."""
    found: dict[tuple[int, str], list[str]] = {}
    for name in in_order(history):
        for event in history.tracks[name].steered:
            found.setdefault((event.step, change_words(event.command)), []).append(
                method_title(name)
            )
    return [
        f"Step {step}: {change} ({', '.join(names)})"
        for (step, change), names in sorted(found.items())
    ]


def run_title(name: str) -> str:
    """A run folder's name as a person reads it; names chosen by hand stay as they are."""
    found = re.fullmatch(r"\d{4}(\d\d)(\d\d)-(\d\d)(\d\d)(\d\d)-(.+)-([0-9a-f]{8})", name)
    if not found:
        return name
    month, day, hour, minute, second, what, _ = found.groups()
    return f"{what.replace('-', ' ')}, {month}-{day} {hour}:{minute}:{second}"


def duration(seconds: float) -> str:
    """Seconds as a person would say them."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def _speed(track: Track) -> float | None:
    taken = track.step - (track.started.step if not track.stepped else 0)
    return taken / track.seconds if track.seconds else None


def change_words(command: Command) -> str:
    """A command as a person would say it."""
    match command:
        case SetWeight(term=term, value=value):
            return f"weight of {term} = {value:g}"
        case SetLearningRate(value=value):
            return f"learning rate = {value:g}"
        case SetAssumedNoise(value=value):
            return f"assumed noise = {value:g}"
