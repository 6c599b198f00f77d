"""Charts: lines over a quantity that was varied, with the uncertainty of each point."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import TYPE_CHECKING

from reilab.methods.registry import methods
from reilab.record.history import History
from reilab.show.curves import scores_of
from reilab.show.words import method_colour, method_title

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Line:
    """Points of a line; ``error`` is drawn above and below each of them; ``style`` as in plot."""

    x: Sequence[float]
    y: Sequence[float]
    error: Sequence[float] | None = None
    style: str = "o-"


@dataclass(frozen=True)
class Axes:
    """What the axes of a chart mean; scales are ``linear`` or ``log``."""

    x: str
    y: str
    x_scale: str = "linear"
    y_scale: str = "linear"


def chart(lines: Mapping[str, Line], axes: Axes) -> Figure:
    """All lines in one chart, by name; that of a method has its colour, as everywhere."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 3.4), layout="constrained", dpi=100)
    axis = figure.subplots()
    for name, line in lines.items():
        style = {"fmt": line.style, "label": method_title(name), "markersize": 4, "capsize": 3}
        if name in methods():
            style["color"] = method_colour(name)
        axis.errorbar(line.x, line.y, yerr=line.error, **style)  # type: ignore[arg-type]
    axis.set(xlabel=axes.x, ylabel=axes.y, xscale=axes.x_scale, yscale=axes.y_scale)
    axis.grid(alpha=0.3)
    axis.legend(frameon=False)
    return figure


def mean_and_error(values: Sequence[float]) -> tuple[float, float]:
    """The mean of independent values, and twice its standard error (95 % confidence)."""
    return fmean(values), 2 * stdev(values) / math.sqrt(len(values))


def psnr_lines(histories: Mapping[str, History]) -> dict[str, Line]:
    """PSNR over steps, a line for each method of each run; one name where a run has one method."""
    lines = {}
    for name, history in histories.items():
        for method, track in history.tracks.items():
            label = name if len(history.tracks) == 1 else f"{method}, {name}"
            scores = scores_of(track)
            lines[label] = Line(scores.step.tolist(), scores.psnr.tolist())
    return lines
