"""LabPanel: controls and views of one run in a notebook, with their heartbeat."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ipywidgets as widgets

from reilab.events import Event
from reilab.lab.actions import attempt
from reilab.lab.formula import objectives
from reilab.lab.markup import introduction, list_html
from reilab.lab.model import Lab
from reilab.lab.notebook.controls import NotebookControls
from reilab.lab.notebook.curves import NotebookCurves
from reilab.lab.notebook.elements import box, close_parts, html, set_html, show
from reilab.lab.notebook.looks import NotebookLooks
from reilab.lab.notebook.pictures import NotebookPictures
from reilab.lab.notebook.pulse import NotebookPulse
from reilab.lab.notebook.style import STYLE
from reilab.lab.notebook.table import table_html
from reilab.lab.notebook.transport import NotebookTransport
from reilab.lab.summary import rows
from reilab.lab.view import View
from reilab.record.folder import list_runs
from reilab.runs import jobs
from reilab.runs.config import configure
from reilab.runs.roster import worker_alive
from reilab.show.words import steering_log

#: The lab of this kernel: a cell that is run again would leave one behind that nobody sees.
_shown: list[LabPanel] = []
BEAT_SECONDS = 0.2
#: The browser lays the cell out anew each time; more often only makes numbers flicker.
BEATS_PER_SHOW = 3
#: Start what waits for a free device once in so many beats.
BEATS_PER_CALL = 10


class LabPanel(widgets.VBox):
    """The lab of one notebook; it looks at runs below ``root``, which go on without it.

    Raises:
        RuntimeError: no event loop is running here; in a notebook there always is one.
    """

    def __init__(self, root: Path) -> None:
        self.lab, self.look = Lab(root), View()
        self._unseen: list[Event] = []
        self._beats = 0
        self.controls = NotebookControls(self.lab)
        self.transport = NotebookTransport(self.lab, self.look)
        self.looks, self.pictures = NotebookLooks(self.look), NotebookPictures(self.look)
        self.table, self._steered, self._intro = html(), html(), html()
        self._formula = html("reilab-minimised")
        self.curves = NotebookCurves(self.look, self._formula)
        self._views = box(
            "reilab-stack",
            [
                self.looks.widget,
                self.pictures.widget,
                self.curves.widget,
                self._steered,
                self.table,
            ],
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
        self._pulse = NotebookPulse(self.beat, BEAT_SECONDS)

    def show_run(self, run: str) -> None:
        """Look at a run below the root; the reason is shown if that cannot be."""
        self.transport.refusal = attempt(lambda: self.lab.open(run))
        self._redraw()

    def beat(self) -> None:
        """Read what is new in the run folder, show it, and pass on what was changed."""
        trouble = attempt(self._beat)
        # A beat that does less than the others is no sign that all is well again.
        whole = self._beats % (BEATS_PER_SHOW * BEATS_PER_CALL) == 0
        if trouble != self.transport.trouble and (trouble or whole):
            self.transport.trouble = trouble
            self.transport.update()
        self._beats += 1

    def _beat(self) -> None:
        self._unseen += self.lab.poll()
        if self._beats % BEATS_PER_SHOW == 0:
            if self._unseen:
                self._unseen.clear()
                self._redraw()
            self.look.advance(self.looks.moments)
        if self._beats % BEATS_PER_CALL == 0:
            jobs.advance(self.lab.root)
            if jobs.idle(self.lab.root):
                jobs.warm(self.lab.root)

    def close(self) -> None:
        """Put the lab away; a run that is going goes on by itself."""
        self._pulse.stop()
        close_parts(self)
        super().close()

    def _redraw(self, *_: Any) -> None:
        """Bring every view up to date."""
        lab, history = self.lab, self.lab.history
        self.transport.update()
        self._explain()
        posed = history.posed is not None
        show(self._views, posed)
        summary = lab.choices.chosen_task.summary
        set_html(self._intro, "" if posed else introduction(bool(lab.run), summary))
        if not posed:
            return
        self.looks.update(history)
        self.pictures.update(lab.run, history)
        self.curves.update(history)
        set_html(self.table, table_html(rows(history)))
        set_html(self._steered, list_html(steering_log(history)))

    def _explain(self, *_: Any) -> None:
        words = objectives(self.lab.choices, self.lab.history)
        set_html(self._formula, f"<h3>What is minimised</h3>{words}")


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
