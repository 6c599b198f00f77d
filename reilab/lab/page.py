"""LabPage: controls, live views and the session's heartbeat; ``serve`` puts it on a port."""

from __future__ import annotations

from functools import partial
from html import escape
from pathlib import Path
from typing import Any

import panel as pn
import panel_material_ui as pmui
from bokeh.models import CustomJS

from reilab.events import Event, Started
from reilab.lab.board import ImageBoard
from reilab.lab.controls import Controls, heading
from reilab.lab.curves import Curves
from reilab.lab.model import Lab
from reilab.lab.style import TALL
from reilab.lab.summary import rows, run_title, steering_log
from reilab.lab.table import list_html, results_html
from reilab.lab.transport import WRAP, Transport, block, quiet, set_html, text

POLL_MILLISECONDS = 100
#: The browser lays the page out anew each time; more often only makes numbers flicker.
POLLS_PER_SHOW = 4
#: Look for runs that others have started once in so many polls.
POLLS_PER_LISTING = 30
TAGLINE = "learning to image from noisy, incomplete measurements alone"
HINT = "Drag to move, Ctrl + wheel or pinch to zoom. Numbers are means over all test images."
LOSS_HINT = "Losses are unweighted; a value of 0 or less leaves a gap. Dotted: steered."
BUTTON_TEXT = {"button": {"textTransform": "none"}}
THEME = {
    "light": {"palette": {"primary": {"main": "#1a5fb4"}}, "typography": BUTTON_TEXT},
    "dark": {"palette": {"primary": {"main": "#82b4ff"}}, "typography": BUTTON_TEXT},
}
#: The header keeps its colours, whatever the theme.
HEADER = {"& .header": {"backgroundColor": "#12325e", "backgroundImage": "none", "color": "white"}}
#: The drawer of a narrow page lies over everything: a newcomer is to see the Train button.
CLOSE_DRAWER_IF_NARROW = """
if (window.innerWidth < 600) {
  for (const model of cb_obj._all_models.values()) {
    if (model.class_name === "Page") model.data.sidebar_open = false
  }
}
"""
STRETCH: dict[str, Any] = {"sizing_mode": "stretch_width", "margin": 0}


class LabPage(pn.viewable.Viewer):
    """The page of one session.

    Args:
        root: where the run folders live.
        run: a run to open, from the address; empty for none.
    """

    def __init__(self, root: Path, run: str = "") -> None:
        super().__init__()
        self.lab = Lab(root)
        self._polls = 0
        self._unseen: list[Event] = []
        self._transport = Transport(self.lab)
        self._board, self._curves = ImageBoard(), Curves()
        self._table, self._steered, self._empty = block(), block(), block()
        self._runs = pmui.Select(
            label="Earlier runs",
            size="small",
            css_classes=["reilab-runs"],
            **(STRETCH | {"margin": 16}),
        )
        self._sample = pmui.RadioButtonGroup(
            options={"Image 1": 0}, value=0, size="small", margin=0, align="center"
        )
        self._views = self._results()
        self._page = self._layout()
        if run:
            self._transport.attempt(partial(self.lab.open, run))
        self._list_runs()
        self._show()
        self._runs.param.watch(self._open, "value")
        self._sample.param.watch(self._show, "value")
        self.lab.param.watch(self._follow, "run")
        self.lab.param.watch(self._introduce, "task")

    def __panel__(self) -> pn.viewable.Viewable:
        return self._page

    def tick(self) -> None:
        """The heartbeat of the session: read what is new in the run folder and show it."""
        self._unseen += self.lab.poll()
        if self._unseen and self._polls % POLLS_PER_SHOW == 0:
            self._show(rewound=any(isinstance(event, Started) for event in self._unseen))
            self._unseen.clear()
        self._polls += 1
        if self._polls % POLLS_PER_LISTING == 0:
            self._list_runs()

    def _layout(self) -> pmui.Page:
        title = text()
        title.object = f"<h1>reilab <small>{escape(TAGLINE)}</small></h1>"
        title.styles = {"color": "white"}
        main = pn.Column(
            self._transport,
            self._empty,
            self._views,
            sizing_mode="stretch_width",
            margin=(16, 20, 40, 20),
            styles=dict(TALL),
        )
        return pmui.Page(
            meta_title="reilab",
            header=[title],
            sidebar=[Controls(self.lab), self._runs],
            main=[main],
            sidebar_width=300,
            sidebar_resizable=False,
            theme_config=THEME,
            sx=HEADER,
        )

    def _results(self) -> pn.Column:
        reset = pmui.Button(
            label="Reset view",
            variant="text",
            size="small",
            on_click=lambda event: self._board.reset_view(),
            margin=0,
            align="center",
        )
        tools = _line("Images", HINT, self._sample, reset)
        parts = (
            tools,
            self._board,
            _line("Curves", LOSS_HINT),
            self._curves,
            self._steered,
            _line("Results", ""),
            self._table,
        )
        return pn.Column(*parts, visible=False, styles=dict(TALL), **STRETCH)

    def _show(self, *_: Any, rewound: bool = False) -> None:
        """Bring every view up to date; each sends only what has changed."""
        run, history = self.lab.run, self.lab.history
        self._transport.update()
        self._introduce()
        self._views.visible = history.posed is not None
        if history.posed is None:
            return
        n_images = len(history.posed.pinv)
        options = {f"Image {index + 1}": index for index in range(n_images)}
        if options != self._sample.options:
            self._sample.param.update(options=options, value=0, visible=n_images > 1)
        self._board.update(run, history, self._sample.value)
        self._curves.update(run, history, rewound)
        set_html(self._table, results_html(rows(history)))
        set_html(self._steered, list_html(steering_log(history)))

    def _introduce(self, *_: Any) -> None:
        """Tell a newcomer what to press; while a run starts, what is coming."""
        posed = self.lab.history.posed is not None
        task = self.lab.chosen_task
        words = (
            "<strong>The run is starting</strong><p>The images appear in a few seconds.</p>"
            if self.lab.run
            else "<strong>Press Train</strong>"
            f"<p>{escape(task.summary)}</p><p class='quiet'>Each chosen method learns by itself "
            "from noisy measurements, and you watch its images get better. Everything can stay as "
            "it is set.</p>"
        )
        set_html(self._empty, "" if posed else f'<div class="empty">{words}</div>')

    def _open(self, event: Any) -> None:
        if event.new and event.new != self.lab.run:
            self._transport.attempt(partial(self.lab.open, event.new))
            self._show(rewound=True)

    def _follow(self, *_: Any) -> None:
        """Put the run into the address, so that a reload finds it again."""
        if pn.state.location:
            pn.state.location.update_query(run=self.lab.run)
        self._list_runs()
        self._show()

    def _list_runs(self) -> None:
        names = self.lab.runs()
        options = {"Choose a run" if names else "None yet": ""}
        options |= {run_title(name): name for name in names}
        if options != self._runs.options or self._runs.value != self.lab.run:
            self._runs.param.update(options=options, value=self.lab.run)


def _line(title: str, remark: str, *tools: pn.viewable.Viewable) -> pn.Row:
    """The heading of a section with a remark and what belongs to it."""
    head = heading(title)
    head.param.update(margin=0, align="center")
    return pn.Row(
        head, quiet(remark), *tools, styles=WRAP, sizing_mode="stretch_width", margin=(14, 0, 8, 0)
    )


def session(root: Path) -> LabPage:
    """A new page for the session that is being served, with its heartbeat."""
    pn.extension(throttled=True, notifications=True, reconnect=True)
    asked = pn.state.session_args.get("run", [b""])[0].decode()
    page = LabPage(root, asked)
    pn.state.curdoc.js_on_event("document_ready", CustomJS(code=CLOSE_DRAWER_IF_NARROW))
    # A page that is being changed while it loads is never told that it has loaded.
    pn.state.onload(lambda: pn.state.add_periodic_callback(page.tick, period=POLL_MILLISECONDS))
    return page


def serve(port: int, root: Path, show: bool) -> None:
    """Serve the lab at 127.0.0.1 until interrupted; ``show`` opens a browser."""
    pn.serve(
        lambda: session(root),
        port=port,
        address="127.0.0.1",
        websocket_origin=[f"127.0.0.1:{port}", f"localhost:{port}"],
        show=show,
        title="reilab",
    )
