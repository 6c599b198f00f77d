"""Curves: PSNR and loss terms of all methods, grown point by point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import holoviews as hv
import numpy as np
import panel as pn
from bokeh.models import ColumnDataSource, DataRange1d, Range1d

from reilab.lab.style import NEUTRAL, TALL, colour_of
from reilab.lab.summary import BASELINE, in_order, method_title
from reilab.runs.history import History, Track

MARKS = "steered"
GRID = {
    **TALL,
    "display": "grid",
    "grid-auto-rows": "max-content",
    "gap": "14px",
    "grid-template-columns": "repeat(auto-fit, minmax(min(100%, 380px), 1fr))",
}
Points = tuple[Sequence[float], Sequence[float]]


@dataclass(frozen=True)
class Line:
    """How a line looks."""

    label: str
    colour: str
    dash: str = "solid"


class Chart:
    """One figure with named lines, and upright marks where the run was steered.

    Args:
        lines: how they look, by key.
        y_label: what is drawn, with its unit.
        log: whether the vertical axis is logarithmic; values of 0 or less leave a gap.
        n_steps: length of the horizontal axis.
    """

    def __init__(self, lines: Mapping[str, Line], y_label: str, log: bool, n_steps: int) -> None:
        self._sources: dict[str, ColumnDataSource] = {}
        self._log = log
        layers = [self._curve(key, line) for key, line in lines.items()]
        marks = hv.VLines([0.0]).opts(
            color=NEUTRAL, line_dash="dotted", line_width=1.5, hooks=[self._keep(MARKS)]
        )
        overlay = hv.Overlay([*layers, marks]).opts(
            xlabel="Step of each method",
            ylabel=y_label,
            logy=log,
            legend_position="top",
            show_grid=True,
            toolbar=None,
            fontsize={"labels": 12, "ticks": 11, "legend": 12},
        )
        figure = hv.render(overlay, backend="bokeh")
        drawn = [glyph for glyph in figure.renderers if glyph.data_source is not self._marks]
        figure.update(
            output_backend="canvas",
            x_range=Range1d(0, n_steps),
            y_range=DataRange1d(renderers=drawn, range_padding=0.08),
            sizing_mode="stretch_width",
            height=260,
            html_attributes={"role": "img", "aria-label": f"{y_label} against steps"},
        )
        figure.legend[0].update(
            orientation="horizontal",
            ncols=4 if len(lines) <= 4 else 3,
            label_text_font_size="12px",
            padding=0,
            margin=4,
            border_line_color=None,
            spacing=2,
        )
        self.figure = figure
        for key in lines:
            self.replace(key, ([], []))
        self.mark([])

    @property
    def _marks(self) -> ColumnDataSource:
        return self._sources[MARKS]

    def grow(self, key: str, points: Points) -> None:
        """Show ``points``, of which the first ones are on screen already."""
        source = self._sources[key]
        shown, total = len(source.data["x"]), len(points[0])
        if shown > total:
            self.replace(key, points)
        elif shown < total:
            source.stream(self._columns(points, shown))

    def replace(self, key: str, points: Points) -> None:
        """Draw the whole line anew."""
        self._sources[key].data = self._columns(points, 0)

    def mark(self, steps: Sequence[int]) -> None:
        """Draw upright marks at these steps."""
        column = next(iter(self._marks.data))
        if list(self._marks.data[column]) != list(steps):
            self._marks.data = {column: np.asarray(steps, float)}

    def _columns(self, points: Points, start: int) -> dict[str, Any]:
        x, y = (np.asarray(values[start:], float) for values in points)
        return {"x": x, "y": np.where(y > 0, y, np.nan) if self._log else y}

    def _curve(self, key: str, line: Line) -> hv.Curve:
        dots = line.colour if line.dash == "solid" and not self._log else ""
        return hv.Curve([(0.0, 1.0), (1.0, 2.0)], "x", "y", label=line.label).opts(
            color=line.colour, line_dash=line.dash, line_width=2, hooks=[self._keep(key, dots)]
        )

    def _keep(self, key: str, dots: str = "") -> Any:
        def hook(plot: Any, element: hv.Element) -> None:
            self._sources[key] = plot.handles["source"]
            if dots:
                # A line of one point would not be seen.
                plot.state.scatter("x", "y", source=self._sources[key], color=dots, size=5)

        return hook


class Curves(pn.viewable.Viewer):
    """PSNR and loss terms of the shown run, beside each other where there is room."""

    def __init__(self) -> None:
        super().__init__()
        self._view = pn.Column(sizing_mode="stretch_width", margin=0, styles=GRID)
        self._built: tuple[object, ...] = ()

    def __panel__(self) -> pn.viewable.Viewable:
        return self._view

    def update(self, run: str, history: History, rewound: bool) -> None:
        """Add what is new; ``rewound`` if a method went back to a checkpoint meanwhile."""
        if history.posed is None or not history.tracks:
            return
        key = (run, *in_order(history))
        if key != self._built:
            self._build(history)
            self._built = key
            rewound = True
        for chart, found in (
            (self._psnr, _psnr_points(history)),
            (self._losses, _loss_points(history)),
        ):
            for name, points in found.items():
                (chart.replace if rewound else chart.grow)(name, points)
            chart.mark(_steered_steps(history))

    def _build(self, history: History) -> None:
        n_steps = max(track.started.n_steps for track in history.tracks.values())
        psnr = {BASELINE: Line(BASELINE, NEUTRAL, "dashed")}
        losses = {}
        for name in in_order(history):
            psnr[name] = Line(method_title(name), colour_of(name))
            terms = list(history.tracks[name].started.weights)
            for term, dash in zip(terms, ("solid", "dashed", "dotted", "dotdash"), strict=False):
                label = method_title(name) if len(terms) == 1 else f"{method_title(name)} {term}"
                losses[f"{name} {term}"] = Line(label, colour_of(name), dash)
        self._psnr = Chart(psnr, "PSNR on the test images (dB)", False, n_steps)
        self._losses = Chart(losses, "Loss terms (mean square)", True, n_steps)
        self._view.objects = [
            pn.pane.Bokeh(chart.figure, sizing_mode="stretch_width", margin=0)
            for chart in (self._psnr, self._losses)
        ]


def _psnr_points(history: History) -> dict[str, Points]:
    assert history.posed is not None
    found: dict[str, Points] = {}
    if history.posed.pinv_metrics:
        last = max(track.started.n_steps for track in history.tracks.values())
        level = history.posed.pinv_metrics.psnr
        found[BASELINE] = ([0, last], [level, level])
    for name, track in history.tracks.items():
        known = [(event.step, event.metrics.psnr) for event in track.evaluated if event.metrics]
        found[name] = ([step for step, _ in known], [psnr for _, psnr in known])
    return found


def _loss_points(history: History) -> dict[str, Points]:
    return {
        f"{name} {term}": _term(track, term)
        for name, track in history.tracks.items()
        for term in track.started.weights
    }


def _term(track: Track, term: str) -> Points:
    steps = [event.step for event in track.stepped]
    return steps, [event.losses[term] for event in track.stepped]


def _steered_steps(history: History) -> list[int]:
    return sorted({event.step for track in history.tracks.values() for event in track.steered})
