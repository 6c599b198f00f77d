"""Bulletin: what happens beside the run that is shown: the meters, and runs that end."""

from __future__ import annotations

import time
from collections.abc import Callable
from html import escape
from pathlib import Path

import panel as pn

from reilab.lab.actions import attempt
from reilab.lab.text import set_html, text
from reilab.lab.titles import SWEPT, WORDS, run_title
from reilab.record.folder import RunFolder
from reilab.runs import jobs
from reilab.runs.jobs import Status
from reilab.runs.library import Ended, Library, ended_since
from reilab.runs.meters import Gpu, Meters, Reading

GIB = 2**30
#: Bad news stays so long, in milliseconds; the list of runs has it for ever.
LONG = 15_000


def meters_html(reading: Reading) -> str:
    """CPU, memory and GPUs; what the worker of the shown run takes of them is in the title."""
    parts = [f"CPU {reading.cpu:.0f} %", f"memory {_share(reading.memory, reading.memory_total)}"]
    parts += [_gpu(gpu) for gpu in reading.gpus]
    told = f"of {reading.cores} cores"
    if reading.worker_memory is not None:
        told = (
            f"{told}; the run takes {reading.worker_cpu or 0:.0f} % of one core and "
            f"{reading.worker_memory / GIB:.1f} GiB"
        )
    return f'<span class="meters" title="{escape(told)}">{escape(" · ".join(parts))}</span>'


def _gpu(gpu: Gpu) -> str:
    return f"{gpu.name} {gpu.utilisation:.0f} %, {_share(gpu.memory, gpu.memory_total)}"


def _share(used: float, total: float) -> str:
    return f"{used / GIB:.1f} of {total / GIB:.0f} GiB"


class Bulletin(pn.viewable.Viewer):
    """The meters of the machine; runs that end are told as notifications."""

    def __init__(self, library: Library) -> None:
        super().__init__()
        self._library, self._began = library, time.time()
        self._told: list[Ended] = []
        self._troubles: set[str] = set()
        self._meters, self._view = Meters(), text(styles={"color": "white"}, margin=(0, 0, 0, 16))

    def __panel__(self) -> pn.viewable.Viewable:
        return self._view

    def begin(self) -> None:
        """Somebody is there: tell of what ends from now on."""
        self._began = time.time()
        self.prepare()

    def update(self, folder: RunFolder | None) -> None:
        """Start what waits for a free device, read the meters, tell what has ended.

        Args:
            folder: of the run that is shown.
        """
        self._ask(jobs.advance)
        set_html(self._view, meters_html(self._meters.read(folder)))
        ended = ended_since(self._library.lately(), self._began)
        fresh = [one for one in ended if one not in self._told]
        for one in fresh:
            self._told.append(one)
            _tell(one)
        if fresh:
            self.prepare()

    def prepare(self) -> None:
        """Have a process ready for the next run, unless one would take time from a run."""
        if self._library.idle:
            self._ask(jobs.warm)

    def _ask(self, act: Callable[[Path], object]) -> None:
        """Act for the runs; what stands in the way, as a disk that is full, is told once."""
        trouble = attempt(lambda: act(self._library.root))
        if trouble and trouble not in self._troubles and pn.state.notifications is not None:
            self._troubles.add(trouble)
            pn.state.notifications.error(escape(trouble), duration=LONG)


def tell_copied(copied: bool) -> None:
    """Say whether a text is on the clipboard now."""
    if pn.state.notifications is None:
        return
    if copied:
        pn.state.notifications.success("Copied", duration=2000)
    else:
        words = "The browser refuses to copy: mark the text and press Ctrl + C"
        pn.state.notifications.warning(words, duration=6000)


def _tell(ended: Ended) -> None:
    if pn.state.notifications is None:
        return
    # They are shown as HTML.
    words = escape(f"{WORDS[ended.standing.status]}: {run_title(ended.run)}")
    if ended.standing.status is Status.FINISHED and SWEPT.fullmatch(ended.run):
        # One of many, which are counted where the sweep is shown.
        return
    if ended.standing.status is Status.FINISHED:
        pn.state.notifications.success(words)
    else:
        pn.state.notifications.error(words, duration=LONG)
