"""Charts of a run as SVG, for reports: PSNR, the total and each loss term, SURE over the risk."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial

import numpy as np

from reilab.runs.curves import Values, losses_of, marks_of, scores_of
from reilab.runs.history import History, Track
from reilab.runs.results import BASELINE

#: More points than that are not told apart on paper.
MOST_POINTS = 400
Draw = Callable[[Track], tuple[Values, Values]]


def svg_charts(history: History) -> list[str]:
    """One SVG element for each chart that has something to show; text stays text."""
    # Loaded here because it takes a second, and no training run needs it.
    from matplotlib import rc_context

    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "reilab", "font.size": 9}):
        return [chart for chart in (_psnr(history), *_losses(history)) if chart]


def _psnr(history: History) -> str:
    def draw(track: Track) -> tuple[Values, Values]:
        scores = scores_of(track)
        return scores.step.astype(float), scores.psnr

    start = history.posed.pinv_metrics if history.posed else None
    base = (BASELINE, start.psnr) if start else None
    return _chart(history, "PSNR [dB]", draw, base, logarithmic=False)


def _losses(history: History) -> list[str]:
    tracks = history.tracks.values()
    terms = dict.fromkeys(name for track in tracks for e in track.stepped[:1] for name in e.losses)
    charts = [_chart(history, "objective", partial(_column, "total"), None, True)]
    for term in terms:
        title = f"{term}, unweighted"
        charts.append(_chart(history, title, partial(_column, term), None, True))
    return [*charts, _chart(history, "true risk", partial(_column, "risk"), None, True)]


def _column(name: str, track: Track) -> tuple[Values, Values]:
    losses = losses_of(track)
    own = {"total": losses.total, "risk": losses.risk, **losses.terms}
    return losses.step.astype(float), own.get(name, np.full(len(losses.step), np.nan))


def _chart(
    history: History, title: str, draw: Draw, base: tuple[str, float] | None, logarithmic: bool
) -> str:
    """A line for each method that has values; dotted where it was steered."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.2, 2.6), layout="constrained")
    axis = figure.subplots()
    for method, track in history.tracks.items():
        step, values = _thinned(*draw(track))
        if not np.isfinite(values).any():
            continue
        (line,) = axis.plot(step, np.where(values > 0, values, np.nan) if logarithmic else values)
        line.set_label(method)
        for mark in marks_of(track):
            axis.axvline(mark.step, color=line.get_color(), linestyle=":", linewidth=0.8)
    if not axis.lines:
        return ""
    if base:
        axis.axhline(base[1], color="gray", linestyle="--", label=base[0])
    if logarithmic:
        axis.set_yscale("log")
    axis.set(xlabel="step", title=title)
    axis.legend(loc="best", frameon=False)
    axis.grid(alpha=0.3)
    stream = io.StringIO()
    figure.savefig(stream, format="svg", metadata={"Date": None})
    whole = stream.getvalue()
    return whole[whole.index("<svg") :]


def _thinned(step: Values, values: Values) -> tuple[Values, Values]:
    """Means over neighbours where there are too many points."""
    width = -(-len(step) // MOST_POINTS)
    if width <= 1:
        return step, values
    whole = len(step) // width * width
    return (
        step[:whole].reshape(-1, width).mean(1),
        values[:whole].reshape(-1, width).mean(1),
    )
