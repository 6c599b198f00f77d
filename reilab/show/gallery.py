"""Gallery: the images of a run as a report shows them, with captions, inside the page."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import numpy as np

from reilab.record.history import History
from reilab.show.panes import (
    MEASUREMENT,
    PINV,
    TRUTH,
    error_of,
    error_png,
    pane_names,
    pane_png,
)
from reilab.show.results import BASELINE


@dataclass(frozen=True)
class Shown:
    """A picture with its caption; ``source`` is a data URI."""

    name: str
    told: str
    source: str


@dataclass(frozen=True)
class Sample:
    """All that is shown of one test image; ``None`` where a pane has no error map."""

    number: int
    images: list[Shown]
    errors: list[Shown | None]


def sample_of(history: History, number: int) -> Sample:
    """All panes of a test image at the end of a run; error maps share one scale."""
    end = _last_step(history)
    names = pane_names(history)
    images = [shown(history, name, number, end) for name in names]
    if TRUTH not in names:
        return Sample(number + 1, images, [])
    judged = [name for name in names if name not in (TRUTH, MEASUREMENT)]
    # What A†y misses would drown the differences between the methods.
    methods = [name for name in judged if name != PINV] or judged
    maps = [error_of(history, name, number, end) for name in methods]
    top = max(float(np.quantile(error, 0.99)) for error in maps) or 1.0
    errors = [_error(history, name, number, end, top) if name in judged else None for name in names]
    return Sample(number + 1, images, errors)


def _error(history: History, name: str, number: int, step: int, top: float) -> Shown:
    picture = error_png(history, name, number, step, top)
    return Shown(_title(history, name), f"0 to {top:.2g}", _uri(picture))


def shown(history: History, name: str, number: int, step: int) -> Shown:
    """A pane of a test image as it was at ``step``, with its metrics."""
    assert history.posed is not None
    window = (0.0, 1.0) if name == MEASUREMENT else history.posed.value_range
    each = history.posed.pinv_per_image if name == PINV else None
    if name in history.tracks:
        moment = history.tracks[name].at(step)
        each = moment.per_image if moment else None
    told = f"{each[number].psnr:.2f} dB, SSIM {each[number].ssim:.3f}" if each else ""
    picture = pane_png(history, name, number, step, window)
    return Shown(_title(history, name), told, _uri(picture))


def _title(history: History, name: str) -> str:
    given = {TRUTH: "ground truth", PINV: BASELINE}
    if history.posed is not None:
        given[MEASUREMENT] = history.posed.measurement_title
    return given.get(name, name)


def _last_step(history: History) -> int:
    return max((track.step for track in history.tracks.values()), default=0)


def _uri(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
