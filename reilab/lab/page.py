"""LabPage: controls, views and the session's heartbeat; ``serve`` puts it on a port."""

from __future__ import annotations

import gc
import logging
import secrets
from collections.abc import Mapping
from functools import cache, cached_property, partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import panel as pn
import panel_material_ui as pmui
from bokeh.models import CustomJS
from panel.util import edit_readonly
from tornado.routing import Rule

from reilab.events import Started
from reilab.lab import address, compat, keys, outlooks, pictures
from reilab.lab.actions import attempt
from reilab.lab.beat import Beat
from reilab.lab.board import Redraw
from reilab.lab.bulletin import Bulletin, tell_copied
from reilab.lab.choices import Choices
from reilab.lab.comparison import Comparison
from reilab.lab.controls import Controls
from reilab.lab.door import LOGIN, Door, Keeper, Login, Refusal, SafeAnswer, Stranger, Tries
from reilab.lab.exhibit import Exhibit
from reilab.lab.guide import Guide, KeyList, Tour
from reilab.lab.hands import FREE, Hands
from reilab.lab.headline import NAME, head_html, tab_title
from reilab.lab.model import Lab
from reilab.lab.mydata import MyData
from reilab.lab.runspanel import RunsPanel
from reilab.lab.runview import RunView
from reilab.lab.spare import PAGES, Spare
from reilab.lab.style import HEADER, LARGE, TALL, THEME
from reilab.lab.sweeps import SweepPanel
from reilab.lab.text import set_html, small_button, text
from reilab.lab.view import View
from reilab.lab.web.components import Browser, Field
from reilab.lab.welcome import Greeter, begins, is_narrow
from reilab.record.history import Told
from reilab.runs.library import Library
from reilab.tasks.registry import tasks

POLL_MILLISECONDS = 100
#: So many objects more than were given back, and Python looks for garbage among the young ones.
YOUNG_OBJECTS = 10_000
#: So long after its start a server may be busy with its first page.
FIRST_PAGE_SECONDS = 5.0
#: The drawer of a narrow page lies over everything: a newcomer is to see the Train button.
ON_LOAD = f"""
const page = {compat.THE_PAGE}
if (window.innerWidth < 600) page.data.sidebar_open = false
if (follow && window.matchMedia("(prefers-color-scheme: dark)").matches) page.data.dark_theme = true
"""
#: The page's own part of the browser takes care of it.
ON_LOSS = 'window.dispatchEvent(new Event("reilab-lost"))'
PARTS = {"run": "Run", "runs": "All runs", "compare": "Compare", "sweep": "Sweep"}


class LabPage(pn.viewable.Viewer):
    """The page of one session.

    Args:
        library: of the runs; one for all sessions.
        query: what the address says of the state to open.
        hands: what its reader may do.
        narrow: whether it is as narrow as a telephone.
    """

    def __init__(
        self, library: Library, query: Mapping[str, str], hands: Hands = FREE, narrow: bool = False
    ) -> None:
        super().__init__()
        self._narrow, self._library = narrow, library
        self.lab, self.look, self.tour = Lab(library.root, hands), View(), Tour()
        self._beat, self._awake, self._unfolded = Beat(), False, False
        self._bulletin = Bulletin(library)
        self._unseen: list[Told] = []
        self._told_early: list[Mapping[str, Any]] = []
        self.browser = Browser(keys=list(keys.KEYS))
        told = self._open(query)
        self._keys, self._mydata = KeyList(), MyData(self.lab, library, self.browser)
        links = (
            small_button("Guided tour", self._toggle_tour, "tour", "text"),
            small_button("My data", self._mydata.toggle, "my data", "text"),
            small_button("Keys", self._keys.toggle, "keys", "text"),
            small_button("Present", self._toggle_presentation, "present", "text"),
        )
        self._run = RunView(self.lab, self.look, self.browser, *links)
        self._run.transport.tell(told)
        train = partial(self._run.transport.press, "train")
        self._guide = Guide(self.lab, self.tour, self.browser, train)
        self._tabs = {
            name: pn.Column(styles=dict(TALL), sizing_mode="stretch_width", margin=0)
            for name in PARTS
        }
        self._tabs["run"].append(self._run)
        self._fill = Redraw(self._fill_tab)
        self.page = self._layout()
        self.look.param.watch(self._turn, "tab")
        self.look.param.watch(self._arrange, "present")
        self._turn()
        self._fill_tab()
        self._arrange()
        self._system_dark: bool | None = None
        self.browser.listen(self._hear)
        self.page.param.watch(self._keep_theme, "dark_theme")

    def __panel__(self) -> pn.viewable.Viewable:
        return self.page

    @property
    def address(self) -> str:
        """The query that brings back what it shows."""
        return address.write(self.lab, self.look)

    @property
    def live(self) -> bool:
        """Whether it shows a run that goes on."""
        return self.lab.live

    def tick(self) -> None:
        """The heartbeat of the session: read what is new in the run folder and show it."""
        if not self._awake:
            return
        compat.send_stuck(pn.state.curdoc)
        # All changes go out in one message: making each one takes longer than what is in it.
        with pn.io.hold():
            if not self._unfolded:
                self._unfold()
            self._tick()

    def _tick(self) -> None:
        self._unseen += self.lab.poll()
        (self._comparison if self.look.tab == "compare" else self._run).look_ahead()
        if self._beat.shows():
            if self._unseen:
                rewound = any(isinstance(event, Started) for event in self._unseen)
                self._unseen.clear()
                self._run.update(anew=rewound)
            self.look.advance(self._exhibit.timeline.moments)
            self.browser.address = self.address
            self.browser.title = tab_title(self.lab)
            set_html(self._head, head_html(self.lab))
            self.tour.note(self.lab)
        if self._beat.lists:
            self._bulletin.update(self.lab.folder if self.lab.run else None)
            match self.look.tab:
                case "runs":
                    self._runs.follow()
                case "compare" | "sweep":
                    self._listed(self.look.tab).update()
            self._run.others.update(self._library.at_work())
        elif self._library.unread:
            self._library.lately()
        self._beat.count()

    def wake(self) -> None:
        """Begin to follow the run and to take input.

        Panel drops what changes after a page is served and before its browser has told that it is
        ready, what a person changes on the page included.
        """
        self._awake = self.browser.awake = True
        self._bulletin.begin()
        while self._told_early:
            self._hear(self._told_early.pop(0))

    def _unfold(self) -> None:
        """Make what nobody sees at first: half of the page, without which it is there sooner.

        What it was made of may have changed since then, if nobody has come for it for long.
        """
        self._unfolded = True
        self._controls.form.refresh()
        self._run.unfold()
        self._main[:0] = [self._guide, self._keys, self._mydata]

    def _open(self, query: Mapping[str, str]) -> str:
        """Put the state together that an address asks for, and say what stood in the way.

        A live run is left as it is.
        """
        told, run = list[str](), query.get("run", "")
        if run and run != self.lab.run:
            told.append(attempt(lambda: self.lab.open(run)))
        elif self.lab.asked and not self.lab.live:
            self.lab.show_asked(self.lab.asked)
        told += address.read_view(query, self.look)
        if not self.lab.live:
            told += address.read_choices(query, self.lab.choices)
        told += address.strangers(query, self.lab.choices)
        return "\n".join(filter(None, told))

    def turn(self, query: Mapping[str, str]) -> None:
        """Show another problem, or other settings, before anybody sees the page."""
        told = self._open(query)
        self._run.turn()
        self._run.transport.tell(told)

    def _go_back(self, query: Mapping[str, str]) -> None:
        """Show what an address of before has shown."""
        if query.get("run", "") != self.lab.run:
            self.lab.close()
        usual = {name: self.look.param[name].default for name in address.VIEWED}
        self.look.param.update(**usual)
        self._run.transport.tell(self._open(query))

    def _layout(self) -> pmui.Page:
        self._controls = Controls(self.lab)
        self._head = text(head_html(self.lab), styles={"color": "white", "min-width": "0"})
        self._parts = Field(
            kind="segments",
            label="Part of the lab",
            options=[list(item) for item in PARTS.items()],
            value=self.look.tab,
            place="inline silent header",
            css_classes=["reilab-parts"],
            margin=(0, 0, 0, 12),
            align="center",
        )
        self._parts.param.watch(lambda event: setattr(self.look, "tab", event.new), "value")
        self._main = pn.Column(
            *self._tabs.values(),
            self.browser,
            sizing_mode="stretch_width",
            margin=(16, 20, 40, 20),
        )
        page = pmui.Page(
            meta_title=NAME,
            header=[self._head, self._parts, self._bulletin],
            sidebar=[self._controls],
            main=[self._main],
            sidebar_width=300,
            sidebar_resizable=False,
            theme_config=THEME,
            dark_theme=self.look.theme == "dark",
            sx=HEADER,
        )
        # It would follow each callback of each session, walk through all models every time, and be
        # held by Panel's state for ever.
        with edit_readonly(page):
            page.busy = self.browser.param.awake.rx.not_()
        return page

    def _turn(self, *_: Any) -> None:
        """Show the part of the lab that is chosen."""
        self._parts.value = self.look.tab
        for name, tab in self._tabs.items():
            tab.visible = name == self.look.tab
        self._fill.ask()

    def _fill_tab(self) -> None:
        """Bring it up to date; it is made when somebody looks at it first."""
        if self._awake:
            # Each part that was looked at is a step of the way back.
            self.browser.address = self.address
        if self.look.tab == "run":
            return
        tab, part = self._tabs[self.look.tab], self._listed(self.look.tab)
        part.update()
        if not tab.objects:
            tab.append(part)

    def _listed(self, tab: str) -> RunsPanel | Comparison | SweepPanel:
        """What shows several runs in this part of the lab."""
        match tab:
            case "runs":
                return self._runs
            case "compare":
                return self._comparison
            case _:
                return self._sweeps

    @cached_property
    def _runs(self) -> RunsPanel:
        return RunsPanel(self._library, self.lab, self.look, self.browser)

    @cached_property
    def _comparison(self) -> Comparison:
        return Comparison(self._library, self.look, self.browser, self.lab.hands)

    @cached_property
    def _sweeps(self) -> SweepPanel:
        return SweepPanel(self._library, self.lab, self.look)

    def _arrange(self, *_: Any) -> None:
        """Make room for a presentation, in large type, or for work."""
        present = self.look.present
        self._main.styles = {**TALL, "--type": f"{LARGE if present else 1}"}
        # The drawer of a narrow page lies over everything.
        self.page.sidebar_open = not (present or self._narrow)

    def _toggle_presentation(self) -> None:
        self.look.present = not self.look.present

    @property
    def _exhibit(self) -> Exhibit:
        return self._comparison.exhibit if self.look.tab == "compare" else self._run.exhibit

    def _keep_theme(self, *_: Any) -> None:
        """Remember a theme that is not the system's own."""
        if self._system_dark is not None:
            chosen = "dark" if self.page.dark_theme else "light"
            self.look.theme = "" if self.page.dark_theme == self._system_dark else chosen

    def _toggle_tour(self) -> None:
        self.tour.place = -1 if self.tour.stop else 0

    def _hear(self, told: Mapping[str, Any]) -> None:
        """What the browser says: that it is there, or lags, its colour scheme, or a key."""
        if not self._awake:
            self._told_early.append(told)
            return
        self._beat.slower = told.get("slower", self._beat.slower)
        if "back" in told:
            self._go_back(dict(parse_qsl(told["back"].removeprefix("?"))))
        if told.get("narrow"):
            self._narrow = True
            self._arrange()
        if "dark" in told:
            self._system_dark = bool(told["dark"])
            if not self.look.theme:
                self.page.dark_theme = self._system_dark
        if "copied" in told:
            tell_copied(bool(told["copied"]))
        match told.get("key"):
            case None:
                return
            case keys.TOUR:
                self._toggle_tour()
            case keys.HELP:
                self._keys.toggle()
            case keys.LEAVE:
                self.look.present, self.tour.place = False, -1
                self._keys.close()
            case keys.TRAIN:
                self._run.transport.press("train")
            case keys.WHOLE:
                self._exhibit.board.reset_view()
            case key:
                shown = self._exhibit
                keys.press(key, self.lab, self.look, shown.timeline.moments, shown.tools.panes)


@cache
def library_of(root: Path) -> Library:
    """The runs below a root, for all sessions, which take turns."""
    return Library(root)


def extend() -> None:
    """What a page needs of Panel."""
    # A server that was started anew knows nothing of this session: the page asks for a new one.
    pn.extension(throttled=True, notifications=True, reconnect=False)


def empty() -> pmui.Page:
    """A page that begins as all do."""
    extend()
    return pmui.Page(meta_title=NAME)


def session(root: Path, door: Door) -> LabPage:
    """A new page for the session that is being served, with its heartbeat."""
    extend()
    asked = pn.state.session_args.items()
    query = {name: values[0].decode(errors="replace") for name, values in asked if values}
    narrow = is_narrow(pn.state.headers)
    page = LabPage(library_of(root), query, door.hands(pn.state.user, query), narrow)
    PAGES[pn.state.curdoc.session_context.id] = page
    code = CustomJS(args={"follow": not page.look.theme}, code=ON_LOAD)
    pn.state.curdoc.js_on_event("document_ready", code)
    pn.state.curdoc.js_on_event("connection_lost", CustomJS(code=ON_LOSS))
    pn.state.onload(page.wake)
    document = pn.state.curdoc
    pn.state.on_session_destroyed(lambda session_context: compat.forget_views(document))
    # Bokeh's own: Panel's tells its busy indicator of each, which takes longer than an idle tick.
    pn.state.curdoc.add_periodic_callback(page.tick, POLL_MILLISECONDS)
    return page


def serve(door: Door, root: Path, show: bool) -> None:
    """Serve the lab until interrupted; ``show`` opens a browser."""
    outlooks.warm_up(Choices().task)
    pictures.warm_up()
    # What is there now stays: to look for garbage among it took half a second of one page in five.
    gc.collect()
    gc.freeze()
    # Panel collects what a session leaves; updates alone set off 0.1 s of it now and then.
    gc.set_threshold(YOUNG_OBJECTS)
    logging.getLogger("bokeh.server.util").setLevel(logging.ERROR)
    guarded = {"auth_provider": Keeper(door)} if door.password else {}
    login = [(LOGIN, Login, {"door": door, "tries": Tries()})]
    server = pn.serve(
        lambda: session(root, door),
        port=door.port,
        address=door.address,
        prefix=door.prefix,
        # The door looks at the origin of every request itself; Bokeh would warn of that.
        websocket_origin=["*"],
        cookie_secret=secrets.token_hex(),
        transforms=[SafeAnswer],
        extra_patterns=login if door.password else [],
        show=show,
        verbose=False,
        start=False,
        title=NAME,
        **guarded,
    )
    rule = Rule(Stranger(door), Refusal)
    compat.application_of(server).default_router.rules.insert(0, rule)
    if beginning := begins(compat.page_html(server, empty, NAME)):
        # Who is asked for a password may not see what everybody does.
        context = None if door.password else compat.context_of(server)
        spare = Spare(context) if context else None
        compat.greet(server, Greeter, begins=beginning, spare=spare)
        if spare:
            server.io_loop.add_callback(spare.prepare)
            server.io_loop.add_callback(spare.keep)
    # Not before the first page is there, which looks at its own.
    for name in tasks():
        server.io_loop.call_later(FIRST_PAGE_SECONDS, outlooks.warm_up, name)
    server.start()
    server.io_loop.start()
