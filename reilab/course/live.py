"""watch: train in the notebook's own process, seen while it goes on, stopped by the kernel's stop.

The events are those of every other run; a notebook that shows nothing live trains the same.
"""

from __future__ import annotations

import base64
import io
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from reilab.events import Command, Control, Event, Failed, Stop
from reilab.record.history import History
from reilab.runs.config import RunConfig
from reilab.runs.drive import Inbox, Sink, drive, nobody
from reilab.runs.stream import Prepared, prepare
from reilab.show.charts import svg_charts
from reilab.show.figures import comparison
from reilab.show.words import method_title

#: Seconds between two updates of the bars, and between two drawings of the images.
BARS_EVERY, IMAGES_EVERY = 0.3, 4.0


def train(config: RunConfig, interactive: bool) -> History:
    """Carry out a run in memory; see ``watch``."""
    return watch(prepare(config), interactive)


def watch(prepared: Prepared, interactive: bool) -> History:
    """Carry out a prepared run in memory.

    The kernel's stop button ends the training between two steps; the cells after it then work with
    what has been learnt until then.

    Args:
        prepared: what to train; its states are changed.
        interactive: show progress and images while it trains.
    """
    history = History()
    screens: tuple[Sink, ...] = (_Screen(history).show,) if interactive else ()
    with _interrupt_as_stop() as inbox:
        drive(prepared.run(), history.add, *screens, inbox=inbox)
    return history


@dataclass(frozen=True)
class Curves:
    """The charts of a run, as a notebook shows them: PSNR, objective, loss terms, true risk."""

    history: History

    def _repr_html_(self) -> str:
        charts = "".join(f"<div>{svg}</div>" for svg in svg_charts(self.history))
        return f'<div style="display:flex;flex-wrap:wrap;background:white">{charts}</div>'


@dataclass
class _Screen:
    """A sink that redraws one output of the running cell."""

    history: History
    handle: Any = None
    picture: str = ""
    bars_at: float = field(default=0.0)
    images_at: float = field(default=0.0)

    def show(self, event: Event) -> None:
        now = time.monotonic()
        over = self.history.finished or isinstance(event, Failed)
        if not over and now - self.bars_at < BARS_EVERY:
            return
        if not over and now - self.images_at >= IMAGES_EVERY and self._can_compare():
            self.picture, self.images_at = _image_tag(self.history), now
        # The figures of the cells below say it better once it is over.
        self._draw(bars_html(self.history) + ("" if over else self.picture))
        self.bars_at = now

    def _can_compare(self) -> bool:
        tracks = self.history.tracks.values()
        return self.history.posed is not None and any(track.evaluated for track in tracks)

    def _draw(self, html: str) -> None:
        from IPython.display import HTML, display

        output = HTML(html)  # type: ignore[no-untyped-call]
        if self.handle is None:
            self.handle = display(output, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self.handle.update(output)


def bars_html(history: History) -> str:
    """A bar for each method with its newest PSNR, and the time that is left."""
    rows = []
    for method, track in history.tracks.items():
        told = f"{track.metrics.psnr:.2f} dB" if track.metrics else ""
        if track.failed:
            told = f"failed: {track.failed.message}"
        title, n_steps = method_title(method), track.started.n_steps
        rows.append(
            f"<tr><td>{title}</td>"
            f'<td><progress value="{track.step}" max="{n_steps}" aria-label="{title}"></progress>'
            f"</td><td>{track.step} of {n_steps} steps</td><td>{told}</td></tr>"
        )
    eta = history.eta
    left = "" if not eta else f"<p>about {eta:.0f} s left; the stop button ends it early</p>"
    return f"<table>{''.join(rows)}</table>{left}"


def _image_tag(history: History) -> str:
    stream = io.BytesIO()
    comparison(history).savefig(stream, format="png", dpi=70)
    data = base64.b64encode(stream.getvalue()).decode()
    return f'<img alt="Reconstructions so far" src="data:image/png;base64,{data}">'


@contextmanager
def _interrupt_as_stop() -> Iterator[Inbox]:
    """An inbox in which the interruption of the kernel arrives as ``Stop``."""
    if threading.current_thread() is not threading.main_thread():
        # Only the main thread gets signals.
        yield nobody
        return
    waiting: list[Command | Control] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: waiting.append(Stop()))
    try:
        yield lambda: list(waiting)
    finally:
        signal.signal(signal.SIGINT, before)
