"""Sweeps: noise levels × methods × seeds of what is chosen, asked for and watched from the page."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from html import escape
from typing import Any

import panel as pn
from bokeh.models import ColumnDataSource, FixedTicker, HoverTool, TeeHead, Whisker
from bokeh.plotting import figure

from reilab.batch.grid import Grid, cells_of
from reilab.batch.sweep import (
    Sweep,
    begin,
    command_of,
    counted,
    scores_of,
    seconds_to_go,
    sweeps,
)
from reilab.lab.actions import attempt
from reilab.lab.beside import thread
from reilab.lab.board import Redraw
from reilab.lab.choices import Choices
from reilab.lab.exhibit import STRETCH, section
from reilab.lab.explain import refusal, unit
from reilab.lab.imagetools import tool
from reilab.lab.markup import notice_html
from reilab.lab.model import Lab
from reilab.lab.style import LINE, TALL
from reilab.lab.text import block, set_html, small_button
from reilab.lab.titles import duration, run_title, so_many
from reilab.lab.view import View
from reilab.lab.web.components import Button, put
from reilab.record.folder import RunFolder
from reilab.runs.account import Account
from reilab.runs.library import Library
from reilab.show.noise import NoiseChart, NoiseLine, Score, noise_chart
from reilab.show.table import NOTHING
from reilab.show.words import method_title, number_text, parse_number

#: More would fill the list and the disk.
MOST_RUNS = 200
#: What a sweep has levels of, or what does not count in it.
LEFT_OUT = ("methods", "noise", "same_noise", "assumed_noise", "seed", "device", "start_from")


def grid_of(choices: Choices, levels: str, n_seeds: str) -> Grid:
    """The grid of what is chosen, over some noise levels; in each, losses assume the true noise.

    Args:
        choices: task, methods, first seed, and all other settings.
        levels: numbers, parted by blanks.
        n_seeds: how many.

    Raises:
        ValueError: something is no number, too much, or out of bounds.
    """
    noise = [parse_number(word) for word in re.split(r"[;\s]+", levels.strip())]
    if wrong := [word for word in noise if isinstance(word, str)]:
        raise ValueError(f"Noise levels: {wrong[0]!r} is no number; part numbers by blanks")
    faults = " ".join(filter(None, (choices.complaint("noise", level) for level in noise)))
    # The noise of the controls does not count.
    own = {n: words for n, words in choices.complaints().items() if not n.endswith("noise")}
    if told := own | ({"noise levels": faults} if faults else {}):
        raise ValueError(refusal(told))
    count, seed = parse_number(n_seeds), choices.seed
    if not isinstance(count, int) or not isinstance(seed, int) or not 1 <= count <= MOST_RUNS:
        raise ValueError(f"Seeds: {n_seeds!r} must be a whole number from 1 to {MOST_RUNS}")
    changed = {n: v for n, v in choices.changes().items() if n not in LEFT_OUT}
    grid = Grid(
        preset=choices.preset,
        tasks=(choices.task,),
        noise=tuple(map(number_text, noise)),
        methods=tuple(name for name in choices.param.methods.objects if name in choices.methods),
        seeds=tuple(range(seed, seed + count)),
        set=tuple(f"{name}={number_text(value)}" for name, value in changed.items()),
        device=choices.device,
    )
    n_runs = len(grid.noise) * len(grid.methods) * count
    if n_runs > MOST_RUNS:
        raise ValueError(f"{n_runs} runs are more than {MOST_RUNS}; choose fewer levels or seeds")
    return grid


class SweepPanel(pn.viewable.Viewer):
    """What a sweep would be, and below it one that has begun, with its chart."""

    def __init__(self, library: Library, lab: Lab, view: View) -> None:
        super().__init__()
        self._library, self._lab, self._look = library, lab, view
        self._making: Future[None] | None = None
        self._accounts: dict[str, Account] = {}
        self._drawn: tuple[str, NoiseChart] | None = None
        self._plot: NoisePlot | None = None
        self._known: list[Sweep] = []
        self._levels = tool("text", "levels", "Noise levels", "inline", 380, eager=True)
        self._seeds = tool("number", "seeds", "Seeds", "inline", 120)
        self._asked, self._trouble, self._state = block(), block(), block()
        self._chosen = tool("choice", "swept", "Sweep", "inline", 330)
        self._start = self._button("Start sweep", self._begin, "full")
        self._stop = self._button("Stop sweep", lambda: self._do(lambda sweep: sweep.stop))
        self._more = self._button("Go on", lambda: self._do(lambda sweep: sweep.go_on))
        self._compare = self._button("Compare its runs", self._compare_runs)
        self._place = pn.Row(styles=dict(TALL), **STRETCH)
        line: dict[str, Any] = {"styles": dict(LINE), **STRETCH}
        self._shown = pn.Column(
            section("Sweeps", ""),
            pn.Row(self._chosen, self._stop, self._more, self._compare, **line),
            self._state,
            self._place,
            styles={**TALL, "gap": "8px"},
            **STRETCH,
        )
        self._view = pn.Column(
            pn.Row(self._levels, self._seeds, self._start, **line),
            self._asked,
            self._trouble,
            self._shown,
            styles={**TALL, "gap": "10px"},
            **STRETCH,
        )
        self._offered: tuple[str, ...] = ()
        redraw = Redraw(self.update)
        lab.choices.param.watch(redraw.ask, list(lab.choices.param))
        for field in (self._levels, self._seeds, self._chosen):
            field.param.watch(self._read, "value")
        view.param.watch(redraw.ask, ["tab", "levels", "seeds", "swept"])

    def __panel__(self) -> pn.viewable.Viewable:
        return self._view

    def update(self, *_: Any) -> None:
        """Say what a sweep would be, and show how the chosen one stands, if it is to be seen."""
        if self._look.tab != "sweep":
            return
        self._offer()
        trouble = attempt(lambda: set_html(self._asked, self._told()))
        if trouble:
            set_html(self._asked, notice_html([trouble]))
        self._start.disabled = bool(trouble) or self._lab.hands.tied or self._making is not None
        self._known = sweeps(self._library.root)
        options = [[one.name, run_title(f"{one.name}-{_name(one)}")] for one in self._known]
        names = [name for name, _ in options]
        value = self._look.swept if self._look.swept in names else next(iter(names), "")
        put(self._chosen, options=options, value=value)
        self._shown.visible = bool(names)
        # What was asked for elsewhere may be no grid of this machine.
        if names and (trouble := attempt(lambda: self._show(self._sweep))):
            set_html(self._state, notice_html([trouble]))
            self._stop.disabled = self._more.disabled = True
            self._place.objects, self._drawn = [], None
        # Last, so that no button is free again at once, for the second click of a double click.
        if self._making is not None and self._making.done():
            making, self._making = self._making, None
            self._tell(attempt(making.result))

    def _offer(self) -> None:
        """Show the seeds and levels of the view; those of another preset take their place."""
        choices, look = self._lab.choices, self._look
        *before, levels = self._offered or ("",)
        now = (choices.task, choices.preset, choices.level_name)
        if before and tuple(before) != now and look.levels == levels:
            look.levels = ""
        put(self._seeds, value=look.seeds)
        # What is being typed stays as it is.
        if self._offered != (*now, look.levels):
            self._offered = (*now, look.levels)
            told = unit("noise", choices.setting("noise"))
            put(self._levels, value=look.levels or self._usual, unit=told)

    @property
    def _usual(self) -> str:
        """The levels of the preset."""
        choices = self._lab.choices
        return " ".join(map(number_text, choices.chosen_task.levels(choices.preset)))

    def _read(self, event: Any) -> None:
        """Put what stands in a field into the view, unless it is as usual."""
        match event.obj:
            case self._levels:
                levels = "" if event.new == self._usual else event.new
                self._offered = (*self._offered[:-1], levels)
                self._look.levels = levels
            case self._seeds:
                self._look.seeds = event.new
            case self._chosen:
                newest = next((sweep.name for sweep in self._known), "")
                self._look.swept = "" if event.new == newest else event.new

    def _grid(self) -> Grid:
        return grid_of(self._lab.choices, self._levels.value, self._seeds.value)

    def _told(self) -> str:
        """How many runs, and about how long."""
        grid = self._grid()
        configs = [cell.config() for cell in cells_of(grid)]
        methods = ", ".join(map(method_title, grid.methods))
        steps = configs[0].training.steps
        seconds = seconds_to_go([(c, steps) for c in configs], self._library.lately())
        last = f"about {duration(seconds)}" if seconds else "how long is known once one has run"
        return (
            f'<p class="reilab-sweep-asked">{so_many(len(grid.noise), "noise level")} × '
            f"{so_many(len(grid.methods), 'method')} ({escape(methods)}) × "
            f"{so_many(len(grid.seeds), 'seed')} = <b>{so_many(len(configs), 'run')}</b> "
            f'of {steps:,} steps, {last}.</p><p class="quiet">What was changed in the controls '
            "counts for all; the rest is what the preset has for each level. The losses believe in "
            "the true noise.</p>"
        )

    @property
    def _sweep(self) -> Sweep:
        """The one that is chosen; raises ``ValueError`` where there is none."""
        for sweep in self._known:
            if sweep.name == self._chosen.value:
                return sweep
        raise ValueError("There is no sweep yet.")

    def _begin(self) -> None:
        grid = self._grid()
        self._lab.hands.check_places(vars(cells_of(grid)[0].config().spec))
        sweep = self._lab.hands.do(begin, self._library.root, grid)
        self._making = thread("sweep").submit(sweep.go_on)
        self._look.swept = ""

    def _do(self, what: Callable[[Sweep], Callable[[], None]]) -> None:
        self._making = self._lab.hands.do(thread("sweep").submit, what(self._sweep))

    def _compare_runs(self) -> None:
        sweep = self._sweep
        self._look.param.update(compared=[sweep.run(c).name for c in sweep.cells], tab="compare")

    def _show(self, sweep: Sweep) -> None:
        accounts = [(cell, self._account(sweep.run(cell))) for cell in sweep.cells]
        standings = [account.standing.status for _, account in accounts]
        told = counted(standings)
        words = [f"{told['finished']} of {len(accounts)} runs finished"]
        words += [f"{n} {what}" for what, n in list(told.items())[1:] if n]
        todo = [
            (one.config, round(one.config.training.steps * (1 - one.history.progress)))
            for _, one in accounts
            if one.config and not one.history.finished
        ]
        seconds = seconds_to_go(todo, self._library.lately())
        words += [f"about {duration(seconds)} left"] if seconds else []
        command = escape(shlex.join(command_of(sweep)))
        set_html(
            self._state,
            f'<p class="reilab-sweep-state" role="status">{" · ".join(words)}</p>'
            f'<p class="quiet">As a grid, for its report: <code>{command}</code></p>',
        )
        tied, busy = self._lab.hands.tied, self._making is not None
        self._stop.disabled = tied or busy or not told["training"] + told["in line"]
        self._more.disabled = tied or busy or not told["stopped"]
        self._draw(sweep, scores_of([(cell, account.history) for cell, account in accounts]))

    def _account(self, folder: RunFolder) -> Account:
        account = self._accounts.setdefault(folder.name, Account(folder))
        if not account.history.finished:
            account.read()
        return account

    def _draw(self, sweep: Sweep, scores: Mapping[str, Mapping[float, Score]]) -> None:
        """The figure of a sweep, made once; then only its numbers change."""
        spec, levels = vars(sweep.cells[0].config().spec), sorted(map(float, sweep.grid.noise))
        chart = noise_chart(sweep.grid.tasks[0], spec, levels, scores)
        if self._drawn == (sweep.name, chart):
            return
        if self._plot is not None and self._drawn is not None and self._drawn[0] == sweep.name:
            self._plot.show(chart)
        else:
            self._plot = NoisePlot(chart)
            pane = pn.pane.Bokeh(self._plot.figure, sizing_mode="stretch_width", margin=0)
            self._place.objects = [pane]
        self._drawn = (sweep.name, chart)

    def _attempt(self, action: Callable[[], None]) -> None:
        self._tell(attempt(action))
        self.update()

    def _tell(self, trouble: str) -> None:
        set_html(self._trouble, notice_html([trouble] if trouble else []))

    def _button(self, label: str, action: Callable[[], None], look: str = "") -> Button:
        return small_button(label, lambda: self._attempt(action), label.lower(), look)


def _name(sweep: Sweep) -> str:
    grid = sweep.grid
    return f"{grid.tasks[0]}-{grid.preset}"


class NoisePlot:
    """PSNR over the noise with bars of one standard deviation, as a figure that is fed."""

    def __init__(self, chart: NoiseChart) -> None:
        self.figure = figure(
            x_axis_type="log" if chart.log else "linear",
            x_axis_label=chart.label,
            y_axis_label="PSNR on the test images (dB)",
            height=340,
            sizing_mode="stretch_width",
            output_backend="canvas",
            toolbar_location=None,
            tools="",
        )
        self.figure.xaxis.ticker = FixedTicker(ticks=list(chart.levels))
        names = {level: number_text(level) for level in chart.levels}
        self.figure.xaxis.major_label_overrides = names
        words = f"{chart.title}: PSNR against noise"
        self.figure.html_attributes = {"role": "img", "aria-label": words}
        self._sources = [ColumnDataSource(_columns(line)) for line in chart.lines]
        points = [
            self._draw(line, source)
            for line, source in zip(chart.lines, self._sources, strict=True)
        ]
        told = [("", "$name"), (chart.label, "@x"), ("PSNR", "@y{0.00} ± @spread dB")]
        self.figure.add_tools(HoverTool(renderers=points, tooltips=told, visible=False))
        legend = self.figure.legend[0]
        legend.update(
            orientation="horizontal",
            label_text_font_size="12px",
            border_line_color=None,
            background_fill_alpha=0,
            padding=0,
        )
        self.figure.add_layout(legend, "above")

    def show(self, chart: NoiseChart) -> None:
        """Show other scores of the same lines."""
        for line, source in zip(chart.lines, self._sources, strict=True):
            source.data = _columns(line)

    def _draw(self, line: NoiseLine, source: ColumnDataSource) -> Any:
        look = {"source": source, "color": line.colour, "name": line.title}
        dash = "dashed" if line.dashed else "solid"
        drawn = self.figure
        drawn.line("x", "y", line_width=2, line_dash=dash, legend_label=line.title, **look)
        head = TeeHead(line_color=line.colour, line_width=2, size=8)
        bar = Whisker(base="x", lower="low", upper="high", source=source, line_color=line.colour)
        bar.update(line_width=2, upper_head=head, lower_head=head)
        drawn.add_layout(bar)
        return drawn.scatter("x", "y", size=7, **look)


def _columns(line: NoiseLine) -> dict[str, list[Any]]:
    scores = line.scores.values()
    return {
        "x": list(line.scores),
        "y": [mean for mean, _ in scores],
        "low": [mean - (spread or 0) for mean, spread in scores],
        "high": [mean + (spread or 0) for mean, spread in scores],
        "spread": [NOTHING if spread is None else f"{spread:.2f}" for _, spread in scores],
    }
