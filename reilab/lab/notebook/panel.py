"""LabPanel: controls and views of one run in a notebook, with their heartbeat."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import ipywidgets as widgets
from tornado.ioloop import PeriodicCallback

from reilab.events import Started
from reilab.lab.actions import attempt
from reilab.lab.beat import Beat
from reilab.lab.content import content_of
from reilab.lab.explain import objectives
from reilab.lab.markup import introduction, list_html
from reilab.lab.model import Lab
from reilab.lab.notebook.controls import NotebookControls
from reilab.lab.notebook.elements import STYLE, box, close_parts, html, set_html, show, table_html
from reilab.lab.notebook.figures import NotebookCurves, NotebookPictures
from reilab.lab.notebook.looks import NotebookLooks
from reilab.lab.notebook.transport import NotebookTransport
from reilab.lab.view import View
from reilab.record.folder import list_runs
from reilab.record.history import Told
from reilab.runs import jobs
from reilab.runs.config import configure
from reilab.runs.library import Library
from reilab.runs.roster import worker_alive
from reilab.show.words import steering_log

#: The lab of this kernel: a cell that is run again would leave one behind that nobody sees.
_shown: list[LabPanel] = []
POLL_MILLISECONDS = 150


class LabPanel(widgets.VBox):
    """The lab of one notebook; it looks at runs below ``root``, which go on without it.

    Raises:
        RuntimeError: no event loop is running here; in a notebook there always is one.
    """

    def __init__(self, root: Path) -> None:
        # A cell that computes keeps the loop, and so the beats, waiting until it ends.
        asyncio.get_running_loop()
        self.lab, self.look = Lab(root), View()
        self._library = Library(root)
        self._beat, self._unseen = Beat(), list[Told]()
        self.controls = NotebookControls(self.lab)
        self.transport = NotebookTransport(self.lab, self.look)
        self.looks = NotebookLooks(self.look)
        self.pictures, self.curves = NotebookPictures(self.look), NotebookCurves(self.look)
        self.table, self._steered, self._intro = html(), html(), html()
        shown = (self.looks, self.pictures, self.curves)
        self._views = box(
            "reilab-stack", [*(one.widget for one in shown), self._steered, self.table]
        )
        main = box("reilab-main", [self.transport.widget, self._intro, self._views])
        frame = box("reilab-frame", [self.controls.widget, main])
        super().__init__([widgets.HTML(f"<style>{STYLE}</style>"), frame])
        self.add_class("reilab-lab")
        self.look.param.watch(self._redraw, ["at", "sample", "hidden", "log_losses"])
        self.lab.param.watch(self._redraw, "run")
        self.lab.choices.param.watch(self._redraw, "task")
        explained = ["methods", "assumed_noise", *self.lab.choices.steerable]
        self.lab.choices.param.watch(self._explain, explained)
        self._redraw()
        self._pulse = PeriodicCallback(self.beat, POLL_MILLISECONDS)
        self._pulse.start()

    def show_run(self, run: str) -> None:
        """Look at a run below the root; the reason is shown if that cannot be."""
        self.transport.refusal = attempt(lambda: self.lab.open(run))
        self._redraw()

    def beat(self) -> None:
        """Read what is new in the run folder, show it, and pass on what was changed."""
        trouble = attempt(self._poll)
        # A beat that does less than the others is no sign that all is well again.
        if trouble != self.transport.trouble and (trouble or self._beat.lists):
            self.transport.trouble = trouble
            self.transport.update()
        self._beat.count()

    def _poll(self) -> None:
        self._unseen += self.lab.poll()
        if self._beat.shows():
            if self._unseen:
                rewound = any(isinstance(event, Started) for event in self._unseen)
                self._unseen.clear()
                self._redraw(anew=rewound)
            self.look.advance(self.looks.moments)
        if self._beat.lists:
            jobs.advance(self.lab.root)
            if self._library.idle:
                jobs.warm(self.lab.root)

    def close(self) -> None:
        """Put the lab away; a run that is going goes on by itself."""
        self._pulse.stop()
        close_parts(self)
        super().close()

    def _redraw(self, *_: Any, anew: bool = False) -> None:
        """Bring every view up to date; ``anew`` if a method went back to a checkpoint."""
        lab, history = self.lab, self.lab.history
        self.transport.update()
        self._explain()
        posed = history.posed is not None
        show(self._views, posed)
        set_html(self._intro, "" if posed else introduction(lab))
        if posed:
            content = content_of(lab.run, history, self.look, anew)
            for view in (self.looks, self.pictures, self.curves):
                view.update(content)
            set_html(self.table, table_html(content.rows))
            set_html(self._steered, list_html(steering_log(history)))

    def _explain(self, *_: Any) -> None:
        self.curves.explain(objectives(self.lab.choices, self.lab.history))


def lab(root: Path | str = "runs", task: str = "mri", preset: str = "quick") -> LabPanel:
    """The live lab, to be shown by a cell; it returns at once, and training runs elsewhere.

    A kernel has one lab: the one that was shown before is closed. A run that is still going is
    shown again, whoever started it.

    Args:
        root: where runs are kept.
        task: what is chosen at first, if no run is going.
        preset: of the task.

    Raises:
        ValueError: an unknown task or preset, with the nearest match.
        RuntimeError: no event loop is running here; in a notebook there always is one.
    """
    config = configure(task, preset)
    while _shown:
        _shown.pop().close()
    panel = LabPanel(Path(root))
    _shown.append(panel)
    going = next((folder.name for folder in list_runs(panel.lab.root) if worker_alive(folder)), "")
    if going:
        panel.show_run(going)
    else:
        panel.lab.choices.show(config)
    return panel
