"""Chart: lines over steps as SVG, drawn in a few milliseconds; text takes the theme's colour."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

from reilab.lab.lines import PlotAxes, PlotLine, PlotMark, Points
from reilab.lab.notebook.ticks import linear_ticks, log_ticks, tick_text
from reilab.lab.series import Series
from reilab.lab.style import MARK
from reilab.show.curves import thinned
from reilab.show.words import NEUTRAL

WIDTH, HEIGHT = 480, 230
LEFT, RIGHT, TOP, BOTTOM = 54, 10, 8, 34
#: Room above and below the lines, as a share of their range.
ROOM = 0.06
MOST_POINTS = 300
#: More dots than that only make a line thick.
MOST_DOTS = 40
DASHES: Mapping[str, str] = {
    "solid": "",
    "dashed": "7 4",
    "dotted": "2 3",
    "dotdash": "2 3 7 3",
    "dashdot": "7 3 2 3",
}
Values = NDArray[np.float64]
Place = Callable[[Values], Values]


@dataclass(frozen=True)
class Drawing:
    """Where steps and values are on the picture, and the ticks of both axes."""

    across: Place
    up: Place
    steps: Sequence[float]
    values: Sequence[float]
    #: From here on, values are written as powers of ten.
    most: float


def chart_html(
    axes: PlotAxes, series: Mapping[str, Series], marks: Sequence[PlotMark], at: int | None
) -> str:
    """A figure with its title, its legend and its lines; ``at`` is the step of the cursor."""
    points = {key: _points(one.points, axes.log) for key, one in series.items()}
    drawing = _drawing(axes, list(points.values()))
    lines = "".join(_line(series[key].line, points[key], drawing) for key in series)
    upright = "".join(_upright(mark, drawing) for mark in marks)
    cursor = "" if at is None else _rule(drawing, at, MARK, "")
    name = escape(f"{axes.label} against steps", quote=True)
    legend = "".join(_key(one.line) for one in series.values())
    return (
        f'<figure class="reilab-chart"><figcaption>{escape(axes.label)}</figcaption>'
        f'<div class="legend">{legend}</div>'
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{name}">'
        f"{_frame(drawing)}{upright}{lines}{cursor}</svg></figure>"
    )


def _points(points: Points, log: bool) -> tuple[Values, Values]:
    step, values = (np.asarray(part, np.float64) for part in points)
    step, values = thinned(step, values, MOST_POINTS)
    return step, np.where(values > 0, values, np.nan) if log else values


def _drawing(axes: PlotAxes, points: Sequence[tuple[Values, Values]]) -> Drawing:
    every = [values[np.isfinite(values)] for _, values in points]
    shown = np.concatenate(every) if every else np.empty(0)
    if not shown.size:
        shown = np.array([0.1, 1.0])
    scale: Place = np.log10 if axes.log else np.asarray
    low, high = (float(end) for end in scale(np.array([shown.min(), shown.max()])))
    room = ROOM * (high - low) or ROOM * abs(high) or 1.0
    low, high = low - room, high + room
    width, height = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def across(steps: Values) -> Values:
        return LEFT + width * steps / max(axes.n_steps, 1)

    def up(values: Values) -> Values:
        return TOP + height * (high - scale(values)) / (high - low)

    ticks = log_ticks(10.0**low, 10.0**high) if axes.log else linear_ticks(low, high)
    steps = linear_ticks(0, max(axes.n_steps, 1))
    return Drawing(across, up, steps, ticks, 1e4 if axes.log else 1e6)


def _frame(drawing: Drawing) -> str:
    """Both axes with their numbers, and faint lines at these."""
    parts = []
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    for value, y in zip(drawing.values, _at(drawing.up, drawing.values), strict=True):
        parts.append(f'<path class="grid" d="M{LEFT} {y}H{right}"/>')
        words = tick_text(value, drawing.most)
        parts.append(f'<text x="{LEFT - 6}" y="{y + 4}" text-anchor="end">{words}</text>')
    for step, x in zip(drawing.steps, _at(drawing.across, drawing.steps), strict=True):
        parts.append(f'<path class="axis" d="M{x} {bottom}v4"/>')
        anchor = "end" if x > right - 14 else "middle"
        words = f'<text x="{x}" y="{bottom + 17}" text-anchor="{anchor}">{tick_text(step)}</text>'
        parts.append(words)
    parts.append(f'<path class="axis" d="M{LEFT} {TOP}V{bottom}H{right}"/>')
    middle = (LEFT + right) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 3}" text-anchor="middle">Step</text>')
    return "".join(parts)


def _line(line: PlotLine, points: tuple[Values, Values], drawing: Drawing) -> str:
    step, values = points
    keep = np.isfinite(values)
    # A gap begins a new stretch.
    begins = keep & ~np.concatenate([[False], keep[:-1]])
    at = zip(drawing.across(step[keep]), drawing.up(values[keep]), begins[keep], strict=True)
    places = [(round(float(x), 1), round(float(y), 1), bool(first)) for x, y, first in at]
    path = "".join(f"{'M' if first else 'L'}{x} {y}" for x, y, first in places)
    stroke = f'stroke="{line.colour}" stroke-dasharray="{DASHES[line.dash]}"'
    dots = "".join(f'<circle cx="{x}" cy="{y}" r="2.6"/>' for x, y, _ in places)
    tail = f'<g fill="{line.colour}">{dots}</g>' if line.dots and len(places) <= MOST_DOTS else ""
    return (
        f'<path class="line" d="{path}" {stroke}><title>{escape(line.label)}</title></path>{tail}'
    )


def _upright(mark: PlotMark, drawing: Drawing) -> str:
    words = f"<title>Step {mark.step}: {escape(mark.words)}</title>"
    return _rule(drawing, mark.step, NEUTRAL, words, "2 3")


def _rule(drawing: Drawing, step: float, colour: str, inside: str, dash: str = "") -> str:
    (x,) = _at(drawing.across, [step])
    style = f'stroke="{colour}" stroke-dasharray="{dash}"'
    return f'<path class="line" d="M{x} {TOP}V{HEIGHT - BOTTOM}" {style}>{inside}</path>'


def _key(line: PlotLine) -> str:
    """A short piece of the line with its name."""
    stroke = f'stroke="{line.colour}" stroke-dasharray="{DASHES[line.dash]}"'
    swatch = f'<svg viewBox="0 0 22 8" aria-hidden="true"><path class="line" d="M1 4H21" {stroke}/>'
    return f"<span>{swatch}</svg>{escape(line.label)}</span>"


def _at(place: Place, values: Sequence[float]) -> list[float]:
    return [round(float(one), 1) for one in place(np.asarray(values, np.float64))]
