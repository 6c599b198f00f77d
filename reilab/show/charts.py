"""Charts of a run as SVG, for reports: PSNR, its parts, the losses, SURE over the risk."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from reilab.record.history import History, Track, Values
from reilab.show.curves import marks_of, scores_of, thinned
from reilab.show.results import BASELINE
from reilab.show.words import method_colour, risk_terms

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: More points than that are not told apart on paper.
MOST_POINTS = 400

#: Metrics that are drawn, with their titles.
SCORES = {
    "psnr": "PSNR [dB]",
    "psnr_null": "PSNR of the error in the null space of A [dB]",
    "psnr_range": "PSNR of the error that A sees [dB]",
}


@dataclass(frozen=True, eq=False)
class ChartLine:
    """What one method adds to a chart."""

    step: Values
    values: Values
    style: str = "-"


Draw = Callable[[Track], list[ChartLine]]


def svg_charts(history: History) -> list[str]:
    """One SVG element for each chart that has something to show; text stays text."""
    with svg_style():
        scores = [_scores(history, name, title) for name, title in SCORES.items()]
        return [chart for chart in (*scores, *_losses(history)) if chart]


def svg_style() -> AbstractContextManager[None]:
    """The same charts are the same bytes, and their text stays text."""
    # Loaded here because it takes a second, and no training run needs it.
    from matplotlib import rc_context

    return rc_context({"svg.fonttype": "none", "svg.hashsalt": "reilab", "font.size": 9})


def to_svg(figure: Figure) -> str:
    """A figure as one SVG element."""
    stream = io.StringIO()
    figure.savefig(stream, format="svg", metadata={"Date": None})
    whole = stream.getvalue()
    return whole[whole.index("<svg") :]


def _scores(history: History, name: str, title: str) -> str:
    def draw(track: Track) -> list[ChartLine]:
        scores = scores_of(track)
        return [ChartLine(scores.step.astype(float), getattr(scores, name))]

    start = history.posed.pinv_metrics if history.posed else None
    level: float | None = getattr(start, name) if start else None
    base = None if level is None else (BASELINE, level)
    return _chart(history, title, draw, base, logarithmic=False)


def _losses(history: History) -> list[str]:
    tracks = history.tracks.values()
    terms = dict.fromkeys(name for track in tracks for e in track.stepped[:1] for name in e.losses)
    has_risk = any(track.stepped and track.stepped[-1].risk is not None for track in tracks)
    charts = [_chart(history, "objective", _draw_total, None, logarithmic=True)]
    for term in terms:
        title = f"{term}, unweighted"
        if term in risk_terms() and has_risk:
            title += "; dashed: the true risk"
        charts.append(_chart(history, title, partial(_draw_term, term), None, logarithmic=True))
    return charts


def _draw_total(track: Track) -> list[ChartLine]:
    losses = track.losses
    return [ChartLine(losses.step.astype(float), losses.total)]


def _draw_term(term: str, track: Track) -> list[ChartLine]:
    losses = track.losses
    if term not in losses.terms:
        return []
    step = losses.step.astype(float)
    lines = [ChartLine(step, losses.terms[term])]
    return [*lines, ChartLine(step, losses.risk, "--")] if term in risk_terms() else lines


def _chart(
    history: History, title: str, draw: Draw, base: tuple[str, float] | None, logarithmic: bool
) -> str:
    """The lines of each method in its colour; dotted where it was steered."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2, 2.5), layout="constrained")
    axis = figure.subplots()
    for method, track in history.tracks.items():
        colour, label = method_colour(method), method
        for line in draw(track):
            step, values = thinned(line.step, line.values, MOST_POINTS)
            shown = np.where(values > 0, values, np.nan) if logarithmic else values
            if np.isfinite(shown).any():
                axis.plot(step, shown, line.style, color=colour, label=label)
                # The legend names a method once.
                label = "_"
        if label != method:
            for mark in marks_of(track):
                axis.axvline(mark.step, color=colour, linestyle=":", linewidth=0.8)
    if not axis.lines:
        return ""
    if base:
        axis.axhline(base[1], color="gray", linestyle="--", label=base[0])
    if logarithmic:
        axis.set_yscale("log")
    axis.set(xlabel="step", title=title)
    axis.legend(loc="best", frameon=False)
    axis.grid(alpha=0.3)
    return to_svg(figure)
